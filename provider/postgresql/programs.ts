/** Command lines of PostgreSQL's programs, as arrays: whoever runs one quotes it. */

/** What an installation must have to be one for us; client programs may be missing. */
export const requiredPrograms = ["postgres", "initdb", "pg_ctl"] as const;

/** Where packages put the programs of a major: Debian, PGDG on RHEL, Alpine, Homebrew (ARM, Intel), `make install`. */
export function binDirectories(major: string): string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
    "/usr/local/pgsql/bin",
  ];
}

export interface InitdbOptions {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  readonly superuser: string;
  readonly locale: string;
  readonly encoding: string;
  readonly dataChecksums: boolean;
  /** Elsewhere than in the data directory. */
  readonly walDirectory?: string;
  readonly major: string;
  /** What else a successor has to have of the cluster that it follows. */
  readonly more?: readonly string[];
}

/** https://www.postgresql.org/docs/current/app-initdb.html; nothing trusted, everything synced to disk. */
export function initdb(options: InitdbOptions): string[] {
  return [
    `${options.binDirectory}/initdb`,
    `--username=${options.superuser}`,
    `--encoding=${options.encoding}`,
    `--locale=${options.locale}`,
    "--auth-local=peer",
    "--auth-host=scram-sha-256",
    "--no-instructions",
    ...checksums(options),
    ...(options.walDirectory === undefined ? [] : [`--waldir=${options.walDirectory}`]),
    ...(options.more ?? []),
    "-D",
    options.dataDirectory,
  ];
}

/** On by default since 18; before that there is no way, and no need, to say no. */
function checksums({ dataChecksums, major }: InitdbOptions): string[] {
  if (dataChecksums) return ["--data-checksums"];
  return Number(major) >= 18 ? ["--no-data-checksums"] : [];
}

export interface PostgresCheckOptions {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  /** Where whoever runs it does not add one (`--config-file=`). */
  readonly configFile?: string;
  /** The setting to print; reading the file is the purpose. */
  readonly name: string;
}

/** Reads a configuration file as the server would, beside a running one: app-postgres.html, option -C. */
export function postgresCheck({
  binDirectory,
  dataDirectory,
  configFile,
  name,
}: PostgresCheckOptions): string[] {
  const file = configFile === undefined ? [] : [`--config-file=${configFile}`];
  return [`${binDirectory}/postgres`, "-D", dataDirectory, ...file, "-C", name];
}

/** https://www.postgresql.org/docs/current/app-pgchecksums.html; it refuses a server that was not shut down cleanly. */
export function pgChecksums(binDirectory: string, dataDirectory: string, enable: boolean): string[] {
  return [`${binDirectory}/pg_checksums`, enable ? "--enable" : "--disable", "-D", dataDirectory];
}

export interface BaseBackupOptions {
  readonly binDirectory: string;
  readonly conninfo: string;
  readonly directory: string;
  /** Keeps the WAL of the time from the backup to the first start on the primary. */
  readonly slot: string | null;
  /** Elsewhere than in the directory. */
  readonly walDirectory?: string;
  /** Where each one's directory goes; the others keep theirs. */
  readonly tablespaces?: readonly { readonly from: string; readonly to: string }[];
}

/** https://www.postgresql.org/docs/current/app-pgbasebackup.html; never asks for a password. */
export function baseBackup(options: BaseBackupOptions): string[] {
  const { binDirectory, conninfo, directory, slot, walDirectory, tablespaces = [] } = options;
  const escaped = (path: string) => path.replaceAll("=", "\\=");
  return [
    `${binDirectory}/pg_basebackup`,
    `--dbname=${conninfo}`,
    `--pgdata=${directory}`,
    "--wal-method=stream",
    "--checkpoint=fast",
    "--label=pulumi-pginstance",
    "--no-password",
    ...(slot === null ? [] : [`--slot=${slot}`]),
    ...(walDirectory === undefined ? [] : [`--waldir=${walDirectory}`]),
    ...tablespaces.map(({ from, to }) => `--tablespace-mapping=${escaped(from)}=${escaped(to)}`),
  ];
}

/** What standbys need beside the server itself. */
export const standbyPrograms = ["pg_basebackup", "pg_isready", "psql"] as const;

export interface RewindOptions {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  /** Connection string of a running server. */
  readonly source: string;
}

/** https://www.postgresql.org/docs/current/app-pgrewind.html; a crashed target it recovers first. */
export function pgRewind({ binDirectory, dataDirectory, source }: RewindOptions): string[] {
  return [`${binDirectory}/pg_rewind`, `--target-pgdata=${dataDirectory}`, `--source-server=${source}`];
}
