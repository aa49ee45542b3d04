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

/** How many of them, and where the first are; then the records that no program declares. */
export function unmanagedLines(observed: Observed, desired: Desired): PlanLine[] {
  const settings = unmanagedSettings(observed, desired).map(
    (name) => `${name} (${observed.settings[name]?.place})`,
  );
  const records = (["hba", "ident"] as const).flatMap((file) =>
    (observed.access?.[file] ?? [])
      .filter(({ label }) => label === null)
      .map(({ text }) => `"${withoutOptions(text)}" (pg_${file}.conf)`),
  );
  return [...nobodyDeclares("setting", settings), ...nobodyDeclares("access record", records)];
}

function nobodyDeclares(what: string, all: readonly string[]): PlanLine[] {
  if (all.length === 0) return [];
  const more = all.length > shown ? `, and ${all.length - shown} more` : "";
  const amount = `${all.length} ${what}${all.length === 1 ? "" : "s"}`;
  return [info(`plan: ${amount} that nobody declares: ${all.slice(0, shown).join(", ")}${more}`)];
}

/** One of them may be a password (`ldapbindpasswd`, `radiussecrets`). */
const withoutOptions = (record: string): string => record.replace(/\s\S*=.*/s, "");

const shown = 5;
