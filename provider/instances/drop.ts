import { InstanceStateError } from "../errors";
import { isUp } from "../plan/plan";
import { requireOurs } from "../server/marker";
import { type Observation, observe } from "../server/observe";
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
 * @throws InstanceStateError while deletionProtection is true and the instance was ever ready
 */
export async function dropKnown({ id, remembered }: Known, progress: (line: string) => void): Promise<void> {
  const { target, desired } = await open(remembered.inputs, remembered);
  const before = await observe(target, remembered.observed);
  if (before.observed.existence === "absent" && before.marker === undefined) return;
  requireDeletable(target, { id, remembered }, before);
  await withLock(target, async (session, inside) => {
    const found = await observe(inside, remembered.observed);
    requireDeletable(inside, { id, remembered }, found);
    if (isUp(found.observed)) {
      progress("stopping the server");
      await pgCtl(inside).stop(session, "fast", desired.timeouts.stop);
    }
    progress("removing the data directory");
    await removeData(inside, session);
    await session.forget();
  });
}

function requireDeletable(target: Target, { id, remembered }: Known, found: Observation): void {
  requireOurs(target, found, id);
  const wasReady = remembered.phase !== "creating" || found.marker?.phase === "ready";
  if (remembered.inputs.deletionProtection && wasReady) {
    throw new InstanceStateError(
      `${describe(target)} is protected; set deletionProtection: false and run \`pulumi up\` first`,
    );
  }
}
