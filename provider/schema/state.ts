import { z } from "zod";
import { InvalidVersionError, ProviderError } from "../errors";
import type { Properties } from "./check";
import { type InstanceInputs, isPropertyName, type PropertyName, parseInputs } from "./inputs";
import { isSame, type Observed, observedState, printObserved } from "./observed";

/**
 * What is in the state file, and stays readable for ever: outputs are the inputs, what the host decided where the
 * program did not, and `observed`, from which a preview plans without any connection.
 */
export const schemaVersion = 1;

export const phases = ["creating", "changing", "ready"] as const;
export type Phase = (typeof phases)[number];

const reason = z.strictObject({ running: z.string(), wanted: z.string() });

/** Outputs beside the inputs. */
const made = z.object({
  schemaVersion: z.literal(schemaVersion),
  phase: z.enum(phases),
  /** Names of the inputs that the program, or a default of `check`, gave. */
  declared: z.array(z.string()),
  observed: observedState,
  dataDirectory: z.string(),
  binDirectory: z.string(),
  owner: z.string(),
  systemIdentifier: z.string().nullable(),
  serverVersion: z.string().nullable(),
  role: z.enum(["primary", "standby"]),
  logFile: z.string(),
  unit: z.string().nullable().default(null),
  /** Taken at the first contact, by the name of the host. */
  hostKeys: z.record(z.string(), z.string()).default({}),
  pendingRestart: z.boolean(),
  pendingRestartReasons: z.record(z.string(), reason),
  resolvedSettings: z.record(z.string(), z.string()),
  hostMemory: z.number(),
});

export type Made = z.infer<typeof made>;

/** An Instance as the state remembers it. */
export interface Remembered extends Made {
  readonly inputs: InstanceInputs;
}

/**
 * Reads what an earlier run left in the state, from this or any older release.
 * @throws InvalidVersionError when a newer release wrote it
 */
export function parseState(outputs: Properties): Remembered {
  const version = outputs.schemaVersion;
  if (typeof version === "number" && version > schemaVersion) {
    throw new InvalidVersionError(
      `the state was written by a newer pulumi-pginstance (state version ${version}, this one knows ${schemaVersion})`,
      { hint: "Update the package: npm install pulumi-pginstance@latest" },
    );
  }
  const result = made.safeParse(outputs);
  if (!result.success) {
    throw unreadable(result.error);
  }
  const declared = result.data.declared.filter(isPropertyName);
  try {
    const inputs = parseInputs(pick(outputs, declared));
    const observed = withMajor(result.data.observed, inputs);
    return { ...result.data, observed, inputs };
  } catch (error) {
    throw error instanceof z.ZodError ? unreadable(error) : error;
  }
}

/** A state from before upgrades: what was declared is what is there. */
function withMajor(observed: Observed, { version }: InstanceInputs): Observed {
  return observed.existence === "present" && observed.version === null ? { ...observed, version } : observed;
}

function unreadable({ issues: [first] }: z.ZodError): ProviderError {
  return new ProviderError("state", `the state cannot be read: ${first?.path.join(".")}: ${first?.message}`, {
    hint: "Restore it from the backend's history (pulumi stack export --version N).",
  });
}

/**
 * The outputs for the engine: inputs as they are spelt, then what was made. Throws before the engine would hang.
 * @param before outputs whose spelling of what was observed is kept where it says the same
 */
export function printState(inputs: Properties, state: Made, before?: Properties): Record<string, unknown> {
  const own = Object.fromEntries(
    Object.entries(inputs).filter(([, value]) => value !== undefined && value !== null),
  );
  const checked = made.parse(state);
  const { locale, encoding, dataChecksums, walDirectory } = checked.observed;
  const found = Object.entries({ locale, encoding, dataChecksums, walDirectory }).filter(
    ([, value]) => value !== null,
  );
  const observed = isSame(before?.observed, checked.observed)
    ? before?.observed
    : printObserved(checked.observed);
  const outputs = { ...checked, observed, ...Object.fromEntries(found), ...own, declared: checked.declared };
  return z.record(z.string(), z.json()).parse(outputs);
}

export function declaredNames(inputs: Properties): PropertyName[] {
  return Object.keys(inputs).filter(isPropertyName);
}

function pick(outputs: Properties, names: readonly PropertyName[]): Properties {
  return Object.fromEntries(names.map((name) => [name, outputs[name]]));
}
