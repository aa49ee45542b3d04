import { type TooLow, tooLow } from "../postgresql/replay";
import type { Major } from "../postgresql/version";
import type { Made, Remembered } from "../schema/state";
import { addressOf, observe } from "../server/observe";
import { type Replication, replicationOf } from "../server/replication";
import { find, findExisting, type HostArgs, isPresent, type Ref } from "./find";
import { open } from "./open";

/** An instance as it is: what a manifest would say of it, and what only the host knows. */
export interface InstanceStatus {
  /** Its name. */
  readonly name: string;
  /** Major version. */
  readonly version: Major;
  /** What its files say, so what clients reach unless a restart is pending. */
  readonly port: number;
  /** Whether its server runs. */
  readonly state: "started" | "stopped";
  /** Name of the superuser. */
  readonly superuser: string;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Where its programs are, or would be. */
  readonly binDirectory: string;
  /** The user that owns the data and runs the server. */
  readonly owner: string;
  /** Of the cluster, from pg_control; null where that cannot be read. */
  readonly systemIdentifier: string | null;
  /** Minor version of the server that runs, else of the programs. */
  readonly serverVersion: string | null;
  /** Whether it is a primary, or a standby of one. */
  readonly role: "primary" | "standby";
  /** Where the server writes what does not go to a log of its own. */
  readonly logFile: string;
  /** Whether something waits for a restart. */
  readonly pendingRestart: boolean;
  /** What waits: what runs, and what the next start takes. Of text settings neither is shown. */
  readonly pendingRestartReasons: Made["pendingRestartReasons"];
  /** Of a standby that replays nothing until it is restarted: its settings that are below the primary's. */
  readonly belowPrimary: readonly TooLow[];
  /** Of the cluster; null while the server does not run. */
  readonly locale: string | null;
  /** Of the cluster; null while the server does not run. */
  readonly encoding: string | null;
  /** Whether the cluster has data checksums; null where pg_control cannot be read. */
  readonly dataChecksums: boolean | null;
  /** As the files have them, last line wins; those that are a property of their own left out. */
  readonly settings: Readonly<Record<string, string>>;
  /** Who follows whom, and how far behind; null: the server takes no sessions. */
  readonly replication: Replication | null;
}

/**
 * What is there.
 * @throws InstanceNotFoundError when there is nothing
 * @throws InstanceExistsError when something else is there
 */
export async function get(host: HostArgs, ref: Ref): Promise<InstanceStatus> {
  const { remembered } = await findExisting(host, ref, "files");
  const { dataDirectory, binDirectory, owner, logFile, pendingRestart, pendingRestartReasons } = remembered;
  const { name, version, port, state, superuser } = remembered.inputs;
  const { systemIdentifier, serverVersion, role, locale, encoding, dataChecksums } = remembered.observed;
  const lines = Object.entries(remembered.observed.settings).filter(([setting]) => setting !== "port");
  return {
    ...{ name, version, port, state, superuser },
    ...{ dataDirectory, binDirectory, owner, logFile, pendingRestart, pendingRestartReasons },
    belowPrimary: tooLow(remembered.observed),
    ...{ systemIdentifier, serverVersion, role, locale, encoding, dataChecksums },
    settings: Object.fromEntries(lines.map(([setting, { value }]) => [setting, value])),
    replication: await replication(remembered),
  };
}

async function replication(remembered: Remembered): Promise<Replication | null> {
  const { target } = await open(remembered.inputs, remembered);
  const { postmaster, observed } = await observe(target);
  return postmaster && observed.server === "running" ? replicationOf(addressOf(target, postmaster)) : null;
}

/**
 * Whether an instance of ours is there. What an interrupted create left is none.
 * @throws InstanceExistsError when something else is there: neither yes nor no would be safe to go on with
 */
export async function exists(host: HostArgs, ref: Ref): Promise<boolean> {
  return isPresent(await find(host, ref, "files"));
}
