import { findSetting } from "../postgresql/settings";
import { parseValue } from "../postgresql/values";
import type { Major } from "../postgresql/version";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import type { SettingChange, Step } from "./step";

/** Whether it is made, or comes back, as a standby: what was planned for it after that is planned anew then. */
export const replans: ReadonlySet<Step["kind"]> = new Set(["baseBackup", "rejoin"]);

/** The password first: it is needed on the way to the primary. */
export function passfile(observed: Observed, { standby }: Desired): Step[] {
  const wanted = standby?.passfile?.digest ?? null;
  return wanted === observed.passfile ? [] : [{ kind: "writePassfile" }];
}

/** A primary that shall follow another: its own data goes. */
export function rejoin(observed: Observed, { standby }: Desired): Step[] {
  if (standby?.status !== "streaming" || standby.rejoin === "refuse") return [];
  const isNeeded = observed.existence === "present" && (observed.role === "primary" || observed.rejoining);
  return isNeeded ? [{ kind: "rejoin", how: standby.rejoin }] : [];
}

/** Before a standby turns to another primary, or another slot; the first it has from its base backup. */
export function slot(observed: Observed, { standby }: Desired, changes: readonly SettingChange[]): Step[] {
  const turns = changes.some(({ name }) => name === "primary_conninfo" || name === "primary_slot_name");
  const follows = observed.role === "standby" && "primary_conninfo" in observed.settings;
  return follows && turns && standby?.status === "streaming" && standby.slot !== null
    ? [{ kind: "createSlot" }]
    : [];
}

export function promote(observed: Observed, { standby, inputs }: Desired): Step[] {
  const isNeeded = observed.existence === "present" && observed.role === "standby";
  return isNeeded && standby?.status === "promoted" && inputs.state === "started"
    ? [{ kind: "promote" }]
    : [];
}

/**
 * What the primary runs with comes before what is declared: below it a standby does not start. One that was promoted
 * keeps what it has got that way.
 */
export function heedingPrimary(observed: Observed, desired: Desired): Desired {
  if (!desired.standby) return desired;
  const { role, least, originals } = observed;
  const raised = Object.entries(least)
    .filter(([name, value]) => role === "standby" && ownValue(observed, desired, name) < value)
    .map(([name, value]) => [name, String(value)]);
  const kept = raisable
    .filter((name) => role === "primary" && name in originals && !(name in desired.settings))
    .map((name) => [name, observed.settings[name]?.value ?? null]);
  return { ...desired, settings: { ...desired.settings, ...Object.fromEntries([...raised, ...kept]) } };
}

const raisable = [
  "max_connections",
  "max_worker_processes",
  "max_wal_senders",
  "max_prepared_transactions",
  "max_locks_per_transaction",
];

/** Whether a standby with the value of before would have to wait. */
export function isRaise(version: Major, { name, from, to }: SettingChange): boolean {
  const setting = findSetting(version, name);
  if (setting === undefined || !raisable.includes(name)) return false;
  const [before, now] = [from, to].map((value) => parseValue(setting, value ?? setting.bootValue ?? "0"));
  return before?.ok === true && now?.ok === true && Number(now.value) > Number(before.value);
}

/** What it would have by itself: as declared, or as its file said before the provider took it over. */
function ownValue({ settings, originals }: Observed, desired: Desired, name: string): number {
  const setting = findSetting(desired.inputs.version, name);
  const own =
    name in desired.settings
      ? desired.settings[name]
      : name in originals
        ? originals[name]
        : settings[name]?.value;
  const parsed = setting && parseValue(setting, own ?? setting.bootValue ?? "0");
  return parsed?.ok ? Number(parsed.value) : 0;
}

/** Settings that are declared lower than what the primary runs with. */
export function heldUp(
  observed: Observed,
  desired: Desired,
): { name: string; least: number; declared: number }[] {
  if (observed.role !== "standby" || desired.standby?.status !== "streaming") return [];
  return Object.entries(observed.least)
    .filter(([name]) => name in desired.settings)
    .map(([name, least]) => ({ name, least, declared: ownValue(observed, desired, name) }))
    .filter(({ least, declared }) => declared < least);
}
