import { InvalidInputsError } from "../errors";
import { plan } from "../plan/plan";
import { printPlan } from "../plan/print";
import { judge } from "../plan/refusals";
import { findStep, type Step } from "../plan/step";
import type { InstanceInputs } from "../schema/inputs";
import { converge, type Outcome, type Wanted } from "./converge";
import { desiredOf } from "./desired";
import { drop } from "./drop";
import { checked, find, type HostArgs, isPresent, type Known, type Ref } from "./find";
import { openHost } from "./open";

/** An instance as it shall be: the resource's inputs without the host, and two more states. */
export type Manifest = Omit<Partial<InstanceInputs>, "host" | "state" | "adopt"> &
  Ref & {
    /**
     * `started` (default), `stopped`, `restarted` (started, in any case anew; one that was stopped, once) or `absent`
     * (dropped with its data, after a `finalDump` where one is declared).
     */
    readonly state?: "started" | "stopped" | "restarted" | "absent";
  };

/** What `apply` found to do, and did. */
export interface ApplyResult {
  /** null: nothing was to be done. An interrupted create that was finished is `created`. */
  readonly changeState: "created" | "changed" | "dropped" | null;
  /** What was done, in order. */
  readonly steps: readonly Step[];
  /** Whether something waits for a restart, however long it has been waiting. */
  readonly pendingRestart: boolean;
}

/** A restart that somebody has to decide on. */
export interface RestartQuestion {
  /** As messages call it, as in "17/orders on db1". */
  readonly instance: string;
  /** Names of the settings that need it. */
  readonly because: readonly string[];
  /** What it means, in a sentence. */
  readonly text: string;
}

/** Who is told, and who is asked. */
export interface ApplyOptions {
  /** Told of each step before it is taken. */
  readonly progress?: (line: string) => void;
  /**
   * Asked before anything is changed, when a restart is needed and `restartOnChanges` is not set in the manifest. true:
   * the server is restarted. false, or where nobody can be asked: what needs it is written and stays pending; a changed
   * port is refused then, since clients would connect to nothing.
   */
  readonly confirm?: (question: RestartQuestion) => boolean | Promise<boolean>;
}

/**
 * Makes, changes or drops an instance to match. What stands in the way of a step is thrown; what is there then is
 * what the next call goes on from. Properties that the manifest does not have are left as they are; settings that it no
 * longer has go back to what the file said before.
 *
 * @example await apply({ local: {} }, { name: "orders", version: "17", settings: { work_mem: "16MB" } });
 * @throws InvalidInputsError when the manifest is wrong, or asks for what cannot be changed; nothing is done then
 * @throws InstanceExistsError when something else is there
 * @throws InstanceStateError when the host became different between the look at it and the change
 */
export async function apply(
  host: HostArgs,
  manifest: Manifest,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const { state = "started", ...rest } = manifest;
  if (state === "absent") {
    const { progress } = options;
    const dropped = await drop(host, manifest, { progress, finalDump: manifest.finalDump });
    return { changeState: dropped ? "dropped" : null, steps: [], pendingRestart: false };
  }
  const restart = state === "restarted";
  const asked = restart ? { ...rest, state: "started" as const, restartOnChanges: true } : { ...rest, state };
  const wanted = await wantedOf(host, asked, options);
  const { steps, made } = await convergeOrThrow({ ...wanted, restart });
  const isNew = wanted.known === undefined || wanted.known.remembered.phase === "creating";
  const changed = steps.length > 0 ? "changed" : null;
  return { changeState: isNew ? "created" : changed, steps, pendingRestart: made.pendingRestart };
}

/** Failures come as an outcome once something was changed; for a script they are errors like others. */
export async function convergeOrThrow(wanted: Wanted): Promise<Outcome> {
  const outcome = await converge(wanted);
  for (const difference of outcome.left) wanted.progress(`${difference}, and was left so`);
  for (const line of outcome.warnings) wanted.progress(line);
  if (outcome.failure) throw outcome.failure;
  return outcome;
}

/**
 * What a manifest means for what is there. Without a state, that of now.
 * @throws InvalidInputsError for what is wrong, or cannot be changed
 */
export async function wantedOf(
  host: HostArgs,
  manifest: Omit<Manifest, "state"> & { readonly state?: "started" | "stopped" },
  { confirm, progress = () => undefined }: ApplyOptions,
): Promise<Wanted> {
  const { inputs: checkedInputs, declared } = checked(host, manifest);
  const known = await find(host, manifest);
  if (!isPresent(known)) return { inputs: checkedInputs, declared, known, progress };
  const given = { ...checkedInputs, state: manifest.state ?? known.remembered.inputs.state };
  const question = manifest.restartOnChanges === undefined ? restartQuestion(given, known) : undefined;
  const answer = question && confirm ? await confirm(question) : given.restartOnChanges;
  const inputs = { ...given, restartOnChanges: answer };
  requireChangeable(inputs, known);
  return { inputs, declared, known, progress };
}

/** Nothing where no restart is needed, or one that the manifest itself asks for. */
function restartQuestion(inputs: InstanceInputs, { remembered }: Known): RestartQuestion | undefined {
  const { observed, hostMemory } = remembered;
  const desired = desiredOf({ ...inputs, restartOnChanges: true }, hostMemory, remembered);
  const steps = plan(observed, desired);
  const restart = findStep(steps, "restart");
  if (!restart || restart.because.includes("restartTriggers")) return undefined;
  const where = openHost(inputs).name;
  const lines = printPlan(observed, desired, steps, where).filter(({ severity }) => severity === "warning");
  return {
    instance: `${inputs.version}/${inputs.name} on ${where}`,
    because: restart.because,
    text: lines.map(({ text }) => text).join("\n"),
  };
}

/** @throws InvalidInputsError for what cannot be changed in place */
export function requireChangeable(inputs: InstanceInputs, { remembered }: Known): void {
  const { refusals, replaces } = judge(remembered, inputs);
  const failures = [
    ...refusals,
    ...replaces.map((property) => ({
      property,
      reason: "cannot be changed: another one means a new, empty cluster. Drop the instance first",
    })),
  ];
  if (failures.length > 0) throw new InvalidInputsError(failures);
}
