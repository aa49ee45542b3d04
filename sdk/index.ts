/**
 * Self-hosted PostgreSQL instances as Pulumi resources.
 *
 * @packageDocumentation
 */
import "../provider/node-version";

export type { AuthMethod, HbaRecord, IdentRecord, ReplicationRole } from "./access";
export type { Become, HostArgs, OpensshArgs, SshArgs, SshHop, SshMeans, SshSecrets } from "./host";
export {
  Instance,
  type InstanceArgs,
  type InstanceGetArgs,
  type PendingReason,
} from "./instance";
export {
  getInstance,
  getInstanceOutput,
  getSettings,
  getSettingsOutput,
  type InstanceListArgs,
  type InstanceLookup,
  type InstanceLookupArgs,
  type LookupInputs,
  listInstances,
  listInstancesOutput,
  type SettingLookup,
} from "./lookups";
export type { Primary, Standby } from "./standby";
export type { UpgradeArgs } from "./upgrade";
