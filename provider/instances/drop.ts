import { InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import { isUp } from "../plan/plan";
import type { Remembered } from "../schema/state";
import { requireOurs } from "../server/marker";
import { type Observation, observe } from "../server/observe";
import { releaseSlot } from "../server/primary";
import { releaseOwnSlot } from "../server/promote";
import { removeData } from "../server/remove";
import { pgCtl } from "../server/service";
import { describe, type Target } from "../server/target";
import { find, type HostArgs, type Known, type Ref } from "./find";
import { withLock } from "./lock";
import { open } from "./open";

/**
 * Stops the instance and removes it with all its data. That it is not there is no error.
 * @returns whether there was one
 */
export async function drop(host: HostArgs, ref: Ref): Promise<boolean> {
  const known = await find(host, ref);
  if (known) await dropKnown(known, () => undefined);
  return known !== undefined;
}

/**
 * What is already gone is no error; what is not ours is left.
 * @returns what could not be done on other hosts, and how to do it by hand
 * @throws InstanceStateError while deletionProtection is true and the instance was ever ready
 */
export async function dropKnown(
  { id, remembered }: Known,
  progress: (line: string) => void,
): Promise<readonly string[]> {
  const { target, desired } = await open(remembered.inputs, remembered);
  const before = await observe(target, remembered.observed);
  if (before.observed.existence === "absent" && before.marker === undefined) return [];
  requireDeletable(target, { id, remembered }, before);
  return withLock(target, async (session, inside) => {
    const found = await observe(inside, remembered.observed);
    requireDeletable(inside, { id, remembered }, found);
    if (isUp(found.observed)) {
      progress("stopping the server");
      await pgCtl(inside).stop(session, "fast", desired.timeouts.stop);
    }
    const left = await leavePrimary(inside, session, desired, found);
    progress("removing the data directory");
    await removeData(inside, session, Object.values(remembered.inputs.tablespaces ?? {}));
    await session.forget();
    return left === undefined ? [] : [left];
  });
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
  const wasReady = remembered.phase !== "creating" || found.marker?.phase === "ready";
  if (remembered.inputs.deletionProtection && wasReady) {
    throw new InstanceStateError(
      `${describe(target)} is protected; set deletionProtection: false and run \`pulumi up\` first`,
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
