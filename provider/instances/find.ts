import { InstanceExistsError, InstanceNotFoundError, InvalidInputsError } from "../errors";
import { isUp } from "../plan/is-up";
import { binDirectories } from "../postgresql/programs";
import type { Major } from "../postgresql/version";
import { check } from "../schema/check";
import { type InstanceInputs, parseInputs } from "../schema/inputs";
import { declaredNames, type Remembered } from "../schema/state";
import { observe } from "../server/observe";
import { describe } from "../server/target";
import { follow } from "../server/upgrade/journal";
import { requireOurs } from "./identity";
import { madeOf } from "./made";
import { open } from "./open";

/** How to get to a host. */
export type HostArgs = InstanceInputs["host"];

/** Which instance on a host; the rest as in the manifest, where it is not the default. */
export interface Ref
  extends Pick<InstanceInputs, "dataDirectory" | "binDirectory" | "owner" | "become" | "tablespaces">,
    Partial<Pick<InstanceInputs, "superuser">> {
  readonly name: string;
  readonly version: Major;
}

/** An instance of ours, as it was last seen. */
export interface Known {
  readonly id: string;
  readonly remembered: Remembered;
}

/**
 * Looks for an instance of ours, a half-made one included.
 * @param needs `files` where it is enough to see them, on a host that may have no programs of that version
 * @returns undefined when there is nothing
 * @throws InstanceExistsError when something else is there
 * @throws InvalidInputsError
 */
export async function find(
  host: HostArgs,
  ref: Ref,
  needs: "programs" | "files" = "programs",
): Promise<Known | undefined> {
  const { name, version, dataDirectory, binDirectory, owner, become, superuser, tablespaces } = ref;
  const given = { name, version, dataDirectory, binDirectory, owner, become, superuser, tablespaces };
  const { inputs: whole } = checked(host, given);
  const isLoose = needs === "files";
  const inputs = isLoose ? { ...whole, binDirectory: undefined } : whole;
  const opened = await open(inputs, undefined, isLoose ? usualPlace(whole) : undefined);
  const { target } = opened;
  const seen = await observe(target);
  const { observed, marker } = seen;
  if (observed.existence === "absent" && marker === undefined) return undefined;
  // An upgrade has moved it on, and it is known by its later major.
  if (follow(target, seen.journal) !== target) return undefined;
  if (observed.version !== null && observed.version !== version) {
    const what = `is ${observed.version}/${name}`;
    throw new InstanceExistsError(`${describe(target)}: what is at ${target.dataDirectory} ${what}`);
  }
  if (marker === undefined) {
    throw new InstanceExistsError(
      `${describe(target)} at ${target.dataDirectory} was not made by this provider`,
    );
  }
  requireOurs(target, seen, marker.id);
  const found: InstanceInputs = {
    ...inputs,
    port: Number(observed.settings.port?.value ?? inputs.port),
    state: isUp(observed) ? "started" : "stopped",
    // Whoever calls by name means it; what protects a resource is its program.
    deletionProtection: false,
  };
  return { id: marker.id, remembered: { ...madeOf(opened, observed, [], marker.phase), inputs: found } };
}

export const isPresent = (known: Known | undefined): known is Known =>
  known?.remembered.observed.existence === "present";

/** @throws InstanceNotFoundError when there is nothing, or nothing but what an interrupted create left */
export async function findExisting(host: HostArgs, ref: Ref, needs?: "programs" | "files"): Promise<Known> {
  const known = await find(host, ref, needs);
  if (isPresent(known)) return known;
  throw notFound(ref);
}

export function notFound({ version, name }: Pick<Ref, "version" | "name">): InstanceNotFoundError {
  return new InstanceNotFoundError(`there is no instance ${version}/${name}`);
}

const noState = {
  property: "host.ssh.hostKeyPolicy",
  reason:
    '"accept-new" needs a state that keeps the key, which only an Instance has: make the key known, or declare hostKey',
};

/** A manifest that has been through `check`, and what of it was given. */
export function checked(
  host: HostArgs,
  manifest: Readonly<Record<string, unknown>>,
): { inputs: InstanceInputs; declared: readonly string[] } {
  const { inputs, failures } = check({}, { host, ...manifest });
  const isKept = (host as InstanceInputs["host"] | undefined)?.ssh?.hostKeyPolicy !== "accept-new";
  const all = isKept ? failures : [...failures, noState];
  if (all.length > 0) throw new InvalidInputsError(all);
  return { inputs: parseInputs(inputs), declared: declaredNames(inputs) };
}

const usualPlace = ({ binDirectory, version }: InstanceInputs): string | undefined =>
  binDirectory ?? binDirectories(version)[0];
