import { InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import { isUp } from "../plan/plan";
import { observe } from "../server/observe";
import { reloadAndVerify } from "../server/reload";
import { pgCtl, type StopMode } from "../server/service";
import { describe } from "../server/target";
import { findExisting, type HostArgs, type Ref } from "./find";
import { withLock } from "./lock";
import { type Opened, open } from "./open";

/** Starts a stopped instance and waits until it takes sessions. One that runs is left alone. */
export function start(host: HostArgs, ref: Ref): Promise<void> {
  return controlled(host, ref, async ({ target, desired }, session, up) => {
    if (!up) await pgCtl(target).start(session, desired.timeouts.start);
  });
}

/** Stops an instance and waits until it is down. One that is stopped is left alone. Default mode: fast. */
export function stop(host: HostArgs, ref: Ref, { mode = "fast" }: { mode?: StopMode } = {}): Promise<void> {
  return controlled(host, ref, async ({ target, desired }, session, up) => {
    if (up) await pgCtl(target).stop(session, mode, desired.timeouts.stop);
  });
}

/** Stops and starts an instance in one step. A stopped one is started. */
export function restart(
  host: HostArgs,
  ref: Ref,
  { mode = "fast" }: { mode?: StopMode } = {},
): Promise<void> {
  return controlled(host, ref, async ({ target, desired }, session, up) => {
    const service = pgCtl(target);
    if (up) await service.restart(session, mode, desired.timeouts);
    else await service.start(session, desired.timeouts.start);
  });
}

/**
 * Lets the server read its files, and makes sure that it did.
 * @throws InstanceStateError when it does not run
 */
export function reload(host: HostArgs, ref: Ref): Promise<void> {
  return controlled(host, ref, async ({ target }, session, up) => {
    if (!up) throw new InstanceStateError(`reload: ${describe(target)} does not run`);
    await reloadAndVerify(target, session);
  });
}

async function controlled(
  host: HostArgs,
  ref: Ref,
  body: (opened: Opened, session: Session, up: boolean) => Promise<void>,
): Promise<void> {
  const { remembered } = await findExisting(host, ref);
  const opened = await open(remembered.inputs, remembered);
  await withLock(opened.target, async (session, target) => {
    const { observed } = await observe(target);
    await body({ ...opened, target }, session, isUp(observed));
  });
}
