import { canonicalJson } from "../schema/canonical";
import type { Properties } from "../schema/check";
import { isUnknown } from "../schema/unknown";

/** Whether two sets of inputs differ as the engine sees it: null is absent, and keys of its own do not count. */
export function differs(before: Properties, now: Properties): boolean {
  const names = Object.keys({ ...before, ...now }).filter((name) => !name.startsWith("__"));
  const isSame = (name: string) =>
    before[name] === now[name] || canonicalJson(before[name]) === canonicalJson(now[name]);
  return !names.every(isSame);
}

/** Paths of what the engine does not know before the update; of settings, one by one; of defaults none. */
export function unknownNames(inputs: Properties): string[] {
  const defaults = asProperties(inputs.__defaults);
  return Object.entries(inputs).flatMap(([name, value]) => {
    if (name.startsWith("__") || name in defaults || !isUnknown(value)) return [];
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
