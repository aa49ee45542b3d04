import { InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import { isUp } from "../plan/is-up";
import { findSetting } from "../postgresql/settings";
import { isOurUnit } from "../postgresql/unit";
import { equalValues } from "../postgresql/values";
import type { Remembered } from "../schema/state";
import { finalDump } from "../server/final-dump";
import { type Observation, observe } from "../server/observe";
import { releaseSlot } from "../server/primary";
import { releaseOwnSlot } from "../server/promote";
import { removeData } from "../server/remove";
import { pgCtl } from "../server/service";
import { removeUnit } from "../server/systemd";
import { describe, type Target } from "../server/target";
import { observeAsIs } from "../server/upgrade/as-is";
import { removeLinks, removeOldClusters } from "../server/upgrade/old-clusters";
import { checked, find, type HostArgs, type Known, type Ref } from "./find";
import { requireOurs } from "./identity";
import { withLock } from "./lock";
import { open } from "./open";

/** What goes with a deletion. */
export interface DropOptions {
  /** Told of each step before it is taken, where the final dump is, and what has to be done by hand. */
  readonly progress?: (line: string) => void;
  /**
   * A directory on the host, for a file of everything (pg_dumpall) that is made first; it is made if the owner may.
   * Default, and `skip`: none.
   */
  readonly finalDump?: string;
}

/**
 * Stops the instance and removes it with all its data, without asking: whoever calls this by name means it, and
 * `deletionProtection` is the resource's. That it is not there is no error.
 *
 * @returns whether there was one
 * @throws InstanceExistsError when something else is there; it is not touched
 * @throws UnsupportedError, InstanceStateError before anything is stopped, when the final dump cannot be made
 * @throws CommandError when it fails; the instance is then as it was
 */
export async function drop(host: HostArgs, ref: Ref, options: DropOptions = {}): Promise<boolean> {
  const { progress = () => undefined, finalDump } = options;
  checked(host, { name: ref.name, version: ref.version, finalDump });
  const known = await find(host, ref, "files");
  if (known === undefined) return false;
  const inputs = { ...known.remembered.inputs, finalDump };
  const { notes, warnings } = await dropKnown(
    { ...known, remembered: { ...known.remembered, inputs } },
    progress,
  );
  for (const line of [...notes, ...warnings]) progress(line);
  return true;
}

/** What a deletion has to say when it is over. */
export interface Dropped {
  readonly notes: readonly string[];
  /** What could not be done on other hosts, and how to do it by hand. */
  readonly warnings: readonly string[];
}

/**
 * What is already gone is no error; what is not ours is left.
 * @throws InstanceStateError while deletionProtection is true and the instance was ever ready
 */
export async function dropKnown(known: Known, progress: (line: string) => void): Promise<Dropped> {
  const { remembered } = known;
  const { target: begun, desired } = await open(remembered.inputs, remembered);
  const { target, seen: before } = await observeAsIs(begun, remembered.observed);
  if (before.observed.existence === "absent" && before.marker === undefined)
    return { notes: [], warnings: [] };
  requireDeletable(target, known, before);
  return withLock(target, async (session, inside) => {
    const found = await observe(inside, remembered.observed);
    requireDeletable(inside, known, found);
    const notes = await dumpLast(inside, session, desired, wasReady(known, found) && found, progress);
    if (notes.length === 0 && isUp(found.observed)) {
      progress("stopping the server");
      await pgCtl(inside).stop(session, "fast", desired.timeouts.stop);
    }
    const { service } = found.observed;
    if (service) {
      progress(`removing ${service.unit}`);
      await removeUnit(inside, session, service, known.id);
    }
    const left = await leavePrimary(inside, session, desired, found);
    await removeOldClusters(inside, session, found);
    await removeLinks(inside, session);
    progress("removing the data directory");
    const others = await removeData(inside, session, Object.values(remembered.inputs.tablespaces ?? {}));
    await session.forget();
    const foreign = service && !isOurUnit(service.unit) ? [service.unit] : [];
    const stays = [...foreign, ...found.observed.elsewhere, ...logsElsewhere(target, found), ...others];
    return {
      notes: [...notes, ...stays.map((place) => `${place} was not made by the provider, and is left`)],
      warnings: left === undefined ? [] : [left],
    };
  });
}

/** Nothing of an instance that never was ready, or has no data any more. The server is stopped after a dump. */
async function dumpLast(
  target: Target,
  session: Session,
  { inputs, timeouts }: Desired,
  found: Observation | false,
  progress: (line: string) => void,
): Promise<readonly string[]> {
  const { finalDump: directory = "skip" } = inputs;
  if (directory === "skip" || !found || found.observed.existence === "absent") return [];
  progress(`stopping the server, and dumping everything to ${directory}`);
  const file = await finalDump(target, session, directory, timeouts);
  return [`the final dump of ${describe(target)} is ${file}`];
}

/** A directory that the server made by itself, or others share. */
function logsElsewhere({ dataDirectory, version }: Target, { observed }: Observation): string[] {
  const { log_directory: directory, logging_collector: collector } = observed.settings;
  const isOn = equalValues(findSetting(version, "logging_collector"), collector?.value ?? "off", "on");
  const place = directory?.value ?? "";
  return isOn && place.startsWith("/") && !place.startsWith(`${dataDirectory}/`) ? [place] : [];
}

/** The slot of a standby, or of what was to become one; by what its files say, else by the declaration. */
async function leavePrimary(
  target: Target,
  session: Session,
  { standby }: Desired,
  found: Observation,
): Promise<string | undefined> {
  const { existence, role } = found.observed;
  if (existence === "present") return role === "standby" ? releaseOwnSlot(target, session, found) : undefined;
  if (!standby || standby.slot === null) return undefined;
  return releaseSlot(target, session, { conninfo: standby.conninfo, slot: standby.slot });
}

function requireDeletable(target: Target, { id, remembered }: Known, found: Observation): void {
  requireOurs(target, found, id);
  if (remembered.inputs.deletionProtection && wasReady({ id, remembered }, found)) {
    throw new InstanceStateError(
      `${describe(target)} is protected; set deletionProtection: false, and finalDump, and run \`pulumi up\` first`,
    );
  }
  requireListed(target, remembered, found);
}

/** Data outside the two directories goes only where the program names it. */
function requireListed(target: Target, { inputs }: Remembered, { observed }: Observation): void {
  const listed = Object.values(inputs.tablespaces ?? {});
  const others = Object.entries(observed.tablespaces).filter(
    ([, { location }]) => !listed.includes(location),
  );
  if (others.length === 0) return;
  const names = others.map(([name, { location }]) => `${name} in ${location}`).join(", ");
  throw new InstanceStateError(
    `${describe(target)} has tablespaces that are not declared: ${names}. Nothing was removed.`,
    {
      hint: "List them as `tablespaces` and run `pulumi up` first: then their data goes too. Or drop them (DROP TABLESPACE).",
    },
  );
}

const wasReady = ({ remembered }: Known, found: Observation): boolean =>
  remembered.phase !== "creating" || found.marker?.phase === "ready";
