import { CommandError, InstanceStateError, UnsupportedError } from "../errors";
import type { Session } from "../host/session";
import type { DesiredStandby } from "../plan/desired-standby";
import { parseConninfo, placeOf } from "../postgresql/conninfo";
import { printPassfile } from "../postgresql/passfile";
import { standbyPrograms } from "../postgresql/programs";
import { describe, type Target } from "./target";

/** What is asked of a primary, from the host of its standby: that is the way which has to work. */

/**
 * Shell functions, with $bin and $conninfo set. A walsender takes these commands, and asks for no database:
 * https://www.postgresql.org/docs/current/protocol-replication.html
 */
export const primaryFunctions = `
ask_primary() { PGCONNECT_TIMEOUT=10 LC_ALL=C "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -d "$conninfo replication=true" "$@"; }
make_slot() {
  made=
  said=$(ask_primary -c "CREATE_REPLICATION_SLOT \\"$1\\" PHYSICAL RESERVE_WAL" 2>&1) && { made=yes; return 0; }
  case $said in *" 42710: "*) return 0 ;; esac
  echo "$said" >&2; return 1
}
# A walsender that has lost its standby is there for another moment.
drop_slot() {
  tries=50
  until said=$(ask_primary -c "DROP_REPLICATION_SLOT \\"$1\\"" 2>&1); do
    case $said in *" 42704: "*) return 0 ;; *" 55006: "*) ;; *) echo "$said" >&2; return 1 ;; esac
    tries=$((tries - 1)); [ $tries -gt 0 ] || { echo "$said" >&2; return 1; }
    sleep 0.2
  done
}
`;

/** As the server, or libpq, said it: without the name of the program and the places in PostgreSQL's source. */
export function wordsOf(stderr: string): string {
  const lines = stderr.trim().split("\n");
  const plain = lines.filter((line) => !/^LOCATION: /.test(line));
  return plain
    .map((line) => line.replace(/^[\w./-]*(psql|pg_\w+): (error: )?/, "").replace(/^/, "  "))
    .join("\n");
}

interface Reply {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly words: string;
}

/** In a file of its own for as long as it is asked: where the instance will be there may be nothing yet. */
const askScript = `bin=$1 conninfo=$2; shift 2
[ -x "$bin/$1" ] || { echo "there is no $bin/$1" >&2; exit 127; }
trap 'rm -f "$pass"' EXIT
pass=$(mktemp) && cat >"$pass" || exit 1
[ ! -s "$pass" ] || conninfo="$conninfo passfile=$pass"
program=$1; shift
PGCONNECT_TIMEOUT=10 LC_ALL=C "$bin/$program" -d "$conninfo" "$@"
`;

async function ask(
  target: Target,
  { conninfo, password }: Pick<DesiredStandby, "conninfo" | "password">,
  argv: readonly string[],
): Promise<Reply> {
  const { exitCode, stdout, stderr } = await target.host.run({
    name: "primary",
    script: askScript,
    args: [target.binDirectory, conninfo, ...argv],
    stdin: password === undefined ? "" : printPassfile(password),
    user: target.owner,
  });
  return { exitCode, lines: stdout.toString("utf8").trim().split("\n"), words: wordsOf(stderr) };
}

const psql = ["psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"];
const commands = (...texts: string[]) => texts.flatMap((text) => ["-c", text]);

