/** The server's settings by major, as the view pg_settings lists them. */
import type { Major } from "./version";

export type Vartype = "bool" | "integer" | "real" | "enum" | "string";
export type Context =
  | "internal"
  | "postmaster"
  | "sighup"
  | "superuser-backend"
  | "backend"
  | "superuser"
  | "user";

/** Columns of https://www.postgresql.org/docs/current/view-pg-settings.html, `boot_val` and `short_desc` in full. */
export interface Setting {
  readonly name: string;
  readonly vartype: Vartype;
  /** What a number without a unit counts: `8kB`, `ms`. */
  readonly unit: string | null;
  readonly min: string | null;
  readonly max: string | null;
  readonly enumvals: readonly string[] | null;
  readonly context: Context;
  /** The compiled default; some differ by build and operating system (unix_socket_directories, wal_sync_method). */
  readonly bootValue: string | null;
  readonly category: string;
  readonly description: string;
}

/** Named as types, so that tsc takes the files along; loaded when first asked for, as most programs need one. */
interface Catalogs {
  "14": typeof import("./settings-catalog/14.json");
  "15": typeof import("./settings-catalog/15.json");
  "16": typeof import("./settings-catalog/16.json");
  "17": typeof import("./settings-catalog/17.json");
  "18": typeof import("./settings-catalog/18.json");
}

const load: { readonly [M in Major]: () => Catalogs[M] } = {
  "14": () => require("./settings-catalog/14.json"),
  "15": () => require("./settings-catalog/15.json"),
  "16": () => require("./settings-catalog/16.json"),
  "17": () => require("./settings-catalog/17.json"),
  "18": () => require("./settings-catalog/18.json"),
};

const catalogs = new Map<Major, ReadonlyMap<string, Setting>>();

/** Settings of a major by their name in small letters. */
function catalog(major: Major): ReadonlyMap<string, Setting> {
  let found = catalogs.get(major);
  if (!found) {
    const settings = load[major]() as readonly unknown[] as readonly Setting[];
    found = new Map(settings.map((setting) => [setting.name.toLowerCase(), setting]));
    catalogs.set(major, found);
  }
  return found;
}

/** Old names that the server still takes where it has no setting so named: `map_old_guc_names` in guc.c. */
const oldNames: Readonly<Record<string, string>> = {
  sort_mem: "work_mem",
  vacuum_mem: "maintenance_work_mem",
  ssl_ecdh_curve: "ssl_groups",
};

/** A setting by its name in any case, or by an old name of it. */
export function findSetting(major: Major, name: string): Setting | undefined {
  const settings = catalog(major);
  const key = name.toLowerCase();
  return settings.get(key) ?? settings.get(oldNames[key] ?? "");
}

/** For "Did you mean max_connections?"; `undefined` when nothing is near. */
export function nearestSettingName(major: Major, name: string): string | undefined {
  const key = name.toLowerCase();
  let nearest: { name: string; distance: number } | undefined;
  for (const [candidate, setting] of catalog(major)) {
    const limit = Math.min(Math.max(1, Math.floor(candidate.length / 4)), (nearest?.distance ?? 4) - 1);
    if (Math.abs(candidate.length - key.length) > limit) continue;
    const distance = editDistance(key, candidate);
    if (distance <= limit) nearest = { name: setting.name, distance };
  }
  return nearest?.name;
}

/** Letters to insert, drop, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(row, j - 1) + 1,
        at(last, j) + 1,
        at(last, j - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;

export type AppliedBy = "restart" | "reload" | "newSessions" | "never";

const appliedByContext: Readonly<Record<Context, AppliedBy>> = {
  internal: "never",
  postmaster: "restart",
  sighup: "reload",
  superuser: "reload",
  user: "reload",
  backend: "newSessions",
  "superuser-backend": "newSessions",
};

/** What a change in postgresql.conf needs to take effect, by the setting's context (view pg_settings, as above). */
export function appliedBy(context: Context): AppliedBy {
  return appliedByContext[context];
}

/**
 * Whether a name can only be an extension's, `auto_explain.log_analyze`: one dot, identifiers on both sides, as
 * QUALIFIED_ID in guc-file.l has it. The server takes any such name and asks the extension later.
 * https://www.postgresql.org/docs/current/runtime-config-custom.html
 */
export function isExtensionSetting(name: string): boolean {
  return /^[A-Z_\u{80}-\u{10FFFF}][\w\u{80}-\u{10FFFF}]*\.[A-Z_\u{80}-\u{10FFFF}][\w\u{80}-\u{10FFFF}]*$/iu.test(
    name,
  );
}
