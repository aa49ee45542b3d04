import type { Step } from "../plan/step";
import type { InstanceInputs } from "../schema/inputs";
import { restart } from "./control";
import { converge } from "./converge";
import { drop } from "./drop";
import { checked, find, type HostArgs, type Ref } from "./find";

/** An instance as it shall be: the resource's inputs without the host, and two more states. */
export type Manifest = Omit<Partial<InstanceInputs>, "host" | "state"> &
  Ref & {
    /** `started` (default), `stopped`, `restarted` (started, in any case anew) or `absent` (dropped with its data). */
    readonly state?: "started" | "stopped" | "restarted" | "absent";
  };

export interface ApplyResult {
  readonly changeState: "created" | "changed" | "dropped" | null;
  /** What was done, in order. */
  readonly steps: readonly Step[];
  /** Whether something still waits for a restart. */
  readonly pendingRestart: boolean;
}

export interface ApplyOptions {
  /** Told of each step before it is taken. */
  readonly progress?: (line: string) => void;
}

/**
 * Makes, changes or drops an instance to match. What stands in the way of a step is thrown; what is there then is
 * what the next call goes on from.
 *
 * @example await apply({ local: {} }, { name: "orders", version: "17", settings: { work_mem: "16MB" } });
 */
export async function apply(
  host: HostArgs,
  manifest: Manifest,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const { state = "started", ...rest } = manifest;
  if (state === "absent") {
    const dropped = await drop(host, manifest);
    return { changeState: dropped ? "dropped" : null, steps: [], pendingRestart: false };
  }
  const { inputs, declared } = checked(host, { ...rest, state: state === "restarted" ? "started" : state });
  const known = await find(host, manifest);
  const outcome = await converge({
    inputs,
    declared,
    known,
    progress: options.progress ?? (() => undefined),
  });
  if (outcome.failure) throw outcome.failure;
  const restarted =
    state === "restarted" && known !== undefined && known.remembered.inputs.state === "started";
  if (restarted && !outcome.steps.some((step) => step.kind === "restart")) await restart(host, manifest);
  const changed = outcome.steps.length > 0 || restarted;
  return {
    changeState: known === undefined ? "created" : changed ? "changed" : null,
    steps: outcome.steps,
    pendingRestart: outcome.made.pendingRestart && !restarted,
  };
}
