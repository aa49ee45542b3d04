import { findSetting } from "./settings";
import { parseValue } from "./values";
import type { Major } from "./version";

/** A setting of a running standby that is below its primary's. */
export interface TooLow {
  readonly name: string;
  readonly running: number;
  /** What the primary runs with, by the WAL that was received. */
  readonly least: number;
}

/** Of what was seen of an instance. */
export interface SeenStandby {
  readonly version: Major | null;
  readonly role: "primary" | "standby";
  readonly server: string;
  readonly settings: Readonly<Record<string, { readonly value: string }>>;
  readonly pending: Readonly<Record<string, { readonly running: string }>>;
  readonly least: Readonly<Record<string, number>>;
}

/**
 * Why a standby that runs replays nothing: since 14 it pauses where its primary was raised above it, shuts down when that
 * is resumed, and takes no promotion. A restart with as much is the only way on.
 * https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
 */
export function tooLow(seen: SeenStandby): TooLow[] {
  if (seen.role !== "standby" || seen.server !== "running") return [];
  return Object.entries(seen.least).flatMap(([name, least]) => {
    const running = runningValue(seen, name);
    return running !== undefined && running < least ? [{ name, running, least }] : [];
  });
}

/** A line on its way; without a text what is beneath counts. */
interface Written {
  readonly name: string;
  readonly to: string | null;
  readonly beneath?: string;
}

/** What would be too low with these lines and a start: it ends at once. */
export function tooLowAfter(seen: SeenStandby, changes: readonly Written[]): TooLow[] {
  const kept = Object.entries(seen.settings).filter(
    ([setting]) => !changes.some(({ name }) => name === setting),
  );
  const written = changes.flatMap(({ name, to, beneath }) => {
    const value = to ?? beneath;
    return value === undefined ? [] : [[name, { value }] as const];
  });
  const settings = Object.fromEntries([...kept, ...written]);
  return tooLow({ ...seen, server: "running", pending: {}, settings });
}

/** What waits for a restart does not run yet. */
function runningValue({ version, settings, pending }: SeenStandby, name: string): number | undefined {
  const setting = version === null ? undefined : findSetting(version, name);
  const text = pending[name]?.running ?? settings[name]?.value ?? setting?.bootValue ?? undefined;
  const parsed = setting && text !== undefined ? parseValue(setting, text) : undefined;
  return parsed?.ok ? Number(parsed.value) : undefined;
}

/** `max_connections is 71 here and 120 on its primary` */
export const tooLowWords = (low: readonly TooLow[]): string =>
  low.map(({ name, running, least }) => `${name} is ${running} here and ${least} on its primary`).join(", ");
