import { InstanceStateError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { DesiredStandby } from "../plan/desired-standby";
import type { Step } from "../plan/step";
import { tooLow, tooLowAfter, tooLowWords } from "../postgresql/replay";
import { query } from "./connect";
import { addressOf, type Observation } from "./observe";
import { primaryAnswers, releaseSlot, requirePrograms } from "./primary";
import { describe, type Target } from "./target";

/** Seconds for what was received to be replayed, where nothing more comes. */
const patience = 10;

const always = 'promoteWhen: "always" promotes all the same.';

/**
 * Two primaries would both take writes; and what is not replayed is lost. Looked at before the first change.
 * @param steps all that will be taken
 * @throws InstanceStateError
 */
export async function requirePromotable(
  target: Target,
  { standby }: Desired,
  found: Observation,
  steps: readonly Step[],
): Promise<void> {
  if (!standby) return;
  const isSafe = standby.promoteWhen === "primaryDown";
  if (isSafe) await requirePrimaryDown(target, standby);
  // What was received is replayed then: a promotion comes after all WAL that is there.
  if (tooLow(found.observed).length > 0 && isRaisedBefore(found, steps)) return;
  requireEnough(target, found);
  if (isSafe) await requireReplayed(target, found);
}

async function requirePrimaryDown(target: Target, standby: DesiredStandby): Promise<void> {
  await requirePrograms(target, ["pg_isready"]);
  if (await primaryAnswers(target, standby)) {
    throw new InstanceStateError(
      `promote: ${standby.where} still answers; beside ${describe(target)} as another primary both would take writes`,
      { hint: `Nothing was changed. Stop or fence it first; ${always}` },
    );
  }
}

/** Whether a start on the way there, and the lines it takes, are enough for the WAL of the primary. */
function isRaisedBefore({ observed }: Observation, steps: readonly Step[]): boolean {
  const changes = steps.flatMap((step) => (step.kind === "writeConfiguration" ? step.changes : []));
  const starts = steps.some(({ kind }) => kind === "restart" || kind === "start");
  return starts && tooLowAfter(observed, changes).length === 0;
}

/** PostgreSQL would wait for ever, whatever is asked of it. */
function requireEnough(target: Target, { observed }: Observation): void {
  const low = tooLow(observed);
  if (low.length === 0) return;
  throw new InstanceStateError(
    `promote: ${describe(target)} takes no promotion: its replay is paused, since ${tooLowWords(low)}`,
    {
      hint:
        "Nothing was changed. Restart it with at least that first: after a `pulumi refresh`, an `up` with " +
        "restartOnChanges: true restarts it, then promotes it.",
    },
  );
}

async function requireReplayed(target: Target, { postmaster, observed }: Observation): Promise<void> {
  if (!postmaster || observed.server !== "running") return;
  const end = performance.now() + patience * 1000;
  for (;;) {
    const [row] = (await query(addressOf(target, postmaster), [replay]))[0] ?? [];
    if (row?.behind !== true && row?.paused !== true) return;
    if (row.paused === true || performance.now() > end) {
      throw new InstanceStateError(
        `promote: ${describe(target)} has received WAL up to ${row.received} and replayed it up to ${row.replayed}` +
          (row.paused === true ? "; its replay is paused" : ""),
        { hint: `Nothing was changed. Let it replay the rest; ${always}` },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const replay = `SELECT pg_last_wal_receive_lsn()::text AS received, pg_last_wal_replay_lsn()::text AS replayed,
  pg_is_wal_replay_paused() AS paused,
  coalesce(pg_last_wal_replay_lsn() < pg_last_wal_receive_lsn(), false) AS behind`;

/**
 * Returns when it takes writes. The checkpoint writes the new timeline to pg_control, where pg_rewind looks for it.
 * @throws InstanceStateError when it is no standby that runs, or one that its primary was raised above
 * @throws WaitTimeoutError
 */
export async function promote(target: Target, seconds: number, found: Observation): Promise<void> {
  const { postmaster, observed } = found;
  if (observed.role !== "standby") throw new InstanceStateError(`promote: ${describe(target)} is no standby`);
  if (!postmaster || observed.server !== "running") {
    throw new InstanceStateError(`promote: ${describe(target)} is ${observed.server}, and takes no sessions`);
  }
  requireEnough(target, found);
  const address = addressOf(target, postmaster);
  const asked = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, ${seconds}) ELSE true END AS done`;
  const [row] = (await query(address, [asked], seconds + 15))[0] ?? [];
  if (row?.done !== true) {
    throw new WaitTimeoutError(`promotion of ${describe(target)}`, seconds, "still replaying", {
      hint: "It goes on; look again with `pulumi refresh`.",
    });
  }
  await query(address, ["CHECKPOINT"], 300).catch(() => undefined);
}

/** Of a standby that has left its primary; what is then left to do by hand. */
export async function releaseOwnSlot(
  target: Target,
  session: Session,
  { observed }: Pick<Observation, "observed">,
): Promise<string | undefined> {
  const conninfo = observed.settings.primary_conninfo?.value;
  const slot = observed.settings.primary_slot_name?.value;
  return conninfo && slot ? releaseSlot(target, session, { conninfo, slot }) : undefined;
}
