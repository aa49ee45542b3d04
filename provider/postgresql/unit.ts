/** A systemd unit of ours: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html */

export interface UnitFacts {
  readonly name: string;
  readonly owner: string;
  /** Beside the data directory. What the unit runs is a script in it, so that no upgrade changes the unit. */
  readonly stateDirectory: string;
  /** Directories that must be mounted before a start. */
  readonly directories: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Of the server's socket; made at each boot where it lies below /run. */
  readonly socketDirectory?: string;
}

/** In the place of the state directory, where units are compared: that one moves with an upgrade. */
export const anyPlace = "/";

/**
 * Recovery and a shutdown checkpoint take as long as they take; the postmaster is spared by the OOM killer, its children
 * are not (https://www.postgresql.org/docs/current/kernel-resources.html#LINUX-MEMORY-OVERCOMMIT). A server that is
 * killed comes back; one that ends by itself, or is told to, does not.
 */
export function printUnit(facts: UnitFacts): string {
  const { name, owner, stateDirectory, directories, environment, socketDirectory = "" } = facts;
  const variables = Object.entries(environment).map(
    ([key, value]) => `Environment=${quoted(`${key}=${value}`)}`,
  );
  const [, runtime] = /^(?:\/var)?\/run\/(.+)$/.exec(socketDirectory) ?? [];
  const lines = [
    "# Written by pulumi-pginstance, which puts back what is changed here: declare `service` instead.",
    "[Unit]",
    `Description=PostgreSQL instance ${name}`,
    "Documentation=https://www.postgresql.org/docs/",
    "Wants=network-online.target",
    "After=network-online.target",
    mounts([stateDirectory, ...directories]),
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=all",
    `User=${owner}`,
    "Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj PG_OOM_ADJUST_VALUE=0",
    ...variables,
    ...(runtime === undefined || runtime === "postgresql" ? [] : runtimeDirectory(runtime)),
    execution(stateDirectory),
    "ExecReload=/bin/kill -HUP $MAINPID",
    "KillMode=mixed",
    "KillSignal=SIGINT",
    "TimeoutStartSec=infinity",
    "TimeoutStopSec=1h",
    "OOMScoreAdjust=-900",
    "Restart=on-abnormal",
    "RestartSec=5",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return lines.join("\n");
}

/** Debian's own is made by its package. Others may share it. */
const runtimeDirectory = (path: string): string[] => [
  `RuntimeDirectory=${quoted(path)}`,
  "RuntimeDirectoryPreserve=yes",
];

/** A word as systemd reads it, whose specifiers begin with a percent sign. */
function quoted(word: string): string {
  return `"${word.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
}

/** One that was written for a state directory, as it would be for another. */
export function movedUnit(text: string, from: string, to: string): string {
  return text.replace(mounts([from]), () => mounts([to])).replace(execution(from), () => execution(to));
}

const mounts = (directories: readonly string[]) => `RequiresMountsFor=${directories.map(quoted).join(" ")}`;

const execution = (stateDirectory: string) =>
  `ExecStart=/bin/sh ${quoted(`${stateDirectory}/serve`).replaceAll("$", "$$$$")}`;

/** Named by the instance's id, which stays. */
export const unitName = (id: string): string => `pginstance-${id}.service`;

export const isOurUnit = (unit: string): boolean => /^pginstance-[\w.-]+\.service$/.test(unit);

/** As systemd spells it. */
export const fullUnitName = (unit: string): string => (unit.endsWith(".service") ? unit : `${unit}.service`);

/** As in `0::/system.slice/postgresql.service` of /proc/PID/cgroup. */
export function unitsIn(cgroups: string): string[] {
  return cgroups.split("\n").flatMap((line) => line.split("/").filter((part) => part.endsWith(".service")));
}
