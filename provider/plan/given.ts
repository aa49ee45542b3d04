import { findSetting } from "../postgresql/settings";
import { equalValues } from "../postgresql/values";
import type { Major } from "../postgresql/version";

/** What initdb writes: of the numbers the values that it usually finds, of the rest any; and where things are. */
const given: Readonly<Record<string, string | undefined>> = {
  max_connections: "100",
  shared_buffers: "128MB",
  max_wal_size: "1GB",
  min_wal_size: "80MB",
  dynamic_shared_memory_type: "posix",
  ...Object.fromEntries(
    [
      "cluster_name",
      "config_file",
      "data_directory",
      "datestyle",
      "default_text_search_config",
      "external_pid_file",
      "hba_file",
      "ident_file",
      "lc_messages",
      "lc_monetary",
      "lc_numeric",
      "lc_time",
      "log_timezone",
      "port",
      "timezone",
    ].map((name) => [name, undefined]),
  ),
};

/** What is left of a setting whose other lines are taken out; null: no line. */
export const givenBack = (name: string): string | null => given[name] ?? null;

/** Whether nobody chose it: PostgreSQL or initdb says the same. */
export function isGiven(version: Major, name: string, value: string): boolean {
  const setting = findSetting(version, name);
  const values = [setting?.bootValue, given[name]].filter((known) => typeof known === "string");
  if (name in given && given[name] === undefined) return true;
  return setting !== undefined && values.some((known) => equalValues(setting, value, known ?? ""));
}
