/**
 * Spellings that the server takes for a value of an enum setting beyond those in pg_settings.enumvals, or prints as
 * another: the entries marked hidden, and names of one value. Source: config_enum_entry tables in guc_tables.c (guc.c
 * below 16), wal_level_options in xlogdesc.c, archive_mode_options in xlog.c. The server prints the first name of a value.
 */
type Spellings = Readonly<Record<string, string>>;

const onOrOff: Spellings = { true: "on", yes: "on", "1": "on", false: "off", no: "off", "0": "off" };
const messageLevels: Spellings = { debug: "debug2", info: "info" };

const spellings: Readonly<Record<string, Spellings>> = {
  archive_mode: onOrOff,
  backslash_quote: onOrOff,
  compute_query_id: onOrOff,
  constraint_exclusion: onOrOff,
  debug_parallel_query: onOrOff,
  force_parallel_mode: onOrOff,
  huge_pages: onOrOff,
  recovery_prefetch: onOrOff,
  synchronous_commit: onOrOff,
  wal_compression: { ...onOrOff, true: "pglz", yes: "pglz", "1": "pglz", on: "pglz" },
  wal_level: { archive: "replica", hot_standby: "replica" },
  client_min_messages: messageLevels,
  icu_validation_level: messageLevels,
  log_min_error_statement: messageLevels,
  log_min_messages: messageLevels,
  trace_recovery_messages: messageLevels,
};

/** As config_enum_lookup_by_name: the name by which the server prints a value, in any case, spaces not trimmed. */
export function lookUpEnum(setting: string, enumvals: readonly string[], text: string): string | undefined {
  const key = text.toLowerCase();
  return (
    new Map(Object.entries(spellings[setting] ?? {})).get(key) ??
    enumvals.find((candidate) => candidate.toLowerCase() === key)
  );
}
