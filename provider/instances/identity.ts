import { randomBytes } from "node:crypto";
import { requireOurs as requireMarked } from "../server/marker";
import type { Observation } from "../server/observe";
import type { Target } from "../server/target";
import { digest } from "./desired";

export const newId = (name: string): string => `${name}-${randomBytes(5).toString("hex")}`;

/** Whose an instance is, by the URN of its resource. */
export const ownerOf = (urn: string) => ({ urnHash: digest(urn), stack: stackOf(urn) });

/** urn:pulumi:<stack>::<project>::<type>::<name> */
export const stackOf = (urn: string): string => digest(urn.split("::", 2).join("::"));

/**
 * The id of an instance without a marker: the same each time, and of no other instance. What was imported has it until
 * its first update writes the marker.
 */
export function unmarkedId(
  { name, dataDirectory }: Pick<Target, "name" | "dataDirectory">,
  { machine, observed: { systemIdentifier } }: Pick<Observation, "machine" | "observed">,
): string {
  return `${name}-${digest(JSON.stringify([machine, dataDirectory, systemIdentifier])).slice(0, 10)}`;
}

/**
 * Nothing that is not ours is touched.
 * @throws InstanceExistsError
 */
export function requireOurs(target: Target, found: Observation, id: string): void {
  const isImported = found.marker === undefined && found.observed.existence === "present";
  if (!isImported || unmarkedId(target, found) !== id) requireMarked(target, found, id);
}
