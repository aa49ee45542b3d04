import type { InputFailure } from "../errors";
import { brokenRules, type Lookup } from "../postgresql/setting-rules";
import { findSetting } from "../postgresql/settings";
import { quoteLiteral } from "../postgresql/sql";
import { equalValues, parseValue } from "../postgresql/values";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";

type Program = Pick<InstanceInputs, "settings" | "version">;

/** What the files will say: what is no longer declared goes back, and what never was stays. */
function wantedValues(observed: Observed, { settings = {} }: Program): Lookup {
  const declared = new Map(Object.entries(settings).map(([name, value]) => [name.toLowerCase(), value]));
  const { originals, settings: there, beneath } = observed;
  return (name) => {
    if (declared.has(name)) return declared.get(name);
    if (name in originals) return originals[name] ?? beneath[name] ?? null;
    return there[name]?.value ?? null;
  };
}

/** Settings that are wrong together. A standby's five follow its primary's. */
export function rulesBroken(observed: Observed, inputs: InstanceInputs): InputFailure[] {
  const { settings = {}, version, standby } = inputs;
  if (standby !== undefined || observed.role === "standby") return [];
  const names = Object.keys(settings).map((name) => name.toLowerCase());
  return brokenRules(version, wantedValues(observed, inputs), (name) => names.includes(name)).map(
    ({ name, reason }) => ({ property: `settings.${name}` as const, reason }),
  );
}

interface Hold {
  readonly name: string;
  /** Of the slots that are there those with which a server with this value does not start. */
  readonly holds: (value: string, slots: readonly Slot[]) => readonly Slot[];
}

type Slot = readonly [name: string, type: "physical" | "logical"];

/** StartupReplicationSlots() and RestoreSlotFromDisk() in src/backend/replication/slot.c. */
const holds: readonly Hold[] = [
  { name: "max_replication_slots", holds: (most, slots) => (slots.length > Number(most) ? slots : []) },
  {
    name: "wal_level",
    holds: (level, slots) =>
      level === "logical" ? [] : slots.filter(([, type]) => type === "logical" || level === "minimal"),
  },
];

/** The server takes such a value, stops, and does not start any more. */
export function slotsInTheWay(observed: Observed, inputs: Program): InputFailure[] {
  const lookup = wantedValues(observed, inputs);
  return holds.flatMap(({ name, holds }) => {
    const setting = findSetting(inputs.version, name);
    const [before, now] = [observed.settings[name]?.value, lookup(name)].map((v) => v ?? setting?.bootValue);
    if (!setting || before == null || now == null || equalValues(setting, before, now)) return [];
    const value = parseValue(setting, now);
    const slots = value.ok ? holds(value.value, Object.entries(observed.slots)) : [];
    if (slots.length === 0) return [];
    const names = slots.map(([slot]) => slot);
    const drop = names.map((slot) => `SELECT pg_drop_replication_slot(${quoteLiteral(slot)})`).join("; ");
    return [
      {
        property: `settings.${name}` as const,
        reason:
          `${now}: the server would not start with the replication slots that it has (${names.join(", ")}). ` +
          `Where nobody needs them any more: ${drop}`,
      },
    ];
  });
}
