import { InstanceReadOnlyError, InvalidVersionError } from "../errors";
import type { Step, StepKind } from "../plan/step";
import { carriedSettings } from "../plan/upgrade";
import { isMajor, type Major, majors } from "../postgresql/version";
import type { InstanceInputs } from "../schema/inputs";
import { type Observation, observe } from "../server/observe";
import { isUnfinished } from "../server/upgrade/journal";
import { recover } from "../server/upgrade/transfer";
import { convergeOrThrow, requireChangeable } from "./apply";
import { checked, find, type HostArgs, isPresent, type Known, notFound, type Ref } from "./find";
import { withLock } from "./lock";
import { open } from "./open";

/** To which major, and how. */
export interface UpgradeOptions {
  /** A later major version. */
  readonly version: Major;
  /** What becomes of the files, and how long there is a way back, as in the resource's `upgrade`. Default: `copy`. */
  readonly mode?: "copy" | "link" | "clone" | "swap";
  /** Processes at a time, for pg_upgrade and for the statistics after it. Default: 1. */
  readonly jobs?: number;
  /** false: the old cluster is removed when all is done, and those that earlier upgrades left. Default: true. */
  readonly keepOld?: boolean;
  /** true: logical slots of a major below 17 may be lost, and attached standbys with them. Default: false. */
  readonly dropsReplication?: boolean;
  /** Of the new server. Default: that of the old one. */
  readonly port?: number;
  /** Where the new major's programs are. Default: where its packages put them. */
  readonly binDirectory?: string;
  /** Seconds for pg_upgrade, and again for the statistics. Past them nothing is killed. Default: 86400. */
  readonly timeout?: number;
  /** Told of each step before it is taken, and of what has to be done by hand. */
  readonly progress?: (line: string) => void;
}

/** What came of it. */
export interface UpgradeResult {
  /** The instance from now on. */
  readonly ref: Ref;
  /** What was done, in order; nothing where it was upgraded already. */
  readonly steps: readonly Step[];
  /** Where old clusters stay. */
  readonly kept: readonly string[];
}

/**
 * Upgrades a primary to a later major version by pg_upgrade, as a raised `version` of the resource does: with everything
 * asked that can be asked while the old server runs, configuration and access files kept but for what the new major takes
 * otherwise, extensions updated and statistics made. One that is stopped is started for that, and stopped again.
 *
 * What fails before the mode's point of no return leaves the old server as it was; a call that was interrupted is gone on
 * with by the same call. The name stays: it is for life, as the marker, the data directory's default path and
 * `cluster_name` have it, and so does an explicit data directory; a default one is then that of the new major.
 *
 * @example await upgrade({ local: {} }, { name: "orders", version: "15" }, { version: "17", jobs: 4 });
 * @throws InvalidVersionError for a version that is not later, or not known
 * @throws InstanceReadOnlyError on a standby: it is made anew from its upgraded primary
 * @throws InvalidInputsError, InstanceStateError, UnsupportedError with all that stands against it; nothing was changed
 * then
 * @throws CommandError with the words of pg_upgrade
 * @throws InstanceNotFoundError
 */
export async function upgrade(host: HostArgs, ref: Ref, options: UpgradeOptions): Promise<UpgradeResult> {
  const { version, port, binDirectory, timeout, progress = () => undefined, ...way } = options;
  requireLater(ref, version);
  const timeouts = timeout === undefined ? {} : { upgrade: timeout };
  const { name } = ref;
  checked(host, { name, version, upgrade: way, timeouts, binDirectory, ...(port !== undefined && { port }) });
  const next: Ref = { ...ref, version, binDirectory };
  const { known, state } = await locate(host, ref, next);
  const { inputs: found, observed } = known.remembered;
  if (observed.role === "standby") throw readOnly(ref);
  const newPort = observed.version === version ? found.port : (port ?? found.port);
  const inputs: InstanceInputs = {
    ...found,
    ...{ version, binDirectory, timeouts, upgrade: way },
    port: newPort,
    state: state ?? found.state,
    // Nobody declares any here: those that somebody did stay as they are.
    settings: { ...carriedSettings(observed, version), port: newPort },
    tablespaces: undefined,
  };
  requireChangeable(inputs, known);
  const { steps, made } = await convergeOrThrow({ inputs, declared: [], known, only, progress });
  return { ref: next, steps, kept: made.observed.upgrade?.kept ?? [] };
}

const only: readonly StepKind[] = ["upgrade", "start", "finishUpgrade", "stop", "removeOldClusters"];

/** @throws InvalidVersionError */
function requireLater({ name, version: from }: Ref, to: string): void {
  const instance = `upgrade of ${from}/${name}`;
  if (!isMajor(to)) {
    throw new InvalidVersionError(`${instance}: ${JSON.stringify(to)} is none of ${majors.join(", ")}`);
  }
  if (Number(to) > Number(from)) return;
  throw new InvalidVersionError(`${instance}: ${to} is not later than ${from}`, {
    hint: "There is no way back from a major to an earlier one; restore a dump into a new instance.",
  });
}

const readOnly = ({ version, name }: Ref) =>
  new InstanceReadOnlyError(`upgrade: ${version}/${name} is a standby, which only follows its primary`, {
    hint: "Upgrade the primary, drop this standby, and make it anew.",
  });

interface Located {
  readonly known: Known;
  /** What an earlier call has found, and has not brought to its end. */
  readonly state: InstanceInputs["state"] | undefined;
}

/** Where it is by now: an earlier call may have brought it to its new major, or only half the way. */
async function locate(host: HostArgs, ref: Ref, next: Ref): Promise<Located> {
  const old = await find(host, ref);
  const journal = old && (await settle(old));
  const known = journal ? await find(host, ref) : old;
  if (isPresent(known)) return { known, state: stateOf(journal) };
  const upgraded = await find(host, next);
  const past = upgraded?.remembered.observed.upgrade;
  if (!isPresent(upgraded) || past?.from !== ref.version || past.to !== next.version) throw notFound(ref);
  const left = (await look(upgraded)).journal;
  return { known: upgraded, state: stateOf(left?.stage === "finishing" ? left : undefined) };
}

const stateOf = (journal: Observation["journal"]): Located["state"] =>
  journal && (journal.staysStopped ? "stopped" : "started");

/** @returns the journal of what was cut off and is taken back now, or brought on */
async function settle(known: Known): Promise<Observation["journal"]> {
  const { journal } = await look(known);
  if (!isUnfinished(journal)) return undefined;
  const { target, desired } = await open(known.remembered.inputs, known.remembered);
  await withLock(target, async (session, inside) => {
    const seen = await observe(inside);
    await recover(inside, session, seen.journal, desired.timeouts);
  });
  return journal;
}

async function look({ remembered }: Known): Promise<Observation> {
  const { target } = await open(remembered.inputs, remembered);
  return observe(target);
}
