import { appliedBy, findSetting } from "../postgresql/settings";
import { equalValues, printValue } from "../postgresql/values";
import type { Major } from "../postgresql/version";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { givenBack } from "./given";
import type { SettingChange } from "./step";
import { unmanagedSettings } from "./unmanaged";

/**
 * What postgresql.conf has to say differently; by name, so that the preview reads the same every time. One that is given
 * back is among them even where the text is right already: so that it is forgotten, which costs no more than a reload.
 */
export function settingChanges(observed: Observed, desired: Desired): SettingChange[] {
  return Object.entries(wantedSettings(observed, desired))
    .map(([name, to]) => {
      const from = observed.settings[name]?.value ?? null;
      const declared = name in desired.settings;
      const same = sameText(desired, name, from, to) || (to === null && isIncluded(observed, name));
      const beneath = to === null ? observed.beneath[name] : undefined;
      const staysSo = beneath !== undefined && sameText(desired, name, from, beneath);
      const isBack = goesBack(observed, desired, name, to ?? beneath);
      const isFixed = observed.commandLine.includes(name);
      const how = isFixed ? "restart" : appliedBySetting(desired.inputs.version, name);
      const appliedBy = same || staysSo || isBack ? "reload" : how;
      return {
        same,
        change: { name, from, to, ...(beneath !== undefined && { beneath }), appliedBy, declared },
      };
    })
    .filter(({ same, change }) => !isMade(observed) || !change.declared || !same)
    .map(({ change }) => change)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What waits for a restart once these changes are written. */
export function stillPending(
  observed: Observed,
  desired: Desired,
  changes: readonly SettingChange[],
): string[] {
  const isBack = ({ name, to, beneath }: SettingChange) => goesBack(observed, desired, name, to ?? beneath);
  const back = new Set(changes.filter(isBack).map(({ name }) => name));
  return Object.keys(observed.pending).filter((name) => !back.has(name));
}

/**
 * Whether what is pending goes back to what the server runs with, which it takes for no change at a reload
 * (src/backend/utils/misc/guc.c, set_config_with_handle). Without a text the default counts.
 */
function goesBack(observed: Observed, desired: Desired, name: string, text: string | undefined): boolean {
  const { version } = desired.inputs;
  const running = observed.pending[name]?.running;
  const wanted = text ?? defaultOf(version, name);
  const isFixed = observed.commandLine.includes(name);
  return (
    running !== undefined && !isFixed && mayShow(version, name) && sameText(desired, name, running, wanted)
  );
}

/** As a file would spell it; null: PostgreSQL works it out, or knows no such setting. */
export function defaultOf(version: Major, name: string): string | null {
  const setting = findSetting(version, name);
  return setting && setting.bootValue !== null ? printValue(setting, setting.bootValue) : null;
}

/** Set by a file that postgresql.conf includes: the provider changes none of these, and can take no line out of one. */
export function isIncluded({ settings }: Observed, name: string): boolean {
  const place = settings[name]?.place;
  return place !== undefined && !/(^|\/)postgresql(\.auto)?\.conf:\d+$/.test(place);
}

/** Before initdb nobody knows which lines it will write: what is declared to have none is taken out of them. */
const isMade = (observed: Observed): boolean => observed.existence === "present";

/** Those declared, and those no longer: these go back to what the file said before the provider took them over. */
function wantedSettings(observed: Observed, desired: Desired): Record<string, string | null> {
  const released = Object.entries(observed.originals).filter(([name]) => !(name in desired.settings));
  const unmanaged =
    desired.inputs.unmanagedSettings === "remove"
      ? unmanagedSettings(observed, desired).filter((name) => !isIncluded(observed, name))
      : [];
  return {
    ...Object.fromEntries(unmanaged.map((name) => [name, givenBack(name)])),
    ...Object.fromEntries(released),
    ...desired.settings,
  };
}

function sameText(desired: Desired, name: string, from: string | null, to: string | null): boolean {
  if (from === null || to === null) return from === to;
  return equalValues(findSetting(desired.inputs.version, name), from, to);
}

/** A setting of an extension is taken by a reload. */
function appliedBySetting(version: Major, name: string): SettingChange["appliedBy"] {
  const setting = findSetting(version, name);
  const how = setting === undefined ? "reload" : appliedBy(setting.context);
  return how === "never" ? "restart" : how;
}

export function needsRestart(change: SettingChange): boolean {
  return change.appliedBy === "restart";
}

/** Whether a line may show the value: a string may be a secret, and the provider cannot tell. */
export function mayShow(version: Major, name: string): boolean {
  const setting = findSetting(version, name);
  return setting !== undefined && setting.vartype !== "string";
}
