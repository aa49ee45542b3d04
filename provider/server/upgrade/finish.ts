import { CommandError, InstanceStateError } from "../../errors";
import type { Session } from "../../host/session";
import type { Desired } from "../../plan/desired";
import { quoteIdentifier } from "../../postgresql/sql";
import { analyzeAfterUpgrade } from "../../postgresql/upgrade-programs";
import { type Address, query } from "../connect";
import { addressOf, type Observation } from "../observe";
import { describe, type Target } from "../target";
import { type Journaled, writeJournal } from "./journal";

/**
 * What is left when the new server runs: the old cluster cannot be started by accident any more, extensions are
 * brought to the version of their new libraries, and the planner gets statistics.
 */
export async function finish(
  target: Target,
  session: Session,
  seen: Observation,
  desired: Desired,
): Promise<void> {
  const { postmaster, journal } = seen;
  if (!journal || journal.stage === "done") return;
  if (!postmaster || seen.observed.server !== "running") {
    throw new InstanceStateError(
      `upgrade: ${describe(target)} is ${seen.observed.server}, and cannot be finished`,
    );
  }
  await disable(target, session, journal);
  const address = addressOf(target, postmaster);
  await updateExtensions(address);
  await analyze(target, session, address, desired);
  await writeJournal(session, journal, "done");
}

/** A reboot, or somebody's pg_ctl, must not bring the old cluster back at the same port. */
async function disable(target: Target, session: Session, { oldCluster }: Journaled): Promise<void> {
  const script = `[ ! -e "$1/global/pg_control" ] || mv "$1/global/pg_control" "$1/global/pg_control.old"`;
  const { exitCode, stderr } = await session.run({ name: "disable", script, args: [oldCluster] });
  if (exitCode === 0) return;
  throw new CommandError(`cannot disable the old cluster of ${describe(target)}: ${stderr.trim()}`, {
    command: "disable",
    exitCode,
    stderr,
  });
}

const databases = "SELECT datname AS text FROM pg_database WHERE datallowconn ORDER BY 1";

/** Only where a script leads from one version to the other: else the extension's author has another way. */
const outdated = `
  SELECT e.extname AS text FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname,
         pg_extension_update_paths(e.extname) p
   WHERE e.extversion <> a.default_version AND p.source = e.extversion AND p.target = a.default_version
     AND p.path IS NOT NULL ORDER BY 1`;

async function updateExtensions(address: Address): Promise<void> {
  const [rows] = await query(address, [databases]);
  for (const { text } of rows ?? []) {
    const database = String(text);
    const [found] = await query(address, [outdated], 60, [database]);
    const updates = (found ?? []).map((row) => `ALTER EXTENSION ${quoteIdentifier(String(row.text))} UPDATE`);
    if (updates.length > 0) await query(address, updates, 3600, [database]);
  }
}

async function analyze(target: Target, session: Session, address: Address, desired: Desired): Promise<void> {
  const argv = analyzeAfterUpgrade({
    binDirectory: target.binDirectory,
    socketDirectory: address.socketDirectory,
    port: address.port,
    superuser: target.superuser,
    jobs: desired.inputs.upgrade?.jobs ?? 1,
    major: target.version,
  });
  const { exitCode, stderr } = await session.step({
    name: "statistics",
    script: 'PGOPTIONS="-c statement_timeout=0 -c lock_timeout=0" "$@" >/dev/null',
    args: argv,
    seconds: desired.timeouts.upgrade,
  });
  if (exitCode === 0) return;
  throw new CommandError(`statistics of ${describe(target)} after its upgrade: ${stderr.trim()}`, {
    command: "vacuumdb",
    exitCode,
    stderr,
    hint: `${describe(target)} runs and is whole, but slow until it has statistics: run \`pulumi up\` again.`,
  });
}
