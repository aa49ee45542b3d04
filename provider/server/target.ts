import type { Host } from "../host/host";
import type { Major } from "../postgresql/version";

/** Where one instance lives and whom it belongs to: what every operation on it needs. */
export interface Target {
  readonly host: Host;
  readonly owner: string;
  readonly dataDirectory: string;
  readonly binDirectory: string;
  readonly version: Major;
  readonly name: string;
  readonly superuser: string;
  /** Somebody else's that the program declares: it is started whomever it runs as. */
  readonly unit?: string;
  /** What the program declares of replication, for what is asked of the server. */
  readonly replication?: { readonly role?: string; readonly slots: readonly string[] };
}

/** Beside the data directory: marker, locks, journal and the log of `pg_ctl`-like starts. */
export function stateDirectory(target: Pick<Target, "dataDirectory">): string {
  return `${target.dataDirectory}.pginstance`;
}

export function logFile(target: Pick<Target, "dataDirectory">): string {
  return `${stateDirectory(target)}/postgresql.log`;
}

/** In the state directory: which unit starts the server, the state directory that it was written for, and `user` where it is the owner's own. */
export const unitFile = "unit";

/** With the password for the primary of a standby. */
export function passfilePath(target: Pick<Target, "dataDirectory">): string {
  return `${stateDirectory(target)}/passfile`;
}

/** "17/orders on db1" */
export function describe(target: Pick<Target, "version" | "name" | "host">): string {
  return `${target.version}/${target.name} on ${target.host.name}`;
}
