/** A systemd unit of ours: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html */

/** Whose systemd runs it: the host's, which only root tells anything; or the owner's own, where that user lingers. */
export type Scope = "system" | "user";

export interface UnitFacts {
  readonly scope: Scope;
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

/**
 * What differs between them. A user's systemd knows no unit of the network, and has no score to give that is better than
 * its own: nobody is spared by the OOM killer.
 */
const scopes: Readonly<Record<Scope, ScopedLines>> = {
  system: {
    after: ["Wants=network-online.target", "After=network-online.target"],
    identity: (owner) => [
      `User=${owner}`,
      "Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj PG_OOM_ADJUST_VALUE=0",
    ],
    score: ["OOMScoreAdjust=-900"],
    target: "multi-user.target",
    runtime: /^(?:\/var)?\/run\/(.+)$/,
  },
  user: {
    after: [],
    identity: () => [],
    score: [],
    target: "default.target",
    runtime: /^\/run\/user\/\d+\/(.+)$/,
  },
};

interface ScopedLines {
  readonly after: readonly string[];
  readonly identity: (owner: string) => readonly string[];
  readonly score: readonly string[];
  /** Whose start starts it. */
  readonly target: string;
  /** The socket directories that are its to make. */
  readonly runtime: RegExp;
}

/** In the place of the state directory, where units are compared: that one moves with an upgrade. */
export const anyPlace = "/";

/**
 * Recovery and a shutdown checkpoint take as long as they take; the postmaster is spared by the OOM killer, its children
 * are not (https://www.postgresql.org/docs/current/kernel-resources.html#LINUX-MEMORY-OVERCOMMIT): of one that is killed
 * the server recovers by itself, so systemd must not stop it. A server that is killed comes back; one that ends by itself, or is told to, does not.
 */
export function printUnit(facts: UnitFacts): string {
  const { name, owner, stateDirectory, directories, environment, socketDirectory = "" } = facts;
  const { after, identity, score, target, runtime: belowRun } = scopes[facts.scope];
  const variables = Object.entries(environment).map(
    ([key, value]) => `Environment=${quoted(`${key}=${value}`)}`,
  );
  const [, runtime] = belowRun.exec(socketDirectory) ?? [];
  const lines = [
    "# Written by pulumi-pginstance, which puts back what is changed here: declare `service` instead.",
    "[Unit]",
    `Description=PostgreSQL instance ${name}`,
    "Documentation=https://www.postgresql.org/docs/",
    ...after,
    mounts([stateDirectory, ...directories]),
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=all",
    ...identity(owner),
    ...variables,
    ...(runtime === undefined || runtime === "postgresql" ? [] : runtimeDirectory(runtime)),
    execution(stateDirectory),
    "ExecReload=/bin/kill -HUP $MAINPID",
    "KillMode=mixed",
    "KillSignal=SIGINT",
    "TimeoutStartSec=infinity",
    "TimeoutStopSec=1h",
    ...score,
    "OOMPolicy=continue",
    "Restart=on-abnormal",
    "RestartSec=5",
    "",
    "[Install]",
    `WantedBy=${target}`,
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

/** Those of a user are within the unit that runs that user's systemd. */
export const scopeIn = (cgroups: string): Scope =>
  unitsIn(cgroups).some((unit) => unit.startsWith("user@")) ? "user" : "system";
