/**
 * PostgreSQL instances for scripts: the functions of which the Pulumi resource is built, without Pulumi.
 *
 * @packageDocumentation
 */
import "../node-version";

export * from "../errors";
export { type ApplyOptions, type ApplyResult, apply, type Manifest } from "./apply";
export { reload, restart, start, stop } from "./control";
export { drop } from "./drop";
export type { HostArgs, Ref } from "./find";
export { exists, get, type InstanceStatus } from "./get";
