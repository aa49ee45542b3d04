import fc from "fast-check";
import { findSetting } from "../../../provider/postgresql/settings";
import { type Choice, type Spellings, spellingsOf } from "../../property/plan/arbitraries";
import type { Major } from "../../support/servers";

/** Of all that the catalog has, what a server can start with on any small machine, and a test can go on with. */

/** Settings no case has, each with its reason. */
const leftOut: Readonly<Record<string, string>> = {
  allow_in_place_tablespaces: "a developer's, for tests of PostgreSQL",
  archive_mode: "a stop would wait for an archive that nobody has",
  authentication_timeout: "a second is too little on a busy machine",
  bonjour: "not in every build",
  debug_discard_caches: "every query would take seconds",
  exit_on_error: "no client of a test could go on",
  gss_accept_delegation: "not in every build",
  huge_page_size: "not on every machine",
  ignore_system_indexes: "every query would take seconds",
  log_executor_stats: "excludes log_statement_stats",
  log_parser_stats: "excludes log_statement_stats",
  log_planner_stats: "excludes log_statement_stats",
  log_statement_stats: "excludes the three before",
  post_auth_delay: "every session would wait for it",
  pre_auth_delay: "every session would wait for it",
  ssl: "needs a certificate",
  ssl_max_protocol_version: "must not be below ssl_min_protocol_version",
  ssl_min_protocol_version: "must not be above ssl_max_protocol_version",
  summarize_wal: "keeps WAL back while others remove it",
};

/** Numbers that cost memory, or must fit each other: from here to there. */
const within: Readonly<Record<string, readonly [low: number, high: number]>> = {
  autovacuum_worker_slots: [1, 20],
  commit_timestamp_buffers: [16, 64],
  idle_session_timeout: [60_000, 90_000],
  lock_timeout: [5_000, 90_000],
  max_active_replication_origins: [0, 20],
  max_connections: [40, 90],
  max_files_per_process: [1_000, 2_000],
  max_locks_per_transaction: [10, 100],
  max_logical_replication_workers: [0, 8],
  max_pred_locks_per_transaction: [10, 100],
  max_prepared_transactions: [0, 20],
  max_replication_slots: [4, 20],
  max_stack_depth: [100, 2_000],
  max_wal_senders: [0, 20],
  max_wal_size: [64, 2_000],
  max_worker_processes: [8, 16],
  min_dynamic_shared_memory: [0, 8],
  min_wal_size: [32, 64],
  multixact_member_buffers: [16, 64],
  multixact_offset_buffers: [16, 64],
  notify_buffers: [16, 64],
  reserved_connections: [0, 5],
  serializable_buffers: [16, 64],
  shared_buffers: [1_000, 4_000],
  statement_timeout: [60_000, 90_000],
  subtransaction_buffers: [16, 64],
  superuser_reserved_connections: [0, 5],
  track_activity_query_size: [100, 4_000],
  transaction_buffers: [16, 64],
  transaction_timeout: [60_000, 90_000],
  // Nobody can connect to a socket that its owner may not write to.
  unix_socket_permissions: [0o700, 0o777],
  wal_buffers: [-1, 128],
};

/** Texts, and words that every build has; a text that is not here is in no case: any other is refused, or breaks more. */
const words: Readonly<Record<string, readonly Spellings[]>> = {
  DateStyle: [["ISO, DMY"], ["German"]],
  TimeZone: [["UTC"], ["Europe/Berlin"]],
  application_name: [["a"], ["it's"], ["#"]],
  archive_cleanup_command: [["true"], ["C:\\x"]],
  archive_command: [["true"], ["cp %p 'x'"]],
  cluster_name: [["a"], ["it's"]],
  default_text_search_config: [["pg_catalog.simple"], ["pg_catalog.german"]],
  default_toast_compression: [["pglz", "PGLZ"]],
  dynamic_shared_memory_type: [["posix", "POSIX"], ["mmap"]],
  event_source: [["a"], ["PostgreSQL"]],
  file_copy_method: [["copy", "COPY"]],
  huge_pages: [["off", "OFF", false], ["try"]],
  io_method: [["sync", "SYNC"], ["worker"]],
  lc_messages: [["C"], ["POSIX"]],
  lc_monetary: [["C"], ["POSIX"]],
  listen_addresses: [["localhost"], ["127.0.0.1"], [""]],
  log_destination: [["stderr"], ["csvlog"], ["stderr, csvlog"]],
  log_directory: [["log"], ["other logs"]],
  log_filename: [["a.log"], ["%a.log"]],
  log_line_prefix: [["%m [%p] "], ["%m [%p] %q%u@%d "], ["# "]],
  log_timezone: [["UTC"], ["Europe/Berlin"]],
  recovery_init_sync_method: [["fsync", "FSYNC"]],
  search_path: [['"$user", public'], ["public"], ["a, b"]],
  ssl_ciphers: [["HIGH"]],
  syslog_ident: [["a"], ["postgres"]],
  wal_compression: [
    ["on", true, "TRUE", "yes"],
    [false, "off"],
  ],
  // With minimal there may be no max_wal_senders.
  wal_level: [["replica", "REPLICA", "archive"], ["logical"]],
  wal_sync_method: [["fdatasync", "FDATASYNC"], ["fsync"]],
};

export function startable(major: Major): Choice {
  return {
    isOffered: (name) => {
      const isText = findSetting(major, name)?.vartype === "string";
      return !(name in leftOut) && (!isText || name in words);
    },
    spellings: (name) => {
      const known = words[name];
      if (!known) return spellingsOf(major, name, within[name]);
      return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known) }, fc.constant<Spellings>([null]));
    },
  };
}
