import type { Properties } from "../schema/check";
import { isUnknown } from "../schema/unknown";

/** Whether two sets of inputs differ as the engine sees it: null is absent, and keys of its own do not count. */
export function differs(before: Properties, now: Properties): boolean {
  return canonical(before) !== canonical(now);
}

function canonical(inputs: Properties): string {
  const visible = Object.entries(inputs).filter(([name]) => !name.startsWith("__"));
  return JSON.stringify(sorted(Object.fromEntries(visible)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, sorted(part)]),
  );
}

/** Paths of what the engine does not know before the update; of settings, one by one. */
export function unknownNames(inputs: Properties): string[] {
  return Object.entries(inputs).flatMap(([name, value]) => {
    if (name.startsWith("__") || !isUnknown(value)) return [];
    if (name !== "settings" || typeof value !== "object" || value === null) return [name];
    return Object.entries(value).flatMap(([setting, part]) =>
      isUnknown(part) ? [`settings.${setting}`] : [],
    );
  });
}

/** The new inputs, with what was known before in place of what is not known yet. */
export function keepKnown(olds: Properties, news: Properties): Properties {
  const known = Object.entries(news).map(([name, value]) => {
    if (!isUnknown(value)) return [name, value];
    const mixed = name === "settings" && typeof value === "object" && value !== null;
    return [name, mixed ? keepKnown(asProperties(olds.settings), value as Properties) : olds[name]];
  });
  return Object.fromEntries(known.filter(([, value]) => value !== undefined));
}

function asProperties(value: unknown): Properties {
  return typeof value === "object" && value !== null ? (value as Properties) : {};
}
