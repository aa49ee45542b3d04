import { type Adaptation, adaptations, carriedOriginals, carriedOver } from "../postgresql/carried";
import type { Major } from "../postgresql/version";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { isUp } from "./is-up";
import { settingChanges } from "./settings";
import type { Step } from "./step";

export type Upgrade = Extract<Step, { kind: "upgrade" }>;

/** The settings that an upgrade would start from, as texts. */
const texts = (settings: Observed["settings"]): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]));

/** What the data directory holds; a state from before upgrades does not say, and means what was declared. */
export function majorOf(observed: Observed, desired: Desired): Major {
  return observed.version ?? desired.inputs.version;
}

/** The upgrade that is wanted; undefined when what is there is of the declared major. */
export function findUpgrade(observed: Observed, desired: Desired): Upgrade | undefined {
  const from = majorOf(observed, desired);
  const to = desired.inputs.version;
  if (observed.existence === "absent" || Number(from) >= Number(to)) return undefined;
  const adapted = adaptations(from, to, texts(observed.settings));
  const { mode = "copy", jobs = 1 } = desired.inputs.upgrade ?? {};
  const changes = settingChanges(carried(observed, adapted), desired);
  return {
    kind: "upgrade",
    from,
    to,
    mode,
    jobs,
    adapted,
    changes,
    slots: observed.slots,
    standbys: observed.standbys,
  };
}

/** The files as the new major reads them, before anything declared is written. */
function carried(observed: Observed, adapted: readonly Adaptation[]): Observed {
  const settings = carriedOver(observed.settings, adapted);
  const overrides = carriedOver(observed.overrides, adapted);
  return { ...observed, settings, overrides, originals: carriedOriginals(observed.originals, adapted) };
}

/** The files as the declared major would read them, where that is a later one. */
export function carriedToDeclared(observed: Observed, desired: Desired): Observed {
  const from = majorOf(observed, desired);
  const to = desired.inputs.version;
  if (observed.existence === "absent" || Number(from) >= Number(to)) return observed;
  return carried(observed, adaptations(from, to, texts(observed.settings)));
}

/** What was declared once, as the later major takes it: for whoever declares nothing, and wants it kept. */
export function carriedSettings(observed: Observed, to: Major): Record<string, string | null> {
  const { settings, originals } = carried(
    observed,
    adaptations(observed.version ?? to, to, texts(observed.settings)),
  );
  return Object.fromEntries(Object.keys(originals).map((name) => [name, settings[name]?.value ?? null]));
}

/** What an upgrade leaves: a plan goes on from there. */
export function upgraded(observed: Observed, desired: Desired, step: Upgrade): Observed {
  const { settings, overrides, originals } = carried(observed, step.adapted);
  const lines = { ...settings };
  const notes = { ...originals };
  for (const { name, to, declared } of step.changes) {
    delete overrides[name];
    if (to === null) delete lines[name];
    else lines[name] = { value: to, place: "postgresql.conf" };
    if (!declared) delete notes[name];
    else notes[name] ??= settings[name]?.value ?? null;
  }
  const kept = [...(observed.upgrade?.kept ?? []), desired.oldCluster ?? ""];
  return {
    ...observed,
    version: step.to,
    server: "running",
    settings: lines,
    overrides,
    originals: notes,
    pending: {},
    unapplied: "none",
    restartTriggers: desired.restartTriggers,
    slots: {},
    standbys: [],
    replicationSlots: [],
    upgrade: { from: step.from, to: step.to, mode: step.mode, stage: "finishing", kept },
  };
}

/** Of one that shall be stopped: only a server that runs is told of extensions, and can make statistics. */
export function endOfUpgrade(observed: Observed, { inputs }: Desired): Step[] {
  const { upgrade } = observed;
  const isDue =
    upgrade?.stage === "finishing" && inputs.state === "stopped" && observed.existence === "present";
  if (!isDue) return [];
  const { from, to } = upgrade;
  return [...(isUp(observed) ? [] : [{ kind: "start" } as const]), { kind: "finishUpgrade", from, to }];
}

/** What that leaves. */
export function finished(observed: Observed): Observed {
  const { upgrade } = observed;
  return { ...observed, server: "running", upgrade: upgrade && { ...upgrade, stage: "done" } };
}

/** After the new server runs: extensions, statistics, and what the program does not want to keep. */
export function finishing(observed: Observed, desired: Desired): Step[] {
  const { upgrade } = observed;
  if (observed.existence === "absent" || upgrade === null) return [];
  const { from, to, stage, kept } = upgrade;
  const isStarted = desired.inputs.state === "started";
  const isDue = desired.inputs.upgrade?.keepOld === false && kept.length > 0;
  return [
    ...(stage === "done" || !isStarted ? [] : [{ kind: "finishUpgrade", from, to } as const]),
    ...(isDue ? [{ kind: "removeOldClusters", kept } as const] : []),
  ];
}

/**
 * Where the successor lives, and where the old cluster stays: a default path has the major in it and moves on with it, any
 * other is kept.
 */
export function succession(
  dataDirectory: string,
  name: string,
  from: Major,
  to: Major,
  isDeclared: boolean,
): { readonly dataDirectory: string; readonly oldCluster: string } {
  const usual = `/pginstance/${from}/${name}`;
  if (isDeclared || !dataDirectory.endsWith(usual)) {
    return { dataDirectory, oldCluster: `${dataDirectory}.old-${from}` };
  }
  const home = dataDirectory.slice(0, -usual.length);
  return { dataDirectory: `${home}/pginstance/${to}/${name}`, oldCluster: dataDirectory };
}
