import { InstanceNotFoundError } from "../errors";
import { type Drift, findDrift } from "../plan/drift";
import { plan } from "../plan/plan";
import type { Made, Remembered } from "../schema/state";
import { requireOurs } from "../server/marker";
import { observe } from "../server/observe";
import { describe } from "../server/target";
import { madeOf } from "./made";
import { open } from "./open";

export interface Found {
  /** Why the server takes no session of ours, where it should; then what only it knows is as remembered. */
  readonly refusal: string | undefined;
  readonly made: Made;
  readonly drift: Drift;
}

/**
 * Looks at a known instance and says how it differs from what was declared.
 * @throws InstanceNotFoundError when the host answered and has nothing there; unreachable is another error
 */
export async function inspect(id: string, remembered: Remembered): Promise<Found> {
  const opened = await open(remembered.inputs, remembered);
  const seen = await observe(opened.target, remembered.observed);
  const { observed, marker } = seen;
  if (
    observed.existence === "absent" &&
    (marker === undefined || remembered.observed.existence === "present")
  ) {
    throw new InstanceNotFoundError(
      `${describe(opened.target)} is gone: ${opened.target.dataDirectory} does not exist`,
    );
  }
  requireOurs(opened.target, seen, id);
  const finished = remembered.phase === "ready" || plan(observed, opened.desired).length === 0;
  const phase = finished ? "ready" : remembered.phase;
  return {
    refusal: seen.refusal,
    made: madeOf(opened, observed, remembered.declared, phase),
    drift: findDrift(observed, opened.desired),
  };
}
