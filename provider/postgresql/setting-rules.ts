/** Rules that span settings: each value is right by itself, and with all of them the server does not start, or does not work. */
import { findSetting } from "./settings";
import { parseValue, type SettingValue } from "./values";
import type { Major } from "./version";

export interface BrokenRule {
  /** The first of those that the rule is about which the program declares. */
  readonly name: string;
  readonly reason: string;
}

/** The value that will count; undefined: nobody knows yet. */
export type Lookup = (name: string) => SettingValue | null | undefined;

interface Rule {
  readonly names: readonly string[];
  /** The first major that has it. */
  readonly since?: Major;
  /** With each value as pg_settings.setting would show it. */
  readonly broken: (...values: string[]) => boolean;
  readonly reason: (...values: string[]) => string;
}

const isMinimal = (level: string | undefined) => level === "minimal";
const sum = (values: readonly (string | undefined)[]) =>
  values.reduce((all, one) => all + Number(one ?? 0), 0);

/** PostmasterMain() and StartupXLOG(); of archiving, LoadArchiveLibrary() in src/backend/postmaster/pgarch.c. */
const rules: readonly Rule[] = [
  {
    names: ["wal_level", "max_wal_senders"],
    broken: (level, senders) => isMinimal(level) && Number(senders) > 0,
    reason: (_, senders) => `minimal needs max_wal_senders = 0, which is ${senders}`,
  },
  {
    names: ["wal_level", "archive_mode"],
    broken: (level, archive) => isMinimal(level) && archive !== "off",
    reason: (_, archive) => `minimal needs archive_mode = off, which is ${archive}`,
  },
  {
    names: ["wal_level", "summarize_wal"],
    since: "17",
    broken: (level, summarize) => isMinimal(level) && summarize === "on",
    reason: () => "minimal needs summarize_wal = off, which is on",
  },
  {
    names: ["superuser_reserved_connections", "max_connections"],
    broken: (reserved, all) => Number(reserved) >= Number(all),
    reason: (reserved, all) => `${reserved} is not less than max_connections = ${all}`,
  },
  {
    names: ["reserved_connections", "superuser_reserved_connections", "max_connections"],
    since: "16",
    broken: (some, more, all) => Number(some) > 0 && sum([some, more]) >= Number(all),
    reason: (some, more, all) =>
      `${some} and superuser_reserved_connections = ${more} are not less than max_connections = ${all}`,
  },
  {
    // 15 leaves the command aside then.
    names: ["archive_library", "archive_command"],
    since: "16",
    broken: (library, command) => library !== "" && command !== "" && command !== "(disabled)",
    reason: () => "cannot be set beside archive_command: the archiver takes one of them",
  },
  ...["min_wal_size", "max_wal_size"].map(
    (name): Rule => ({
      names: [name],
      broken: (megabytes) => Number(megabytes) < 32,
      reason: (megabytes) => `${megabytes}MB is less than two WAL segments, which have 16MB each`,
    }),
  ),
];

/** Each rule that is broken by values which are all known, and which the program has a part in. */
export function brokenRules(
  version: Major,
  lookup: Lookup,
  isDeclared: (name: string) => boolean,
): BrokenRule[] {
  return rules.flatMap(({ names, since = "14", broken, reason }) => {
    const name = names.find(isDeclared);
    if (name === undefined || Number(version) < Number(since)) return [];
    const values = names.map((one) => meaning(version, one, lookup(one)));
    if (!values.every((value) => value !== undefined) || !broken(...values)) return [];
    const why = reason(...values);
    return [{ name, reason: name === names[0] ? why : `${names[0]} = ${why}` }];
  });
}

function meaning(version: Major, name: string, value: SettingValue | null | undefined): string | undefined {
  const setting = findSetting(version, name);
  if (setting === undefined || value === undefined) return undefined;
  const parsed = parseValue(setting, value ?? setting.bootValue ?? "");
  return parsed.ok ? parsed.value : undefined;
}
