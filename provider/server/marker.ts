import { InstanceExistsError } from "../errors";
import { describe, type Target } from "./target";

/** Whose an instance is. Its system identifier would not tell: a standby has its primary's. */
export interface Marker {
  readonly id: string;
  /** Of the resource's URN: an interrupted create finds its id again by it. */
  readonly urnHash: string;
  readonly dataDirectory: string;
  /** null until initdb is through. */
  readonly systemIdentifier: string | null;
  readonly role: "primary" | "standby";
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
 * Nothing that is not ours is touched.
 * @throws InstanceExistsError when the marker is missing or holds another id
 */
export function requireOurs(target: Target, marker: Marker | undefined, id: string): void {
  if (marker?.id === id) return;
  const whose = marker ? `belongs to ${marker.id}` : "has no marker of this provider";
  throw new InstanceExistsError(
    `${describe(target)} at ${target.dataDirectory} ${whose}; this resource is ${id}. It was not touched.`,
    {
      hint: "Declare another dataDirectory or name, or remove the resource from the state (pulumi state delete).",
    },
  );
}
