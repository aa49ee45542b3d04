import type { Observed } from "../schema/observed";
import { recordChanges } from "./access";
import type { Desired } from "./desired";
import { heeding } from "./heeding";
import { isUp } from "./is-up";
import { type OfflineStep, offlineSteps } from "./maintenance";
import { registration } from "./service";
import { needsRestart, settingChanges, stillPending } from "./settings";
import { passfile, promote, rejoin, slot } from "./standby";
import type { RecordChange, SettingChange, Step } from "./step";
import { endOfUpgrade, findUpgrade, finished, finishing, upgraded } from "./upgrade";

/**
 * observed x desired -> steps. Pure: `diff` runs it on what the state remembers, `update` on that and on what the host
 * shows. A create is a plan from nothing; an interrupted one is a plan from what is there.
 * @param offline what may be done while the server is stopped, where that is not all there is
 */
export function plan(observed: Observed, desired: Desired, offline?: readonly OfflineStep[]): Step[] {
  return planExactly(observed, heeding(observed, desired), offline);
}

/** The same, whatever a primary may demand. */
export function planExactly(
  observed: Observed,
  desired: Desired,
  offline: readonly OfflineStep[] = offlineSteps(observed, desired),
): Step[] {
  const upgrade = findUpgrade(observed, desired);
  if (upgrade) return [upgrade, ...planExactly(upgraded(observed, desired, upgrade), desired, offline)];
  const end = endOfUpgrade(observed, desired);
  if (end.length > 0) return [...end, ...planExactly(finished(observed), desired, offline)];
  const changes = settingChanges(observed, desired);
  const records = recordChanges(observed, desired);
  return aspects.flatMap((aspect) => aspect({ observed, desired, changes, records, offline }));
}

interface Situation {
  readonly observed: Observed;
  readonly desired: Desired;
  readonly changes: readonly SettingChange[];
  readonly records: readonly RecordChange[];
  readonly offline: readonly OfflineStep[];
}

type Aspect = (situation: Situation) => Step[];

/** Each decision, in the order in which the steps are taken. */
const aspects: readonly Aspect[] = [
  ({ observed, desired }) => passfile(observed, desired),
  init,
  ({ observed, desired }) => rejoin(observed, desired),
  ({ observed, desired, changes }) => slot(observed, desired, changes),
  configuration,
  access,
  ({ observed, desired }) => registration(observed, desired),
  power,
  ({ observed, desired }) => promote(observed, desired),
  password,
  replicationRole,
  slots,
  tablespaces,
  oldCopies,
  ({ observed, desired }) => finishing(observed, desired),
];

function init({ observed, desired }: Situation): Step[] {
  return observed.existence === "absent" ? [{ kind: desired.standby ? "baseBackup" : "init" }] : [];
}

function configuration({ changes }: Situation): Step[] {
  return changes.length > 0 ? [{ kind: "writeConfiguration", changes }] : [];
}

function access({ desired, records }: Situation): Step[] {
  if (records.length === 0 || desired.access === null) return [];
  const { hba, ident } = desired.access;
  const unmanaged = records.some(({ label }) => label === null) ? "remove" : "keep";
  return [
    { kind: "writeAccess", changes: records, wanted: { hba: hba.records, ident: ident.records }, unmanaged },
  ];
}

/** The rows: what runs, what shall run, and what has to be applied. The first that fits decides. */
function power(situation: Situation): Step[] {
  const { observed, desired, changes, records, offline } = situation;
  // A return stops it first.
  const running = isUp(observed) && rejoin(observed, desired).length === 0;
  const because = restartReasons(situation);
  const written = changes.length + records.length;
  const unapplied = written > 0 || observed.unapplied === "reload" || isUnread(observed);
  const rows: readonly [fits: boolean, steps: Step[]][] = [
    [offline.length > 0, maintenance(situation)],
    [desired.inputs.state === "stopped", running ? [{ kind: "stop", mode: desired.inputs.stopMode }] : []],
    [!running, [{ kind: "start" }]],
    [because.length > 0, [{ kind: "restart", because }]],
    [unapplied, [{ kind: "reload" }]],
  ];
  return rows.find(([fits]) => fits)?.[1] ?? [];
}

