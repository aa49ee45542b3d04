import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { isGiven } from "./given";
import { info, type PlanLine } from "./line";

/** Names of settings that somebody chose and no program declares, nor ever did. */
export function unmanagedSettings(observed: Observed, { inputs, settings }: Desired): string[] {
  return Object.entries(observed.settings)
    .filter(([name]) => !(name in settings) && !(name in observed.originals))
    .filter(([name, { value }]) => !isGiven(observed.version ?? inputs.version, name, value))
    .map(([name]) => name)
    .sort();
}

/** How many of them, and where the first are. */
export function unmanagedLines(observed: Observed, desired: Desired): PlanLine[] {
  const names = unmanagedSettings(observed, desired);
  if (names.length === 0) return [];
  const first = names.slice(0, shown).map((name) => `${name} (${observed.settings[name]?.place})`);
  const more = names.length > shown ? `, and ${names.length - shown} more` : "";
  return [info(`plan: ${names.length} settings that nobody declares: ${first.join(", ")}${more}`)];
}

const shown = 5;
