import { parseHbaRecord } from "../postgresql/hba-record";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { isGiven } from "./given";
import { info, type PlanLine, warning } from "./line";

/** Names of settings that somebody chose and no program declares, nor ever did. */
export function unmanagedSettings(observed: Observed, { inputs, settings }: Desired): string[] {
  return Object.entries(observed.settings)
    .filter(([name]) => !(name in settings) && !(name in observed.originals))
    .filter(([name, { value }]) => !isGiven(observed.version ?? inputs.version, name, value))
    .map(([name]) => name)
    .sort();
}

/** How many of them, and where the first are; then the records that no program declares, of which some let anybody in. */
export function unmanagedLines(observed: Observed, desired: Desired): PlanLine[] {
  const settings = unmanagedSettings(observed, desired).map(
    (name) => `${name} (${observed.settings[name]?.place})`,
  );
  const others = (file: "hba" | "ident") =>
    (observed.access?.[file] ?? []).filter(({ label }) => label === null).map(({ text }) => text);
  const shownIn = (file: "hba" | "ident") => (text: string) => `"${withoutOptions(text)}" (pg_${file}.conf)`;
  const trusting = others("hba").filter((text) => parseHbaRecord(text).method === "trust");
  const records = [...others("hba").map(shownIn("hba")), ...others("ident").map(shownIn("ident"))];
  return [
    ...nobodyDeclares("setting", settings),
    ...nobodyDeclares("access record", records),
    ...trusting.map((text) =>
      warning(`an access record that nobody declares lets in without a password: ${shownIn("hba")(text)}`),
    ),
  ];
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
