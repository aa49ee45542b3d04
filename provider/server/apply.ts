import { CommandError, InstanceExistsError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { Step, StepKind } from "../plan/step";
import { initialHba, printHba } from "../postgresql/hba";
import { initialIdent, printIdent } from "../postgresql/ident";
import { initdb } from "../postgresql/programs";
import { alterRolePassword } from "../postgresql/sql";
import { writeConfiguration } from "./configuration";
import { withSession } from "./connect";
import { addressOf, observe } from "./observe";
import { reloadAndVerify } from "./reload";
import { pgCtl } from "./service";
import { describe, stateDirectory, type Target } from "./target";

/** What applying a step needs. */
export interface Work {
  readonly target: Target;
  readonly session: Session;
  readonly desired: Desired;
  readonly locale: string;
}

type Apply<K extends StepKind> = (work: Work, step: Extract<Step, { kind: K }>) => Promise<void>;

/** Each step, done. Every one may be done twice, and a stop between any two leaves what the next plan goes on from. */
const table: { readonly [K in StepKind]: Apply<K> } = {
  init,
  writeConfiguration: (work, step) => writeConfiguration(work.target, work.session, step.changes),
  start: async (work) => {
    await pgCtl(work.target).start(work.session, work.desired.timeouts.start, work.desired);
    await started(work);
  },
  stop: (work, step) => pgCtl(work.target).stop(work.session, step.mode, work.desired.timeouts.stop),
  restart: async (work) => {
    await checkpoint(work);
    const { inputs, timeouts } = work.desired;
    await pgCtl(work.target).restart(work.session, inputs.stopMode, timeouts, work.desired);
    await started(work);
  },
  reload: (work) => reloadAndVerify(work.target, work.session),
  setPassword,
};

export function apply(work: Work, step: Step): Promise<void> {
  const run = table[step.kind] as Apply<StepKind>;
  return run(work, step);
}

/**
 * Built beside and published by a rename: PG_VERSION and a readable pg_control do not prove a finished initdb. The
 * access files are in it from the start, so that the server never runs with others.
 */
async function init({ target, session, desired, locale }: Work): Promise<void> {
  const { inputs } = desired;
  const argv = initdb({
    binDirectory: target.binDirectory,
    dataDirectory: `${stateDirectory(target)}/new`,
    superuser: target.superuser,
    locale,
    encoding: inputs.encoding ?? "UTF8",
    dataChecksums: inputs.dataChecksums ?? true,
    major: target.version,
  });
  const hba = printHba(initialHba({ superuser: target.superuser, auth: desired.auth }), accessComment);
  const ident = printIdent(initialIdent({ owner: target.owner, superuser: target.superuser }), accessComment);
  const result = await session.step({
    name: "initdb",
    script: initScript,
    args: [target.dataDirectory, `${stateDirectory(target)}/new`, target.binDirectory, hba, ident, ...argv],
    seconds: 600,
  });
  if (result.exitCode === 0) return;
  if (result.exitCode === occupied) {
    throw new InstanceExistsError(
      `dataDirectory: ${target.dataDirectory} on ${target.host.name} is not empty`,
    );
  }
  throw new CommandError(
    `initdb of ${describe(target)} failed:\n${result.stderr.trim().replace(/^/gm, "  ")}`,
    {
      command: "initdb",
      exitCode: result.exitCode,
      stderr: result.stderr,
      hint: "Nothing of it was kept.",
    },
  );
}

const accessComment =
  "Written by pulumi-pginstance when the instance was made. The first record is the provider's way in.";
const occupied = 17;

/** Debian's server wants its sockets where only postgres may make them; for another owner they go to /tmp. */
const initScript = `data=$1 new=$2 bin=$3 hba=$4 ident=$5; shift 5
[ -d "$data" ] && { rmdir "$data" 2>/dev/null || exit ${occupied}; }
rm -rf "$new"
"$@" >&2 || { code=$?; rm -rf "$new"; exit $code; }
printf '%s' "$hba" >"$new/pg_hba.conf" && printf '%s' "$ident" >"$new/pg_ident.conf" || exit 1
sockets=$("$bin/postgres" -D "$new" -C unix_socket_directories) || exit 1
[ -w "\${sockets%%,*}" ] || echo "unix_socket_directories = '/tmp'" >>"$new/postgresql.conf" || exit 1
sync "$new/postgresql.conf" "$new/pg_hba.conf" "$new/pg_ident.conf" 2>/dev/null || sync
mv "$new" "$data" || exit 1
sync "$(dirname "$data")" 2>/dev/null || sync
`;

/** Makes sure that it is our server that answers at the port. */
async function started({ target }: Work): Promise<void> {
  const { postmaster } = await observe(target);
  if (!postmaster) throw new CommandError(`start: ${describe(target)} does not run`, { command: "start" });
}

/** Keeps the downtime short; a restart is right without it, so a failure is none. */
async function checkpoint({ target }: Work): Promise<void> {
  const { observed, postmaster } = await observe(target);
  if (!postmaster || observed.server !== "running") return;
  await withSession(addressOf(target, postmaster), (session) => session.query("CHECKPOINT", 300)).catch(
    () => undefined,
  );
}

async function setPassword({ target, desired }: Work): Promise<void> {
  const verifier = desired.inputs.superuserPasswordVerifier;
  const { postmaster } = await observe(target);
  if (verifier === undefined || !postmaster) return;
  await withSession(addressOf(target, postmaster), async (session) => {
    for (const statement of alterRolePassword(target.superuser, verifier)) await session.query(statement);
  });
}
