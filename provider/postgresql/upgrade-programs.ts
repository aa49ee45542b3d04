/** Command lines of an upgrade, as arrays. */

/** How a cluster was made, in what its successor must not differ. */
export interface ClusterForm {
  readonly collate: string;
  readonly ctype: string;
  /** `pg_database.datlocprovider`; before 15 there was only the C library, `c`. */
  readonly provider: "c" | "i" | "b";
  /** Of ICU or the server itself. */
  readonly providerLocale: string | null;
  /** Bytes. */
  readonly walSegmentSize: number;
  /** Whether the owner's group may read the data directory. */
  readonly groupAccess: boolean;
}

/** https://www.postgresql.org/docs/current/pgupgrade.html: "use compatible initdb flags that match the old cluster" */
export function initdbLike(form: ClusterForm): string[] {
  const providers: Readonly<Record<ClusterForm["provider"], string[]>> = {
    c: [],
    i: ["--locale-provider=icu", `--icu-locale=${form.providerLocale}`],
    b: ["--locale-provider=builtin", `--builtin-locale=${form.providerLocale}`],
  };
  return [
    `--lc-collate=${form.collate}`,
    `--lc-ctype=${form.ctype}`,
    ...providers[form.provider],
    `--wal-segsize=${form.walSegmentSize / 1024 / 1024}`,
    ...(form.groupAccess ? ["--allow-group-access"] : []),
  ];
}

export const upgradeModes = ["copy", "link", "clone", "swap"] as const;
export type UpgradeMode = (typeof upgradeModes)[number];

/**
 * How far an upgrade came. `preparing`: the old cluster is as it was. `transferring`: its server is stopped, and
 * pg_upgrade runs. `publishing`: pg_upgrade is through, and directories are renamed. `finishing`: the new cluster is in
 * place; extensions and statistics are left to do.
 */
export const upgradeStages = ["preparing", "transferring", "publishing", "finishing", "done"] as const;

/** What pg_upgrade itself runs: of the old major, and of the new one. */
export const upgradePrograms = {
  from: ["postgres", "pg_ctl", "pg_controldata", "pg_resetwal"],
  to: [
    ...["postgres", "initdb", "pg_ctl", "pg_controldata", "pg_resetwal", "pg_upgrade"],
    ...["pg_dump", "pg_dumpall", "pg_restore", "psql", "vacuumdb"],
  ],
} as const;

export interface PgUpgradeOptions {
  /** Of the old major, and of the new one. */
  readonly binDirectories: readonly [from: string, to: string];
  readonly dataDirectories: readonly [from: string, to: string];
  readonly superuser: string;
  readonly mode: UpgradeMode;
  readonly jobs: number;
}

/**
 * https://www.postgresql.org/docs/current/pgupgrade.html. The new server archives nothing meanwhile: its first segments
 * are named like some of the old one's.
 */
export function pgUpgrade(options: PgUpgradeOptions): string[] {
  const { binDirectories, dataDirectories, superuser, mode, jobs } = options;
  return [
    `${binDirectories[1]}/pg_upgrade`,
    `--old-bindir=${binDirectories[0]}`,
    `--new-bindir=${binDirectories[1]}`,
    `--old-datadir=${dataDirectories[0]}`,
    `--new-datadir=${dataDirectories[1]}`,
    `--username=${superuser}`,
    `--jobs=${jobs}`,
    "--new-options=-c archive_mode=off",
    ...(mode === "copy" ? [] : [`--${mode}`]),
  ];
}

export interface VacuumdbOptions {
  readonly binDirectory: string;
  readonly socketDirectory: string;
  readonly port: number;
  readonly superuser: string;
  readonly jobs: number;
  readonly major: string;
}

/** Statistics after pg_upgrade; it carries them over from 18 on, all but those of several columns. */
export function analyzeAfterUpgrade(options: VacuumdbOptions): string[] {
  return [
    `${options.binDirectory}/vacuumdb`,
    `--host=${options.socketDirectory}`,
    `--port=${options.port}`,
    `--username=${options.superuser}`,
    "--no-password",
    "--all",
    `--jobs=${options.jobs}`,
    "--analyze-in-stages",
    ...(Number(options.major) >= 18 ? ["--missing-stats-only"] : []),
  ];
}
