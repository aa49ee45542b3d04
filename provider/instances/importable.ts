import { InstanceExistsError, InstanceNotFoundError, InstanceStateError } from "../errors";
import { type Declaration, declarationOf, managedElsewhere, withoutSecrets } from "../plan/importable";
import { isUp } from "../plan/is-up";
import { plan } from "../plan/plan";
import { binDirectories } from "../postgresql/programs";
import { check } from "../schema/check";
import { parseInputs } from "../schema/inputs";
import { checkSetting } from "../schema/settings";
import { declaredNames, printState } from "../schema/state";
import { observe } from "../server/observe";
import { describe } from "../server/target";
import { desiredOf } from "./desired";
import { checked, type HostArgs, type Ref } from "./find";
import { requireOurs, unmarkedId } from "./identity";
import { madeOf } from "./made";
import { open } from "./open";

/** An instance as a stack would have it in its state, with nothing to do. */
export interface Importable {
  readonly id: string;
  /** What the program has to say. */
  readonly declared: Readonly<Record<string, unknown>>;
  /** The same with its defaults, as the engine keeps it. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly notes: Declaration["notes"];
}

/**
 * Reads an instance, whoever made it, for `pulumi import`. Nothing is written; its first update makes the marker.
 * @throws InstanceNotFoundError when there is none
 * @throws InstanceStateError where it cannot be imported, and why
 */
export async function importable(host: HostArgs, ref: Ref): Promise<Importable> {
  const opened = await open(checked(host, { ...ref }).inputs);
  const { target } = opened;
  const seen = await observe(target);
  const { observed, marker, refusal } = seen;
  if (observed.existence === "absent") throw new InstanceNotFoundError(`${describe(target)} is not there`);
  if (observed.systemIdentifier === null) {
    throw new InstanceStateError(
      `${target.dataDirectory}/global/pg_control cannot be read: no server starts there`,
      { hint: "An upgrade leaves the old cluster so; it need not be in a program." },
    );
  }
  if (refusal !== undefined) {
    throw new InstanceExistsError(
      `the server of ${describe(target)} does not let ${target.owner} in as ${target.superuser}: ${refusal}`,
      { hint: "Say who its superuser is (--superuser), or let the owner in by peer." },
    );
  }
  if (observed.role === "standby") {
    throw new InstanceStateError(
      `${describe(target)} is a standby, and its password is in no file that is read`,
      {
        hint: "Declare it with its `standby` and `adopt: true`.",
      },
    );
  }
  const { name, version } = ref;
  const declaration = declarationOf(observed, ref, (setting, value) => checkSetting(version, setting, value));
  const declared = {
    ...{ host, name, version },
    port: Number(observed.settings.port?.value ?? 5432),
    ...(!isUp(observed) && { state: "stopped" }),
    dataDirectory: target.dataDirectory,
    ...withoutUndefined({
      become: ref.become,
      binDirectory: binDirectories(version).includes(ref.binDirectory ?? "") ? undefined : ref.binDirectory,
      owner: ref.owner,
      superuser: ref.superuser,
    }),
    ...declaration.inputs,
  };
  const { inputs, failures } = check({}, declared);
  const wrong = failures.map(({ property, reason }) => `${property}: ${reason}`).join("; ");
  if (wrong) throw new InstanceStateError(`${describe(target)} cannot be declared as it is: ${wrong}`);
  const shown = withoutSecrets(observed);
  const made = madeOf(opened, shown, declaredNames(inputs), marker?.phase ?? "ready");
  const id = marker?.id ?? unmarkedId(target, seen);
  requireOurs(target, seen, id);
  const state = { ...made, inputs: parseInputs(inputs) };
  const steps = plan(shown, desiredOf(state.inputs, made.hostMemory, state));
  const left = steps.map(({ kind }) => `${kind} is planned for it: the first \`pulumi up\` does that`);
  const notes = [...managedElsewhere(marker), ...declaration.notes, ...left];
  return { id, declared, inputs, outputs: printState(inputs, made), notes };
}

const withoutUndefined = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
