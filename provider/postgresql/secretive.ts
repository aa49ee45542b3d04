/** Modules that come with PostgreSQL, without those whose settings hold a command or code. */
const open =
  /^(auth_delay|auto_explain|basic_archive|isn|passwordcheck|pg_prewarm|pg_stat_statements|pg_trgm|pgcrypto|plpgsql|postgres_fdw|sepgsql)\./i;

const secretive = /_command$|conninfo|passphrase$|secret|password(?!_encryption$)/i;

/** Whether a setting's text may be a secret, so that nobody is shown it: commands, connection strings, extensions. */
export function mayBeSecret(setting: string): boolean {
  return setting.includes(".") ? !open.test(setting) : secretive.test(setting);
}

/** In place of a value that may be a secret. */
export const notShown = "(not shown)";
