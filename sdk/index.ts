/**
 * Self-hosted PostgreSQL instances as Pulumi resources.
 *
 * @packageDocumentation
 */
import "../provider/node-version";

export type { AuthMethod, HbaRecord, IdentRecord, ReplicationRole } from "./access";
export type { Become, HostArgs, SshArgs, SshHop, SshMeans, SshSecrets } from "./host";
export {
  Instance,
  type InstanceArgs,
  type PendingReason,
} from "./instance";
export type { Primary, Standby } from "./standby";
