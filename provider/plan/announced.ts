import { tooLowAfter } from "../postgresql/replay";
import { appliedBy, findSetting } from "../postgresql/settings";
import type { Observed } from "../schema/observed";
import { leavingRecords, missingWayIn } from "./access";
import type { Desired } from "./desired";
import { heeding } from "./heeding";
import { isUp } from "./is-up";
import { isOffline, offlineKinds, offlineSteps } from "./maintenance";
import { plan, planExactly } from "./plan";
import { changesOf, findStep, type RecordChange, type Step, type StepKind } from "./step";
import { unmanagedSettings } from "./unmanaged";
import { carriedToDeclared } from "./upgrade";

/** What an update may do: the announced steps as the host needs them, and what it leaves for the next preview. */
export interface Agreement {
  readonly take: readonly Step[];
  /** Differences on the host that nobody approved to change: named, not touched. */
  readonly left: readonly string[];
  /** Why an announced step would do more than was announced; then nothing may be done at all. */
  readonly more: readonly string[];
}

/** A step that is already half done needs the second half only; that was announced too. */
const covers: Readonly<Record<StepKind, readonly StepKind[]>> = {
  writePassfile: ["writePassfile"],
  init: ["init"],
  baseBackup: ["baseBackup"],
  rejoin: ["rejoin"],
  createSlot: ["createSlot"],
  writeAccess: ["writeAccess"],
  promote: ["promote"],
  upgrade: ["upgrade"],
  finishUpgrade: ["finishUpgrade"],
  removeOldClusters: ["removeOldClusters"],
  writeConfiguration: ["writeConfiguration", "upgrade"],
  stop: ["stop"],
  start: ["start", "restart", "init", "baseBackup", "rejoin", "upgrade", ...offlineKinds],
  restart: ["restart", "upgrade", ...offlineKinds],
  reload: ["reload", "restart", "start", "upgrade"],
  setPassword: ["setPassword"],
  setReplicationRole: ["setReplicationRole"],
  createSlots: ["createSlots"],
  setChecksums: ["setChecksums"],
  moveWal: ["moveWal"],
  moveTablespace: ["moveTablespace"],
  createTablespace: ["createTablespace"],
  removeOld: ["removeOld"],
  registerService: ["registerService", "setServiceManager"],
  setServiceManager: ["setServiceManager"],
};

/** Not taken where somebody stopped the server, and its start was not announced. */
const needsServer: ReadonlySet<StepKind> = new Set(["createTablespace", "promote"]);

const said: Readonly<Record<StepKind, string>> = {
  writePassfile: "the file with the primary's password was changed",
  init: "there is no instance",
  baseBackup: "there is no instance",
  rejoin: "it is no standby any more",
  createSlot: "the slot on the primary may not be there",
  upgrade: "the data directory is of another major version",
  finishUpgrade: "an upgrade is not finished",
  removeOldClusters: "an upgrade left an old cluster",
  writeConfiguration: "postgresql.conf was changed",
  reload: "the configuration was not reloaded",
  start: "the server does not run",
  stop: "the server runs",
  restart: "a restart is pending",
  writeAccess: "pg_hba.conf or pg_ident.conf was changed",
  promote: "it is a standby",
  setPassword: "the superuser's password was changed",
  setReplicationRole: "the replication role was changed",
  createSlots: "a replication slot is missing",
  setChecksums: "data checksums were changed on the host",
  moveWal: "the WAL directory was moved on the host",
  moveTablespace: "a tablespace was moved on the host",
  createTablespace: "a declared tablespace is missing",
  registerService: "its systemd unit was changed",
  setServiceManager: "it is started by something else",
  removeOld: "a copy that an earlier move left is still there",
};

/**
 * Holds what the host shows against what the preview said. Announced is the plan of what the state remembers, found
 * the plan of what is there; only what is in both is done.
 */
export function agree(remembered: Observed, observed: Observed, desired: Desired): Agreement {
  const announced = plan(remembered, desired);
  const created = announced.some(({ kind }) => kind === "init" || kind === "baseBackup");
  if (created) return { take: plan(observed, desired), left: [], more: [] };
  const names = new Set(changesOf(announced).map((change) => change.name));
  const everything = plan(observed, desired);
  const offline = offlineSteps(observed, desired);
  const approved = offline.filter((step) => isCovered(step, announced));
  const records = findStep(announced, "writeAccess")?.changes ?? [];
  const found = planExactly(
    observed,
    leaving(observed, heeding(observed, staying(desired, announced)), names, records),
    approved,
  );
  const covered = found.filter((step) => isCovered(step, announced));
  const runs = isUp(observed) || findStep(covered, "start") !== undefined;
  // A promotion ends on the old primary, where its slot is released: an interrupted one is gone on with.
  const promoted = observed.role === "primary" ? announced.filter(({ kind }) => kind === "promote") : [];
  const take = [...covered.filter(({ kind }) => runs || !needsServer.has(kind)), ...promoted];
  const turned =
    remembered.existence === "present" && remembered.role !== observed.role && promoted.length === 0;
  const left = [
    ...(turned ? [`the ${remembered.role} has become a ${observed.role} on the host`] : []),
    ...changesOf(everything)
      .filter((change) => !names.has(change.name))
      .map((change) => describeLeft(observed, change.name)),
    ...(findStep(everything, "writeAccess")?.changes ?? [])
      .filter(({ label }) => !records.some((record) => record.label === label))
      .map(
        ({ file, label }) =>
          `${label ?? "a record that is not declared"} was changed on the host (pg_${file}.conf)`,
      ),
    ...offline.filter((step) => !approved.includes(step)).map((step) => said[step.kind]),
    ...found.filter((step) => !isCovered(step, announced)).map((step) => said[step.kind]),
  ];
  return {
    take,
    left,
    more: [
      ...moreThanAnnounced(remembered, observed, desired, take, found, announced, names),
      ...lockOut(observed, desired, take, records),
      ...tooLowToStart(observed, take),
    ],
  };
}

