import { quoteLiteral } from "../postgresql/sql";
import type { Observed } from "../schema/observed";
import type { Rows } from "./exchange";
import type { Target } from "./target";

/** What only a running server can say. */
export interface Answers {
  readonly serverVersion: string;
  readonly locale: string | null;
  readonly encoding: string;
  readonly passwordVerifier: string | null;
  readonly replicationRole: Observed["replicationRole"];
  readonly replicationSlots: readonly string[];
  readonly startSettings: readonly StartSetting[];
  /** Those that it was started with: no file changes them. */
  readonly commandLine: readonly StartSetting[];
  /** Lines of the files that it does not take, with its reason. */
  readonly refusedLines: readonly string[];
  /** Of pg_hba.conf those for which it takes none of that file: it would not start. */
  readonly refusedRecords: readonly string[];
  /** When the server last read its files. */
  readonly loadedAt: string;
  /** Who receives its WAL as a standby does: by slot, or as it calls itself. */
  readonly standbys: readonly string[];
  /** Names of tablespaces by object id. */
  readonly tablespaces: ReadonlyMap<string, string>;
  /** Of replication, by name; those that end with their session left out. */
  readonly slots: Readonly<Record<string, "physical" | "logical">>;
}

/** One that only a start applies. */
export interface StartSetting {
  readonly name: string;
  /** As SHOW prints it. */
  readonly running: string;
  /** In the setting's base unit. */
  readonly setting: string;
  /** The server has read another value already. */
  readonly isPending: boolean;
  readonly bootValue: string;
  /** False for strings: one may be a secret. */
  readonly shown: boolean;
}

/**
 * Of the files, with the server's reason. An error on a line that only waits for a restart is no refusal; nor is one of
 * no line: of one that is gone; nor what cannot be tried within a transaction, as a query is. A syntax error has no name.
 */
export const refusedLines = `
  SELECT format('%s:%s: %s', f.sourcefile, f.sourceline, concat_ws(': ', f.name, f.error)) AS line
    FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)
   WHERE f.error IS NOT NULL AND f.sourcefile IS NOT NULL AND NOT coalesce(s.pending_restart, false)
     AND coalesce(s.context, '') <> 'postmaster'
     AND coalesce(lower(f.name), '') NOT IN ('transaction_deferrable', 'transaction_isolation', 'transaction_read_only')`;

/**
 * Of pg_hba.conf as it stands. A record without a method was not loaded, and none of its file then; with one, an error is
 * a warning only (hostssl with ssl off). Before 16 the view does not say which file a line is of.
 */
export const refusedRecords = `
  SELECT format('%s:%s: %s', coalesce(to_jsonb(r) ->> 'file_name', 'pg_hba.conf'), line_number, error) AS line
    FROM pg_hba_file_rules AS r WHERE error IS NOT NULL AND auth_method IS NULL`;

type Asked = Pick<Target, "superuser" | "replication">;

/**
 * template0 cannot be changed, so it tells what initdb was told. Of max_stack_depth, which the server works out from the
 * kernel's limit, 14 says that it came from the environment.
 */
export const questions = ({ superuser, replication }: Asked): readonly string[] => [
  `SELECT regexp_replace(current_setting('server_version'), ' .*', '') AS version,
          pg_conf_load_time()::text AS loaded`,
  `SELECT datcollate = datctype AS same, datcollate AS locale, pg_encoding_to_char(encoding) AS encoding
     FROM pg_database WHERE datname = 'template0'`,
  `SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = ${quoteLiteral(superuser)}`,
  `SELECT name, setting, current_setting(name) AS running, coalesce(boot_val, '') AS boot,
          vartype <> 'string' AS shown, pending_restart AS pending
     FROM pg_settings WHERE pending_restart OR context = 'postmaster' ORDER BY name`,
  `SELECT DISTINCT coalesce(slot_name::text, application_name) AS name
     FROM pg_stat_replication AS r LEFT JOIN pg_replication_slots AS s ON s.active_pid = r.pid
    WHERE r.state <> 'backup' AND slot_type IS DISTINCT FROM 'logical' ORDER BY name`,
  `SELECT rolname AS name, rolpassword AS verifier, rolcanlogin AND rolreplication AS replicates
     FROM pg_authid WHERE rolname = ${quoteLiteral(replication?.role ?? "")}`,
  `SELECT slot_name AS name FROM pg_replication_slots
    WHERE slot_type = 'physical' AND slot_name IN (${literals(replication?.slots)}) ORDER BY slot_name`,
  `SELECT oid::text AS oid, spcname AS name FROM pg_tablespace`,
  `SELECT name, setting, current_setting(name) AS running, coalesce(boot_val, '') AS boot,
          vartype <> 'string' AS shown, true AS pending
     FROM pg_settings WHERE source IN ('command line', 'environment variable')
      AND name NOT IN ('config_file', 'data_directory', 'hba_file', 'ident_file', 'max_stack_depth') ORDER BY name`,
  refusedLines,
  "SELECT slot_name AS name, slot_type AS type FROM pg_replication_slots WHERE NOT temporary ORDER BY 1",
  refusedRecords,
];

const literals = (names: readonly string[] = []): string => ["", ...names].map(quoteLiteral).join(", ");

export function readAnswers([version, database, role, settings, ...more]: readonly Rows[]): Answers {
  const [standbys, roles, slots, tablespaces, commandLine, refused, everySlot, records] = more;
  const [found] = roles ?? [];
  return {
    replicationRole: found
      ? {
          name: String(found.name),
          verifier: textOrNull(found.verifier),
          replicates: found.replicates === true,
        }
      : null,
    replicationSlots: (slots ?? []).map(({ name }) => String(name)),
    serverVersion: String(version?.[0]?.version),
    loadedAt: String(version?.[0]?.loaded),
    locale: database?.[0]?.same ? String(database[0].locale) : null,
    encoding: String(database?.[0]?.encoding),
    passwordVerifier: textOrNull(role?.[0]?.verifier),
    standbys: (standbys ?? []).map(({ name }) => String(name)),
    tablespaces: new Map((tablespaces ?? []).map(({ oid, name }) => [String(oid), String(name)])),
    slots: Object.fromEntries(
      (everySlot ?? []).map(({ name, type }) => [String(name), type === "logical" ? "logical" : "physical"]),
    ),
    startSettings: (settings ?? []).map(startSetting),
    commandLine: (commandLine ?? []).map(startSetting),
    refusedLines: linesOf(refused),
    refusedRecords: linesOf(records),
  };
}

const linesOf = (rows: Rows = []): string[] => rows.map(({ line }) => String(line));

const startSetting = (row: Rows[number]): StartSetting => ({
  name: String(row.name),
  setting: String(row.setting),
  isPending: row.pending === true,
  running: String(row.running),
  bootValue: String(row.boot),
  shown: row.shown === true,
});

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);
