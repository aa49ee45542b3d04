/**
 * PostgreSQL instances for scripts: the functions of which the Pulumi resource is built, without Pulumi.
 *
 * Each takes how to get to the host, and which instance there. One that changes an instance holds its lock meanwhile, so
 * that two never do at once (LockedError); one that looks needs none. What is already as it was asked to be is no error.
 *
 * @packageDocumentation
 */
import "../node-version";

export * from "../errors";
export type { TooLow } from "../postgresql/replay";
export { mayBeSecret } from "../postgresql/secretive";
export type { Receiver, Replication, Sender, Slot } from "../server/replication";
export {
  type ApplyOptions,
  type ApplyResult,
  apply,
  type Manifest,
  type RestartQuestion,
} from "./apply";
export {
  type Client,
  connect,
  pendingRestart,
  type QueryOptions,
  type Row,
  type Rows,
  type SettingRow,
  settings,
} from "./client";
export {
  type RestartOptions,
  reload,
  restart,
  type StartOptions,
  type StopOptions,
  type StoppedOptions,
  start,
  stop,
  stopped,
  type WaitOptions,
} from "./control";
export { type DropOptions, drop } from "./drop";
export { type ExamineOptions, examine, type Finding } from "./examine";
export type { HostArgs, Ref } from "./find";
export { exists, get, type InstanceStatus } from "./get";
export { type Importable, importable } from "./importable";
export { type InstanceListItem, type ListOptions, list } from "./list";
export { configure, init, type SettingsChanged } from "./parts";
export {
  type DemoteOptions,
  demote,
  type Left,
  type Promoted,
  type PromoteOptions,
  pauseReplay,
  promote,
  resumeReplay,
} from "./standby";
export { type UpgradeOptions, type UpgradeResult, upgrade } from "./upgrade";
