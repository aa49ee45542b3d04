import { notShown } from "../postgresql/secretive";
import { findSetting } from "../postgresql/settings";
import { equalValues } from "../postgresql/values";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import { accessDrift } from "./access-drift";
import type { Desired } from "./desired";
import { heeding } from "./heeding";
import { isUp } from "./is-up";
import { servicePlaces } from "./service";
import { defaultOf, isIncluded } from "./settings";

type Setting = NonNullable<InstanceInputs["settings"]>[string];

/** What is not as declared: the inputs as they would have to read for the host to be right, and where each comes from. */
export interface Drift {
  /** Property by property; for settings, the whole map with the drifted ones replaced. */
  readonly inputs: Partial<InstanceInputs>;
  /** One a setting: file and line. */
  readonly places: readonly string[];
}

/** Compares by meaning, so that an untouched instance differs in nothing, however its inputs are spelt. */
export function findDrift(observed: Observed, declaration: Desired): Drift {
  const desired = heeding(observed, declaration);
  const { inputs } = desired;
  const drifted = Object.entries(inputs.settings ?? {}).filter(
    ([name]) => !sameSetting(observed, desired, name),
  );
  const settings = drifted.map(([name, declared]) => [name, asDeclared(observed, desired, name, declared)]);
  return {
    inputs: {
      ...(drifted.length > 0 && { settings: { ...inputs.settings, ...Object.fromEntries(settings) } }),
      ...Object.fromEntries(properties(observed, inputs)),
      ...accessDrift(observed, desired),
    },
    places: [...drifted.map(([name]) => place(observed, name)), ...servicePlaces(observed, desired)],
  };
}

function sameSetting(observed: Observed, desired: Desired, given: string): boolean {
  const name = given.toLowerCase();
  const there = runningByCommand(observed, name) ?? observed.settings[name]?.value ?? null;
  const wanted = desired.settings[name] ?? null;
  if (there === null || wanted === null) return there === wanted;
  return equalValues(findSetting(desired.inputs.version, name), there, wanted);
}

/** In the form of the declaration, so that the reviewer compares like with like. */
function asDeclared(observed: Observed, desired: Desired, given: string, declared: Setting): Setting {
  const setting = findSetting(desired.inputs.version, given);
  const name = given.toLowerCase();
  const there =
    runningByCommand(observed, name) ??
    observed.settings[name]?.value ??
    defaultOf(desired.inputs.version, name);
  if (there === null) return null;
  if (typeof declared === "number" && /^-?[0-9]+(\.[0-9]+)?$/.test(there)) return Number(there);
  if (typeof declared === "boolean" && equalValues(setting, there, !declared)) return !declared;
  return there;
}

/** What the server was started with, whatever its files say; where that may be shown. */
function runningByCommand({ commandLine, pending }: Observed, name: string): string | undefined {
  const running = commandLine.includes(name) ? pending[name]?.running : undefined;
  return running === notShown ? undefined : running;
}

function place(observed: Observed, given: string): string {
  if (runningByCommand(observed, given.toLowerCase()) !== undefined) {
    return `${given} is overridden by how the server was started (its command line or environment)`;
  }
  const found = observed.settings[given.toLowerCase()]?.place;
  if (found === undefined) return `${given} is no longer in postgresql.conf`;
  if (found.startsWith("postgresql.auto.conf:")) return `${given} is overridden in ${found} (ALTER SYSTEM)`;
  const isElsewhere = isIncluded(observed, given.toLowerCase());
  return `${given} ${isElsewhere ? "is overridden" : "was changed"} in ${found}`;
}

/** Without a line that says otherwise. */
const defaultPort = 5432;

function otherRole(
  { replicationRole: found }: Observed,
  { replicationRole: wanted }: InstanceInputs,
): boolean {
  if (wanted === undefined) return false;
  const same = wanted.passwordVerifier === undefined || wanted.passwordVerifier === found?.verifier;
  return !(found?.name === wanted.name && found.replicates && same);
}

/** Without the name it is one that does not exist, or may not replicate. */
function foundRole({ replicationRole: found }: Observed, { replicationRole: wanted }: InstanceInputs) {
  const verifier = found?.verifier ?? undefined;
  const name = found?.replicates ? found.name : `no_${wanted?.name}`;
  return { name, ...(verifier !== undefined && wanted?.passwordVerifier && { passwordVerifier: verifier }) };
}

function slotsMissing(
  { replicationSlots: found }: Observed,
  { replicationSlots = [] }: InstanceInputs,
): boolean {
  return replicationSlots.some((name) => !found.includes(name));
}

/** Each property that the host can tell, where the program declares it. A stopped server tells no password. */
function properties(observed: Observed, inputs: InstanceInputs): [string, unknown][] {
  const up = isUp(observed);
  const status = observed.role === "standby" ? "streaming" : "promoted";
  const port = Number(observed.settings.port?.value ?? defaultPort);
  const rows: readonly [property: keyof InstanceInputs, differs: boolean, found: unknown][] = [
    ["version", observed.version !== null && observed.version !== inputs.version, observed.version],
    ["state", up !== (inputs.state === "started"), up ? "started" : "stopped"],
    ["port", observed.existence === "present" && port !== inputs.port, port],
    [
      "superuserPasswordVerifier",
      up &&
        inputs.superuserPasswordVerifier !== undefined &&
        inputs.superuserPasswordVerifier !== observed.passwordVerifier,
      observed.passwordVerifier,
    ],
    ["replicationRole", up && otherRole(observed, inputs), foundRole(observed, inputs)],
    ["replicationSlots", up && slotsMissing(observed, inputs), observed.replicationSlots],
    [
      "standby",
      inputs.standby !== undefined && observed.existence === "present" && status !== inputs.standby.status,
      { ...inputs.standby, status },
    ],
    [
      "dataChecksums",
      inputs.dataChecksums !== undefined &&
        observed.dataChecksums !== null &&
        inputs.dataChecksums !== observed.dataChecksums,
      observed.dataChecksums,
    ],
  ];
  return [...rows, ...places(observed, inputs)]
    .filter(([, differs]) => differs)
    .map(([property, , found]) => [property, found]);
}

/** Where things are. Of a list of socket directories the first is the one; a tablespace that is gone is left out. */
function places(observed: Observed, inputs: InstanceInputs): [keyof InstanceInputs, boolean, unknown][] {
  const { walDirectory, socketDirectory, tablespaces = {} } = inputs;
  const sockets = observed.settings.unix_socket_directories?.value ?? "";
  const found = Object.entries(tablespaces).flatMap(([name, location]) => {
    const there = observed.tablespaces[name]?.location;
    return there === undefined ? [] : [[name, there, there === location] as const];
  });
  const isComplete = found.length === Object.keys(tablespaces).length;
  return [
    [
      "walDirectory",
      walDirectory !== undefined && observed.walDirectory !== null && walDirectory !== observed.walDirectory,
      observed.walDirectory,
    ],
    [
      "socketDirectory",
      socketDirectory !== undefined && observed.existence === "present" && socketDirectory !== sockets,
      /^\/[^,"']*/.exec(sockets)?.[0].trim() ?? null,
    ],
    [
      "tablespaces",
      (isUp(observed) && !isComplete) || found.some(([, , isSame]) => !isSame),
      Object.fromEntries(found.map(([name, there]) => [name, there])),
    ],
  ];
}
