/** What a value does that its range does not say, and that a reviewer would want to have read before it counts. */
import { findSetting } from "./settings";
import { parseValue } from "./values";
import type { Major } from "./version";

interface Effect {
  readonly name: string;
  /** With the value as pg_settings.setting would show it. */
  readonly when: (value: string) => boolean;
  readonly words: string;
}

const is = (value: string) => (given: string) => given === value;

/** From the manual's own warnings: https://www.postgresql.org/docs/current/runtime-config.html */
const effects: readonly Effect[] = [
  { name: "fsync", when: is("off"), words: "a crash of the host can damage the data beyond repair" },
  {
    name: "full_page_writes",
    when: is("off"),
    words: "a crash of the host can damage the data beyond repair",
  },
  {
    name: "synchronous_commit",
    when: is("off"),
    words: "a crash loses the latest transactions, although clients were told that they are committed",
  },
  {
    name: "synchronous_standby_names",
    when: (names) => names.trim() !== "",
    words: "every commit waits for these standbys: without them, all writes hang",
  },
  {
    name: "wal_level",
    when: is("minimal"),
    words:
      "no standby can follow, and no base backup be taken: earlier backups cannot be rolled forward past it",
  },
  {
    name: "archive_mode",
    when: is("off"),
    words: "WAL is archived no longer: backups cannot be rolled forward past it",
  },
  {
    name: "ssl",
    when: is("off"),
    words: "connections are no longer encrypted, and no record of type hostssl lets anybody in",
  },
  {
    name: "autovacuum",
    when: is("off"),
    words: "dead rows and stale statistics stay until somebody runs VACUUM and ANALYZE",
  },
  {
    name: "zero_damaged_pages",
    when: is("on"),
    words: "pages found damaged are emptied, and their rows lost",
  },
  {
    name: "ignore_checksum_failure",
    when: is("on"),
    words: "damaged pages are read as if they were whole",
  },
  {
    name: "password_encryption",
    when: is("md5"),
    words: "new passwords are kept as MD5, which SCRAM records of pg_hba.conf do not take",
  },
];

interface Change {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly beneath?: string | null;
}

/** Of a change; null is no line, and what lies beneath, or the compiled default, then counts. Undefined: the value does what it says. */
export function effectOfChange(
  version: Major,
  { name, from, to, beneath = null }: Change,
): string | undefined {
  const effect = effects.find((one) => one.name === name);
  const setting = findSetting(version, name);
  if (effect === undefined || setting === undefined) return undefined;
  const meaning = (value: string | null) => {
    const parsed = parseValue(setting, value ?? setting.bootValue ?? "");
    return parsed.ok ? parsed.value : undefined;
  };
  const now = meaning(to ?? beneath);
  return now !== undefined && now !== meaning(from) && effect.when(now) ? effect.words : undefined;
}
