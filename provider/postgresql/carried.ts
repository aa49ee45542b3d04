/** What becomes of the lines of postgresql.conf when a later major follows: most stay as they are. */
import { findSetting } from "./settings";
import { parseValue } from "./values";
import { type Major, majors } from "./version";

/** A line that cannot stay as it is. */
export interface Adaptation {
  readonly name: string;
  /** The name that takes its place; null: the line is left out. */
  readonly to: string | null;
  /** As it was, or in a spelling that the later major takes; null: the line is left out. */
  readonly value: string | null;
  /** The major that brought the change. */
  readonly since: Major;
  /** In plain words, without the value: it may be a secret. */
  readonly note: string;
}

/** New names, each with the release notes that tell it. A removed setting is one that the later catalog lacks. */
const renamed: Readonly<Record<string, { readonly to: string; readonly since: Major }>> = {
  /** https://www.postgresql.org/docs/release/16.0/ */
  force_parallel_mode: { to: "debug_parallel_query", since: "16" },
  /** https://www.postgresql.org/docs/release/18.0/ */
  ssl_ecdh_curve: { to: "ssl_groups", since: "18" },
};

/** Of another type, each with what it takes now. A bool goes on as `on` or `off`, which both take. */
const retyped: Readonly<Record<string, { readonly since: Major; readonly now: string }>> = {
  /** https://www.postgresql.org/docs/release/15.0/ */
  wal_compression: { since: "15", now: "a method of compression, of which on means pglz" },
  /** https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-CONNECTIONS */
  log_connections: {
    since: "18",
    now: "a list, of which on means receipt, authentication and authorization",
  },
};

/** The lines that have to change on the way from one major to a later one; those of extensions do not. */
export function adaptations(
  from: Major,
  to: Major,
  settings: Readonly<Record<string, string>>,
): readonly Adaptation[] {
  return Object.entries(settings).flatMap(([name, value]) => adapt(from, to, name, value) ?? []);
}

function adapt(from: Major, to: Major, name: string, value: string): Adaptation | undefined {
  const before = findSetting(from, name);
  if (!before) return undefined;
  const other = renamed[name];
  if (other && isBetween(from, other.since, to)) {
    const { to: now, since } = other;
    return { name, to: now, value, since, note: `is called ${now} from ${since} on; carried over` };
  }
  const after = findSetting(to, name);
  if (!after) {
    const since = lastWithout(from, to, name);
    return { name, to: null, value: null, since, note: `is gone from ${since} on; its line is left out` };
  }
  const change = retyped[name];
  if (change && before.vartype !== after.vartype) {
    const { since, now } = change;
    return { name, to: name, value: plainBool(value, from), since, note: `takes ${now}, from ${since} on` };
  }
  if (!parseValue(before, value).ok || parseValue(after, value).ok) return undefined;
  return { name, to: null, value: null, since: to, note: `has a value that ${to} does not take; left out` };
}

const isBetween = (from: Major, since: Major, to: Major): boolean =>
  Number(from) < Number(since) && Number(since) <= Number(to);

function lastWithout(from: Major, to: Major, name: string): Major {
  const later = majors.filter((major) => isBetween(from, major, to));
  return later.find((major) => findSetting(major, name) === undefined) ?? to;
}

/** `tru` is a bool of PostgreSQL's, and no word of anything else's. */
function plainBool(value: string, from: Major): string {
  const bool = findSetting(from, "enable_seqscan");
  const read = bool && parseValue(bool, value);
  return read?.ok ? read.value : value;
}

/** The lines as they read afterwards. */
export function carriedOver<T extends { readonly value: string }>(
  settings: Readonly<Record<string, T>>,
  changes: readonly Adaptation[],
): Record<string, T> {
  const carried = { ...settings };
  for (const { name, to, value } of changes) {
    const line = settings[name];
    delete carried[name];
    if (to !== null && value !== null && line !== undefined) carried[to] = { ...line, value };
  }
  return carried;
}

/** What was taken over under an old name is given back under the new one; what is gone is forgotten. */
export function carriedOriginals(
  originals: Readonly<Record<string, string | null>>,
  adapted: readonly Adaptation[],
): Record<string, string | null> {
  const known = { ...originals };
  for (const { name, to } of adapted) {
    const before = originals[name];
    if (before === undefined || to === name) continue;
    delete known[name];
    if (to !== null) known[to] = before;
  }
  return known;
}

/** Of names in settings of roles, databases and functions: those that a restore into the later major would fail at. */
export function lostNames(from: Major, to: Major, names: readonly string[]): string[] {
  const isLost = (name: string) =>
    findSetting(from, name) !== undefined && findSetting(to, name) === undefined;
  return [...new Set(names)].filter(isLost);
}
