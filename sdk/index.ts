/**
 * Self-hosted PostgreSQL instances as Pulumi resources.
 *
 * @packageDocumentation
 */
import "../provider/node-version";

export {
  type AuthMethod,
  type Become,
  type HostArgs,
  Instance,
  type InstanceArgs,
  type PendingReason,
} from "./instance";