export interface Identity {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

/**
 * Looks whether a standby can be made of what is there, before anything is done.
 * @throws UnsupportedError when the host lacks a program
 * @throws CommandError in the primary's own words
 */
export async function requirePrimary(target: Target, standby: DesiredStandby): Promise<Identity> {
  await requirePrograms(target, standbyPrograms);
  const replicating = { ...standby, conninfo: `${standby.conninfo} replication=true` };
  const texts = commands("IDENTIFY_SYSTEM", "SHOW server_version_num");
  const reply = await ask(target, replicating, [...psql, ...texts]);
  if (reply.exitCode !== 0) {
    throw new CommandError(
      `standby: ${target.host.name} cannot replicate from ${standby.where}:\n${reply.words}`,
      {
        command: "psql",
        exitCode: reply.exitCode,
        stderr: reply.words,
        hint:
          "Nothing was changed. The primary needs a role with REPLICATION (replicationRole) and a pg_hba record for the database " +
          "`replication` that lets it in from here (hba).",
      },
    );
  }
  const [identity = "", version = ""] = reply.lines;
  const [systemIdentifier = "", timeline = ""] = identity.split("|");
  const major = String(Math.floor(Number(version) / 10_000));
  if (major !== target.version) {
    throw new UnsupportedError(
      `standby: ${standby.where} is PostgreSQL ${major}, and a standby has its primary's major; this one is declared as ${target.version}`,
    );
  }
  return { systemIdentifier, timeline: Number(timeline) };
}

export async function requirePrograms(target: Target, programs: readonly string[]): Promise<void> {
  const script = 'bin=$1; shift; for name in "$@"; do [ -x "$bin/$name" ] || echo "$name"; done';
  const args = [target.binDirectory, ...programs];
  const { stdout } = await target.host.run({ name: "programs", script, args, user: target.owner });
  const missing = stdout.toString("utf8").trim().split("\n").filter(Boolean);
  if (missing.length === 0) return;
  throw new UnsupportedError(
    `standby: ${target.binDirectory} on ${target.host.name} lacks ${missing.join(", ")}`,
    { hint: "Nothing was changed. Install PostgreSQL's client programs of this major beside its server." },
  );
}

/** Whether the primary answers at all; pg_isready needs no password. */
export async function primaryAnswers(target: Target, standby: DesiredStandby): Promise<boolean> {
  const { exitCode, words } = await ask(target, standby, ["pg_isready", "-t", "5"]);
  // https://www.postgresql.org/docs/current/app-pg-isready.html: accepts, refuses, no answer, was not tried.
  if (exitCode <= 1) return true;
  if (exitCode === 2) return false;
  throw new CommandError(`promote: cannot tell whether ${standby.where} still runs: ${words.trim()}`, {
    command: "pg_isready",
    exitCode,
    stderr: words,
  });
}

/** One value of a statement in a session of a database; needs a record for that. */
export async function askDatabase(
  target: Target,
  standby: DesiredStandby,
  statement: string,
): Promise<Reply> {
  const inDatabase = { ...standby, conninfo: `${standby.conninfo} dbname=postgres` };
  return ask(target, inDatabase, [...psql, ...commands(statement)]);
}

/** @throws CommandError in the primary's words */
export async function createSlot(target: Target, session: Session, standby: DesiredStandby): Promise<void> {
  if (standby.slot === null) return;
  const result = await session.step({
    name: "slot",
    script: `bin=$1 conninfo=$2; ${primaryFunctions} make_slot "$3"`,
    args: [target.binDirectory, standby.conninfo, standby.slot],
    seconds: 60,
  });
  if (result.exitCode === 0) return;
  const words = wordsOf(result.stderr);
  throw new CommandError(
    `standby: slot ${standby.slot} of ${describe(target)} cannot be made on ${standby.where}:\n${words}`,
    { command: "slot", exitCode: result.exitCode, stderr: result.stderr },
  );
}

/** What is left to do by hand where the primary cannot be reached, which is no reason against the rest; undefined: nothing. */
export async function releaseSlot(
  target: Target,
  session: Session,
  { conninfo, slot }: { conninfo: string; slot: string },
): Promise<string | undefined> {
  const result = await session.step({
    name: "slot",
    script: `bin=$1 conninfo=$2; ${primaryFunctions} drop_slot "$3"`,
    args: [target.binDirectory, conninfo, slot],
    seconds: 60,
  });
  if (result.exitCode === 0) return undefined;
  const where = placeOf(parseConninfo(conninfo) ?? {});
  return (
    `slot ${slot} of ${describe(target)} could not be dropped on ${where}, where it keeps WAL without limit:\n${wordsOf(result.stderr)}\n` +
    `Run there: SELECT pg_drop_replication_slot('${slot}');`
  );
}

/** @throws InstanceStateError */
export function requireSame(
  target: Target,
  standby: DesiredStandby,
  ours: string | null,
  identity: Identity,
): void {
  if (ours === identity.systemIdentifier) return;
  throw new InstanceStateError(
    `standby: ${standby.where} is another cluster (system identifier ${identity.systemIdentifier}) than ${describe(target)} ` +
      `(${ours}), which cannot return to it`,
    { hint: "Nothing was changed. Destroy this instance, and declare a new standby." },
  );
}