function isCovered(step: Step, announced: readonly Step[]): boolean {
  return covers[step.kind].some((kind) =>
    announced.some((other) => other.kind === kind && isSameSubject(step, other)),
  );
}

/** Of steps that there may be several of. */
function isSameSubject(step: Step, other: Step): boolean {
  return !("tablespace" in step) || !("tablespace" in other) || step.tablespace === other.tablespace;
}

/** What comes back as a standby loses all that only it has: only where the preview said so. */
function staying(desired: Desired, announced: readonly Step[]): Desired {
  const { standby } = desired;
  const returns = announced.some(({ kind }) => kind === "rejoin" || kind === "baseBackup");
  return standby === null || returns ? desired : { ...desired, standby: { ...standby, rejoin: "refuse" } };
}

/** The same wish, but content with what the host has where nothing was announced. */
function leaving(
  observed: Observed,
  desired: Desired,
  announced: ReadonlySet<string>,
  records: readonly RecordChange[],
): Desired {
  const { originals, settings } = carriedToDeclared(observed, desired);
  const released = Object.keys(originals).filter((name) => !(name in desired.settings));
  const unmanaged = unmanagedSettings(observed, desired);
  const isRemoved = unmanaged.some((name) => announced.has(name));
  const found = [...Object.keys(desired.settings), ...released, ...(isRemoved ? unmanaged : [])]
    .filter((name) => !announced.has(name))
    .map((name) => [name, settings[name]?.value ?? null]);
  const unmanagedHba = records.some(({ label }) => label === null) ? desired.inputs.unmanagedHba : "keep";
  const inputs = {
    ...desired.inputs,
    unmanagedHba,
    unmanagedSettings: isRemoved ? desired.inputs.unmanagedSettings : "keep",
  } as const;
  return {
    ...desired,
    inputs,
    settings: { ...desired.settings, ...Object.fromEntries(found) },
    access: leavingRecords(observed, { access: desired.access, inputs }, records),
  };
}

function describeLeft(observed: Observed, name: string): string {
  const place = observed.settings[name]?.place;
  return `${name} was changed on the host${place ? ` (${place})` : ""}`;
}

/** A restart applies every pending line in the files, whoever wrote it; and what was a reload must not become one. */
function moreThanAnnounced(
  remembered: Observed,
  observed: Observed,
  desired: Desired,
  take: readonly Step[],
  found: readonly Step[],
  announced: readonly Step[],
  names: ReadonlySet<string>,
): string[] {
  const restart = findStep(found, "restart");
  const unannounced = restart && !isCovered(restart, announced) && findStep(take, "writeConfiguration");
  if (unannounced) return [`${restart.because.join(", ")} needs a restart, which was not announced`];
  const stop = findStep(found, "stop");
  if (stop && found.some(isOffline) && !isCovered(stop, announced)) {
    return ["the server runs, and its stop was not announced"];
  }
  const starts = take.some(
    (step) =>
      step.kind === "restart" || step.kind === "upgrade" || (step.kind === "start" && isUp(remembered)),
  );
  if (!starts) return [];
  const changed = new Set([...Object.keys(remembered.settings), ...Object.keys(observed.settings)]);
  return [...changed]
    .filter((name) => !names.has(name) && isAppliedByRestart(desired, name))
    .filter((name) => observed.settings[name]?.value !== remembered.settings[name]?.value)
    .map((name) => `${describeLeft(observed, name)} and the approved restart would apply it`);
}

/** A server that reads records which do not let the provider in can be started, and then nobody can look after it. */
function lockOut(
  observed: Observed,
  desired: Desired,
  take: readonly Step[],
  records: readonly RecordChange[],
): string[] {
  const reads = take.some(({ kind }) => kind === "start" || kind === "restart" || kind === "reload");
  const labels = records.map(({ label }) => label);
  return (reads ? missingWayIn(observed, heeding(observed, desired)) : [])
    .filter(({ label }) => !labels.includes(label))
    .map(
      ({ file, label }) =>
        `${label} was changed on the host (pg_${file}.conf), and the server would not let the provider in`,
    );
}

/** Its primary was raised since the preview, so what it needs was not announced. */
function tooLowToStart(observed: Observed, take: readonly Step[]): string[] {
  if (!take.some(({ kind }) => kind === "start" || kind === "restart")) return [];
  return tooLowAfter(observed, changesOf(take)).map(
    ({ name, running, least }) =>
      `its primary was raised to ${name} ${least}, and with ${running} the server would not start`,
  );
}

function isAppliedByRestart(desired: Desired, name: string): boolean {
  const setting = findSetting(desired.inputs.version, name);
  return setting !== undefined && appliedBy(setting.context) === "restart";
}
