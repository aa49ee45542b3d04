import { InstanceStateError } from "../errors";
import { Session } from "../host/session";
import { isUp } from "../plan/plan";
import type { Remembered } from "../schema/state";
import { requireOurs } from "../server/marker";
import { observe } from "../server/observe";
import { removeData } from "../server/remove";
import { pgCtl } from "../server/service";
import { describe, stateDirectory } from "../server/target";
import { open } from "./open";

/**
 * Stops the instance and removes it with all its data. What is already gone is no error; what is not ours is left.
 * @throws InstanceStateError while deletionProtection is true and the instance was ever ready
 */
export async function drop(
  id: string,
  remembered: Remembered,
  progress: (line: string) => void,
): Promise<void> {
  const { target, desired } = await open(remembered.inputs, remembered);
  const before = await observe(target, remembered.observed);
  if (before.observed.existence === "absent" && before.marker === undefined) return;
  requireOurs(target, before.marker, id);
  if (remembered.inputs.deletionProtection && remembered.phase !== "creating") {
    throw new InstanceStateError(
      `${describe(target)} is protected; set deletionProtection: false and run \`pulumi up\` first`,
    );
  }
  const session = await Session.open(target.host, stateDirectory(target), target.owner);
  try {
    const { observed } = await observe(target, remembered.observed);
    if (isUp(observed)) {
      progress("stopping the server");
      await pgCtl(target).stop(session, "fast", desired.timeouts.stop);
    }
    progress("removing the data directory");
    await removeData(target, session);
    await session.forget();
  } finally {
    session.close();
  }
}
