import { CommandError, InstanceStateError } from "../errors";
import type { CommandResult } from "../host/host";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { DesiredStandby } from "../plan/desired-standby";
import { parseControlFile } from "../postgresql/controldata";
import { pgRewind, standbyPrograms } from "../postgresql/programs";
import { copyBeside, writePassfile } from "./base-backup";
import { type Address, query } from "./connect";
import { addressOf, type Observation, observe } from "./observe";
import { findLogs, ownFiles } from "./own-files";
import {
  askDatabase,
  createSlot,
  type Identity,
  requirePrimary,
  requirePrograms,
  requireSame,
  wordsOf,
} from "./primary";
import { pgCtl } from "./service";
import { requireNoTablespaces } from "./standby-tablespaces";
import { describe, stateDirectory, type Target } from "./target";

export type How = "rewind" | "rebuild";

/** Looks whether it can come back, while the instance still is as it was. */
export async function requireRejoin(
  target: Target,
  standby: DesiredStandby,
  how: How,
  found: Observation,
): Promise<void> {
  if (how === "rewind") await requirePrograms(target, [...standbyPrograms, "pg_rewind"]);
  const identity = await requirePrimary(target, standby);
  requireSame(target, standby, found.observed.systemIdentifier, identity);
  if (how === "rewind") await requireSource(target, standby, identity);
  else await requireNoTablespaces(target, standby);
}

/** Stopped and made a standby; the next steps configure and start it. */
export async function rejoin(target: Target, session: Session, desired: Desired, how: How): Promise<void> {
  const { standby } = desired;
  if (!standby) return;
  await writePassfile(session, standby);
  if (how === "rebuild") {
    await copyBeside(target, session, standby);
    await pgCtl(target).stop(session, "fast", desired.timeouts.stop);
    await swap(target, session);
  } else {
    await createSlot(target, session, standby);
    await stopAndRewind(target, session, desired, standby);
  }
}

/** What pg_rewind will not do is known before it does anything; then the server runs again as it did. */
async function stopAndRewind(
  target: Target,
  session: Session,
  { timeouts }: Desired,
  standby: DesiredStandby,
): Promise<void> {
  const service = pgCtl(target);
  const { postmaster, observed } = await observe(target);
  if (postmaster && observed.server === "running") await keepWal(addressOf(target, postmaster));
  await service.stop(session, "fast", timeouts.stop);
  const tried = observed.rejoining ? undefined : await runRewind(target, session, standby, "try");
  if (tried) {
    if (postmaster) await service.start(session, timeouts.start);
    throw rewindFailure(target, standby, tried, "Its data is as it was");
  }
  const failed = await runRewind(target, session, standby, "rewind");
  if (failed)
    throw rewindFailure(target, standby, failed, "The server is stopped, and its data is of no use now");
}

/** pg_rewind reads WAL back to the last checkpoint that both have; the one of the stop would take older WAL away. */
async function keepWal(address: Address): Promise<void> {
  const name = "pginstance_rewind";
  const there = `SELECT FROM pg_replication_slots WHERE slot_name = '${name}'`;
  const make = `SELECT pg_create_physical_replication_slot('${name}', true) WHERE NOT EXISTS (${there})`;
  // Without a free slot it may be enough as it is.
  await query(address, [make]).catch(() => undefined);
}

const grants = [
  "pg_ls_dir(text, boolean, boolean)",
  "pg_stat_file(text, boolean)",
  "pg_read_binary_file(text)",
  "pg_read_binary_file(text, bigint, bigint, boolean)",
];

/**
 * pg_rewind reads the source's files by SQL (app-pgrewind.html, Notes). Below 16 it takes the source's timeline from
 * pg_control, which has it only since the first checkpoint after the promotion: without, it would find nothing to do.
 */