/**
 * One downtime for all there is: what is written before is taken by the start after. The stop is a clean one whatever
 * `stopMode` says, and a server that crashed is started for it first.
 */
function maintenance({ observed, desired, offline }: Situation): Step[] {
  const stop: Step = { kind: "stop", mode: "fast" };
  const down: Step[] = isUp(observed)
    ? [stop]
    : observed.server === "crashed"
      ? [{ kind: "start" }, stop]
      : [];
  return [...down, ...offline, ...(desired.inputs.state === "started" ? [{ kind: "start" } as const] : [])];
}

function password({ observed, desired }: Situation): Step[] {
  const verifier = desired.inputs.superuserPasswordVerifier;
  const differs = verifier !== undefined && verifier !== observed.passwordVerifier;
  return differs && desired.inputs.state === "started" ? [{ kind: "setPassword" }] : [];
}

/** Never dropped, nor taken its rights: others may use it by now. A standby has its primary's. */
function replicationRole({ observed, desired }: Situation): Step[] {
  const { replicationRole: role, state } = desired.inputs;
  if (role === undefined || state !== "started") return [];
  const { name, verifier, replicates } = observed.replicationRole ?? {
    name: "",
    verifier: null,
    replicates: false,
  };
  const same =
    name === role.name &&
    replicates &&
    (role.passwordVerifier === undefined || role.passwordVerifier === verifier);
  return same ? [] : [{ kind: "setReplicationRole", name: role.name }];
}

function slots({ observed, desired }: Situation): Step[] {
  const { replicationSlots = [], state } = desired.inputs;
  const missing = replicationSlots.filter((name) => !observed.replicationSlots.includes(name));
  return missing.length > 0 && state === "started" ? [{ kind: "createSlots", names: missing }] : [];
}

/** Only SQL makes one; a standby gets its primary's. */
function tablespaces({ observed, desired }: Situation): Step[] {
  const { state, tablespaces: wanted = {} } = desired.inputs;
  if (state === "stopped" || observed.role === "standby" || desired.standby) return [];
  return Object.entries(wanted)
    .filter(([tablespace]) => !(tablespace in observed.tablespaces))
    .map(([tablespace, location]) => ({ kind: "createTablespace", tablespace, location }));
}

/** What a move leaves is removed after the start: it costs time, and nobody waits for it. */
function oldCopies({ observed, offline }: Situation): Step[] {
  const moves = offline.some(({ kind }) => kind === "moveWal" || kind === "moveTablespace");
  return moves || observed.leftovers.length > 0 ? [{ kind: "removeOld" }] : [];
}

/** Written for a restart by a run that was interrupted before the server heard of it: then it tells nothing pending. */
function isUnread(observed: Observed): boolean {
  return isUp(observed) && observed.unapplied === "restart";
}

/** Names of what only a restart applies, where the program allows one or asks for it: then it applies all there is. */
function restartReasons({ observed, desired, changes }: Situation): string[] {
  const { restartOnChanges } = desired.inputs;
  const written = changes.filter(needsRestart).map((change) => change.name);
  const pending = stillPending(observed, desired, changes);
  const ours = [...written, ...pending.filter((name) => isOurs(observed, desired, name))];
  const wanted = ours.filter((name) => restartOnChanges || movedByRestart(desired).includes(name));
  const unread = restartOnChanges && isUnread(observed) ? ["configuration"] : [];
  const triggered = observed.existence === "present" && observed.restartTriggers !== desired.restartTriggers;
  const asked = triggered && desired.restartTriggers !== null ? ["restartTriggers"] : [];
  const isDue = wanted.length > 0 || unread.length > 0 || asked.length > 0;
  return isDue ? [...new Set([...written, ...pending, ...unread, ...asked])] : [];
}

/** What clients connect to is never left pending: the next plan would forget it, and they would connect to nothing. */
function movedByRestart({ inputs }: Desired): string[] {
  return ["port", ...(inputs.socketDirectory === undefined ? [] : ["unix_socket_directories"])];
}

function isOurs(observed: Observed, desired: Desired, name: string): boolean {
  const waits = observed.unapplied === "restart" || observed.unapplied === "pending";
  return waits || name in desired.settings || name in observed.originals;
}
