import { InstanceStateError } from "../../errors";
import type { Session } from "../../host/session";
import type { Desired } from "../../plan/desired";
import type { Upgrade } from "../../plan/upgrade";
import { printMarker } from "../marker";
import { type Observation, observe } from "../observe";
import { pgCtl } from "../service";
import { describe, type Target } from "../target";
import { follow, type Journal, writeJournal } from "./journal";
import { pgUpgradeOptions, prepare } from "./prepare";
import { survey } from "./survey";
import { transfer } from "./transfer";

/** Where an upgrade leads: by which programs, to which directories. */
export interface Successor {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  readonly oldCluster: string;
}

/**
 * Asks and prepares while the old server runs, then stops it, runs pg_upgrade and starts the new one. One that was stopped
 * is started for that; where it shall be stopped, a failure leaves it so.
 * https://www.postgresql.org/docs/current/pgupgrade.html
 * @returns the instance at its new place, running
 */
export async function upgrade(
  target: Target,
  session: Session,
  step: Upgrade,
  successor: Successor | undefined,
  desired: Desired,
  progress: (line: string) => void,
): Promise<Target> {
  if (!successor) throw new InstanceStateError(`upgrade: nobody said where ${describe(target)} shall go`);
  const { timeouts } = desired;
  const found = await observe(target);
  const service = pgCtl(target);
  // Only a server that runs can be asked.
  if (!found.postmaster) await service.start(session, timeouts.start);
  const seen = found.postmaster ? found : await observe(target);
  try {
    return await carryOut(target, session, step, seen, successor, desired, progress);
  } catch (error) {
    const shallStop = !found.postmaster && desired.inputs.state === "stopped";
    if (shallStop) await service.stop(session, "fast", timeouts.stop).catch(() => undefined);
    throw error;
  }
}

async function carryOut(
  target: Target,
  session: Session,
  step: Upgrade,
  seen: Observation,
  successor: Successor,
  desired: Desired,
  progress: (line: string) => void,
): Promise<Target> {
  const { upgrade: { dropsReplication = false } = {}, state } = desired.inputs;
  const found = await survey(target, seen, step, successor, dropsReplication);
  const { binDirectory, dataDirectory, oldCluster } = successor;
  const journal: Journal = {
    ...{ from: step.from, to: step.to, mode: step.mode },
    ...{ binDirectory, dataDirectory, oldCluster, oldBinDirectory: target.binDirectory },
    tablespaces: found.tablespaces,
    keptBefore: seen.observed.upgrade?.kept ?? [],
    isOldRemoved: false,
    staysStopped: state === "stopped",
  };
  await writeJournal(session, journal, "preparing");
  progress(`pg_upgrade --check of ${step.from} and ${step.to}`);
  const systemIdentifier = await prepare(target, session, seen, step, journal, found);
  if (seen.marker) {
    await session.write("marker.json", printMarker({ ...seen.marker, successor: systemIdentifier }));
  }
  progress(`pg_upgrade (${step.mode})`);
  await transfer(target, session, step, journal, pgUpgradeOptions(target, journal, step), desired);
  return follow(target, { ...journal, stage: "finishing" });
}
