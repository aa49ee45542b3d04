/** One `pulumi up`: what the preview said, what the update did, and how the host was before and after. */
import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { progressOf } from "../../../provider/instances/converge";
import { desiredOf } from "../../../provider/instances/desired";
import { plan } from "../../../provider/plan/plan";
import type { Step, StepKind } from "../../../provider/plan/step";
import type { Properties } from "../../../provider/schema/check";
import { type InstanceInputs, parseInputs } from "../../../provider/schema/inputs";
import type { Observed } from "../../../provider/schema/observed";
import { parseState } from "../../../provider/schema/state";
import type { Site } from "./site";
import type { Preview, Stack, Update } from "./stack";

export interface Round {
  readonly preview: Preview;
  /** What was declared before. */
  readonly remembered: InstanceInputs;
  /** The plan of what the state remembers. */
  readonly announced: readonly Step[];
  readonly update: Update;
  /** By its progress. */
  readonly taken: readonly StepKind[];
  readonly before: Sight;
  readonly after: Sight;
  /** Whether the state knew the host as it was. */
  readonly isKnown: boolean;
}

export interface Sight {
  /** Which postmaster, and since when. */
  readonly postmaster: string | undefined;
  readonly loadedAt: string | undefined;
  /** Every byte of the configuration, and when it was written. */
  readonly files: string;
  readonly observed: Observed;
}

export async function round(
  site: Site,
  stack: Stack,
  program: Properties,
  ignores: readonly string[],
  isKnown: boolean,
): Promise<Round> {
  const remembered = parseState(stack.outs);
  const preview = await stack.preview(site.settle(program), ignores);
  const announced =
    preview.refusal === undefined
      ? plan(remembered.observed, desiredOf(parseInputs(preview.news), remembered.hostMemory, remembered))
      : [];
  const before = await look(site);
  const update = await stack.update(preview);
  const taken = update.progress.flatMap((line) => stepOf(line));
  return {
    remembered: remembered.inputs,
    preview,
    announced,
    update,
    taken,
    before,
    after: await look(site),
    isKnown,
  };
}

const files = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];

async function look(site: Site): Promise<Sight> {
  const { postmaster, loadedAt, observed } = await site.observe();
  const hash = createHash("sha256");
  for (const path of files.map((name) => join(site.data, name))) {
    const { ino, mtimeMs, mode } = await lstat(path);
    hash.update(`${ino} ${mtimeMs} ${mode}`).update(await readFile(path));
  }
  return {
    postmaster: postmaster && `${postmaster.pid} since ${postmaster.startTime}`,
    loadedAt,
    files: hash.digest("hex"),
    observed,
  };
}

/** A step by what the user sees while it runs; a line that is no step's is an error. */
function stepOf(line: string): StepKind[] {
  const found = Object.entries(progressOf).find(([, text]) => text === line);
  if (!found) throw new Error(`a step that nobody knows: ${line}`);
  return [found[0] as StepKind];
}
