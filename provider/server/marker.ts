import { InstanceExistsError } from "../errors";
import type { Observed } from "../schema/observed";
import { describe, type Target } from "./target";

/** Whose an instance is. Its system identifier would not tell: a standby has its primary's. */
export interface Marker {
  readonly id: string;
  /** Of the resource's URN: an interrupted create finds its id again by it. */
  readonly urnHash: string;
  /** Of the resource's stack and project; what no program declares, or an earlier release wrote, has none. */
  readonly stack?: string;
  /** Of the instance; what an earlier release wrote has none. */
  readonly name?: string;
  readonly dataDirectory: string;
  /** null until initdb is through. */
  readonly systemIdentifier: string | null;
  /** System identifier of the cluster that an upgrade is about to put in its place. */
  readonly successor?: string;
  readonly role: "primary" | "standby";
  /** Taken over as it was: not made by the provider. */
  readonly adopted?: true;
  /** `creating` until it was complete once; from then on it is protected, whatever a state has lost. */
  readonly phase: "creating" | "ready";
}

export function printMarker(marker: Marker): string {
  return `${JSON.stringify(marker, null, 2)}\n`;
}

export function parseMarker(text: string): Marker | undefined {
  try {
    const marker: Partial<Marker> = JSON.parse(text);
    return typeof marker.id === "string" && typeof marker.urnHash === "string"
      ? (marker as Marker)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Nothing that is not ours is touched: neither another resource's instance, nor another cluster that somebody put in
 * the place of ours.
 * @throws InstanceExistsError
 */
export function requireOurs(
  target: Target,
  { marker, observed }: { marker: Marker | undefined; observed: Pick<Observed, "systemIdentifier"> },
  id: string,
): void {
  const where = `${describe(target)} at ${target.dataDirectory}`;
  const hint =
    "Declare another dataDirectory or name. Or, to take over what is there, remove the resource from the state " +
    "(`pulumi state delete`, with --force where it is protected), and declare `adopt: true`.";
  if (marker?.id !== id) {
    const whose = marker ? `belongs to ${marker.id}` : "has no marker of this provider";
    throw new InstanceExistsError(`${where} ${whose}; this resource is ${id}. It was not touched.`, { hint });
  }
  const { systemIdentifier: ours, successor } = marker;
  const { systemIdentifier: found } = observed;
  if (ours !== null && found !== null && ours !== found && successor !== found) {
    throw new InstanceExistsError(
      `${where} is another cluster (system identifier ${found}) than was made there (${ours}). It was not touched.`,
      {
        hint: `Move it away and put the right one back, or ${hint.slice(0, 1).toLowerCase()}${hint.slice(1)}`,
      },
    );
  }
}
