import type { Setting } from "./settings";
import type { Major } from "./version";

/** The first part of a setting's category in pg_settings -> the page of the chapter Server Configuration that tells of it. */
const pages: Readonly<Record<string, string>> = {
  Autovacuum: "autovacuum",
  "Client Connection Defaults": "client",
  "Connections and Authentication": "connection",
  "Developer Options": "developer",
  "Error Handling": "error-handling",
  "File Locations": "file-locations",
  "Lock Management": "locks",
  "Preset Options": "preset",
  "Query Tuning": "query",
  Replication: "replication",
  "Reporting and Logging": "logging",
  "Resource Usage": "resource",
  Statistics: "statistics",
  Vacuuming: "vacuum",
  "Version and Platform Compatibility": "compatible",
  "Write-Ahead Log": "wal",
};

/** Where the manual of a major tells of a setting: https://www.postgresql.org/docs/current/runtime-config.html */
export function manualPage(major: Major, { name, category }: Setting): string {
  const page = pages[category.split(" / ")[0] ?? ""];
  const chapter = page === undefined ? "runtime-config.html" : `runtime-config-${page}.html`;
  return `https://www.postgresql.org/docs/${major}/${chapter}#GUC-${name.toUpperCase().replaceAll("_", "-")}`;
}
