import { CommandError, InstanceStateError } from "../errors";
import type { Desired } from "../plan/desired";
import type { DesiredStandby } from "../plan/desired-standby";
import { type Place, placeProblem } from "./places";
import { askDatabase } from "./primary";
import { describe, type Target } from "./target";

/** A tablespace of a primary, and where its standby has it. */
export interface Placement {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** Those in the data directory go with it. */
const statement =
  `SELECT coalesce(json_agg(json_build_object('name', spcname, 'from', pg_tablespace_location(oid)) ORDER BY spcname), '[]')
  FROM pg_tablespace WHERE pg_tablespace_location(oid) LIKE '/%'`.replace(/\s+/g, " ");

/** @returns the primary's words where it lets nobody ask */
async function tablespacesOf(
  target: Target,
  standby: DesiredStandby,
): Promise<readonly Omit<Placement, "to">[] | string> {
  const { exitCode, lines, words } = await askDatabase(target, standby, statement);
  return exitCode === 0 ? JSON.parse(lines.at(-1) ?? "[]") : words;
}

/**
 * Where a base backup puts the primary's tablespaces: as declared, else at the path that each has there. A role that may
 * only replicate is not told of any, and a backup that meets one then fails.
 * @throws InstanceStateError where one would not be in an empty directory, before anything was changed
 * @throws CommandError in the primary's words, where some are declared and it lets nobody ask
 */
export async function placeTablespaces(
  target: Target,
  { standby, inputs: { tablespaces: declared = {} } }: Desired,
): Promise<readonly Placement[]> {
  if (!standby) return [];
  const found = await tablespacesOf(target, standby);
  if (typeof found === "string") {
    if (Object.keys(declared).length === 0) return [];
    throw new CommandError(
      `tablespaces: ${standby.where} does not say where it has those of ${describe(target)}:\n${found}`,
      {
        command: "psql",
        stderr: found,
        hint: "Nothing was changed. The role of `primary` needs a session in the database postgres there (hba).",
      },
    );
  }
  const foreign = Object.keys(declared).filter((name) => !found.some((space) => space.name === name));
  if (foreign.length > 0) {
    throw new InstanceStateError(
      `tablespaces: ${standby.where} has no ${foreign.join(", ")}, and a standby has its primary's alone`,
      { hint: "Nothing was changed. Declare it on the primary first, or leave it out here." },
    );
  }
  const placements = found.map((space) => ({ ...space, to: declared[space.name] ?? space.from }));
  await requireFree(target, standby, placements, (name) => name in declared);
  return placements;
}

/** All of them at once: whoever has to declare some wants to know which. */
async function requireFree(
  target: Target,
  standby: DesiredStandby,
  placements: readonly Placement[],
  isDeclared: (name: string) => boolean,
): Promise<void> {
  const problems: { name: string; words: string }[] = [];
  for (const { name, to } of placements) {
    const place: Place = { property: `tablespaces.${name}`, kind: "copy", directory: to };
    const words = await placeProblem(target, place);
    if (words !== undefined) problems.push({ name, words: `${name}: ${to} ${words}` });
  }
  if (problems.length === 0) return;
  const undeclared = problems.filter(({ name }) => !isDeclared(name)).map(({ name }) => name);
  const lines = problems.map(({ words }) => `  ${words}`).join("\n");
  throw new InstanceStateError(
    `tablespaces: those of ${standby.where} have no place on ${target.host.name}:\n${lines}`,
    {
      hint:
        undeclared.length > 0
          ? `Nothing was changed. Declare ${undeclared.join(", ")} in \`tablespaces\`, each with a directory of its own that is empty or not there.`
          : "Nothing was changed. Declare directories that are empty or not there.",
    },
  );
}

/** A copy beside the old data has no place for them: theirs is in use. */
export async function requireNoTablespaces(target: Target, standby: DesiredStandby): Promise<void> {
  const found = await tablespacesOf(target, standby);
  if (typeof found === "string" || found.length === 0) return;
  throw new InstanceStateError(
    `rebuild of ${describe(target)}: ${standby.where} has tablespaces (${found.map(({ name }) => name).join(", ")}), and a copy beside the old data has no place for them`,
    {
      hint: 'Nothing was changed. Declare rejoin: "rewind", or destroy this instance and declare a new standby.',
    },
  );
}