async function requireSource(target: Target, standby: DesiredStandby, identity: Identity): Promise<void> {
  const may = grants.map((name) => `has_function_privilege('pg_catalog.${name}', 'EXECUTE')`).join(" AND ");
  const asked = await askDatabase(target, standby, `SELECT ${may}`);
  const failed = (words: string, hint: string) =>
    new CommandError(`standby: ${describe(target)} cannot be rewound from ${standby.where}:\n${words}`, {
      command: "pg_rewind",
      exitCode: asked.exitCode,
      stderr: words,
      hint: `Nothing was changed. ${hint}; or declare rejoin: "rebuild".`,
    });
  if (asked.exitCode !== 0) {
    throw failed(
      asked.words,
      "pg_rewind needs a session in the database postgres there (hba), for the role of `primary`",
    );
  }
  if (asked.lines[0] !== "t") {
    const statements = grants.map((name) => `GRANT EXECUTE ON FUNCTION pg_catalog.${name} TO the_role;`);
    throw failed(
      "  its role may not read the files that pg_rewind needs",
      `Run there in the database postgres:\n  ${statements.join("\n  ")}\n`,
    );
  }
  const file = "SELECT encode(pg_read_binary_file('global/pg_control', 0, 8192, false), 'hex')";
  const timelineThere = async () => {
    const { lines } = await askDatabase(target, standby, file);
    return parseControlFile(Buffer.from(lines[0] ?? "", "hex"))?.timeline;
  };
  if (Number(target.version) >= 16 || (await timelineThere()) === identity.timeline) return;
  const checkpoint = await askDatabase(target, standby, "CHECKPOINT");
  if ((await timelineThere()) === identity.timeline) return;
  throw failed(
    checkpoint.words,
    "It has made no checkpoint since its promotion: run CHECKPOINT there as a superuser",
  );
}

/** Its own files of configuration come back after it; as long as `rejoin` is there the data is of no use. */
async function runRewind(
  target: Target,
  session: Session,
  standby: DesiredStandby,
  mode: "try" | "rewind",
): Promise<CommandResult | undefined> {
  const { binDirectory, dataDirectory } = target;
  const source = `${standby.conninfo} dbname=postgres`;
  const result = await session.step({
    name: "rewind",
    script: rewindScript,
    args: [
      ...[dataDirectory, stateDirectory(target), binDirectory, mode],
      ...pgRewind({ binDirectory, dataDirectory, source }),
    ],
    seconds: 86_400,
  });
  return result.exitCode === 0 ? undefined : result;
}

function rewindFailure(target: Target, standby: DesiredStandby, result: CommandResult, state: string): Error {
  return new CommandError(
    `rewind of ${describe(target)} to ${standby.where} failed:\n${wordsOf(result.stderr)}`,
    {
      command: "pg_rewind",
      exitCode: result.exitCode,
      stderr: result.stderr,
      hint: `${state}. The way on is rejoin: "rebuild".`,
    },
  );
}

/** A server that crashed is recovered first, as pg_rewind would do it, but without taking WAL away. */
const rewindScript = `data=$1 own=$2 bin=$3 mode=$4; shift 4
${ownFiles}
if [ "$mode" = try ]; then
  if [ -e "$data/postmaster.pid" ]; then
    rm -f "$data/postmaster.pid"
    "$bin/postgres" --single -F -D "$data" -c wal_keep_size=2147483647 template1 </dev/null >&2 || exit 1
  fi
  "$@" --dry-run >&2; exit
fi
if [ ! -d "$own/rejoin" ]; then
  rm -rf "$own/rejoin.new" && mkdir "$own/rejoin.new" || exit 1
  ${findLogs}  own_files "$data" "$own/rejoin.new" || exit 1
  sync "$own"/rejoin.new/* 2>/dev/null || sync
  mv "$own/rejoin.new" "$own/rejoin" || exit 1
fi
"$@" >&2 || exit 1
for file in "$own/rejoin"/* "$own/rejoin"/.[!.]*; do
  [ -e "$file" ] || continue
  name=\${file##*/}
  rm -rf "$data/$name.new" && cp -pR "$file" "$data/$name.new" || exit 1
  [ ! -d "$data/$name" ] || rm -rf "$data/$name" || exit 1
  mv -f "$data/$name.new" "$data/$name" || exit 1
done
rm -f "$data/recovery.signal" && : >"$data/standby.signal" || exit 1
sync 2>/dev/null
rm -rf "$own/rejoin"
`;

/** The old data is there until the new is in its place. */
async function swap(target: Target, session: Session): Promise<void> {
  const result = await session.step({
    name: "swap",
    script: swapScript,
    args: [target.dataDirectory, stateDirectory(target)],
    seconds: 3600,
  });
  if (result.exitCode === 0) return;
  throw new InstanceStateError(
    `rebuild of ${describe(target)}: the copy cannot be put in place: ${result.stderr.trim()}`,
    { hint: `The old data is in ${target.dataDirectory} or in ${stateDirectory(target)}/replaced.` },
  );
}

const swapScript = `data=$1 own=$2
[ -e "$own/new/standby.signal" ] || { echo "there is no complete copy" >&2; exit 1; }
rm -rf "$own/replaced" && mv "$data" "$own/replaced" || exit 1
mv "$own/new" "$data" || { mv "$own/replaced" "$data"; exit 1; }
sync "$(dirname "$data")" 2>/dev/null || sync
rm -rf "$own/rejoin" "$own/replaced"
`;
