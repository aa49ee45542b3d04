/** SQL text: quoting, and the few statements whose form matters. */
import { QueryError } from "../errors";

/** https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS; always in quotes. */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0"))
    throw new QueryError(`${JSON.stringify(name)} cannot be the name of anything in SQL`);
  return `"${name.replace(/"/g, '""')}"`;
}

/** https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS; right for either standard_conforming_strings. */
export function quoteLiteral(text: string): string {
  if (text.includes("\0")) throw new QueryError("a string in SQL cannot hold a NUL character");
  const doubled = text.replace(/'/g, "''");
  return text.includes("\\") ? `E'${doubled.replace(/\\/g, "\\\\")}'` : `'${doubled}'`;
}

/** Everything that would show a statement to somebody else: the log, pg_stat_statements, pg_stat_activity. */
const silence = {
  log_statement: "none",
  log_min_duration_statement: "-1",
  log_min_duration_sample: "-1",
  log_min_error_statement: "panic",
  debug_print_parse: "off",
  debug_print_rewritten: "off",
  debug_print_plan: "off",
  track_activities: "off",
  // Without the extension this is a placeholder that nothing reads.
  "pg_stat_statements.track_utility": "off",
} as const;

/**
 * The statements, to be sent one by one on one connection, that give a role this verifier and leave it in no log.
 * https://www.postgresql.org/docs/current/sql-alterrole.html, check_log_duration() in src/backend/tcop/postgres.c
 */
export function alterRolePassword(role: string, verifier: string): string[] {
  return silently(`ALTER ROLE ${quoteIdentifier(role)} PASSWORD ${quoteLiteral(verifier)}`);
}

function silently(statement: string): string[] {
  const settings = Object.entries(silence).map(
    ([name, value]) => `SET LOCAL ${name} = ${quoteLiteral(value)}`,
  );
  return ["BEGIN", ...settings, statement, "COMMIT"];
}

/** A role that a standby logs in with; what else it may do is not touched. */
export function ensureReplicationRole(
  { name, passwordVerifier }: { readonly name: string; readonly passwordVerifier?: string },
  isThere: boolean,
): string[] {
  const password = passwordVerifier === undefined ? "" : ` PASSWORD ${quoteLiteral(passwordVerifier)}`;
  return silently(
    `${isThere ? "ALTER" : "CREATE"} ROLE ${quoteIdentifier(name)} LOGIN REPLICATION${password}`,
  );
}

/** It keeps WAL from now on, not only once a standby has asked for some. */
export function createPhysicalSlot(name: string): string {
  return `SELECT pg_create_physical_replication_slot(${quoteLiteral(name)}, true)`;
}

export const findTablespace = (name: string): string =>
  `SELECT oid FROM pg_tablespace WHERE spcname = ${quoteLiteral(name)}`;

/** https://www.postgresql.org/docs/current/sql-createtablespace.html; in no transaction block. */
export const createTablespace = (name: string, location: string): string =>
  `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ${quoteLiteral(location)}`;
