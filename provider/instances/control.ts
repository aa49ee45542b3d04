import { InstanceNotFoundError, InstanceStateError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import { isUp } from "../plan/is-up";
import { prepareDowntime } from "../server/downtime";
import { attach } from "../server/foreground";
import { type Observation, observe } from "../server/observe";
import { requireFreePort } from "../server/port";
import { reloadAndVerify } from "../server/reload";
import { pgCtl, type StopMode } from "../server/service";
import { describe } from "../server/target";
import { findExisting, type HostArgs, type Ref } from "./find";
import { withLock } from "./lock";
import { type Opened, open } from "./open";

/** How long to wait, and whether at all. */
export interface WaitOptions {
  /**
   * false: return as soon as it has begun. It goes on by itself, also when this process ends, and whoever changes the
   * instance next waits for its end. Default: true.
   */
  readonly wait?: boolean;
  /** Seconds until it must be done. Past them nothing is killed. Default: 60 for a start, 300 for a stop. */
  readonly timeout?: number;
}

/** How the server is to run. */
export interface StartOptions extends WaitOptions {
  /**
   * true: the server runs as if it were this process, here or over SSH, and the promise is kept for as long as it does.
   * It stops (fast) when `signal` aborts, when this process ends in whatever way, and when the connection ends. Its
   * output goes to `output`, not to its log file. Default: false, the server outlives this process.
   */
  readonly foreground?: boolean;
  /** Stops a server in the foreground; the promise then resolves. */
  readonly signal?: AbortSignal;
  /** Gets what a server in the foreground prints, line by line. Default: standard error. */
  readonly output?: (line: string) => void;
  /** Called when a server in the foreground takes sessions. */
  readonly ready?: () => void;
}

/** How the server is to stop. */
export interface StopOptions extends WaitOptions {
  /** As in {@link RestartOptions}. */
  readonly mode?: StopMode;
  /**
   * true: it is stopped to be removed. That there is none, or only a half-made one, is no error then; nor that its
   * programs are gone. Default: false.
   */
  readonly deleting?: boolean;
}

/** How the server is to stop before it starts again. */
export interface RestartOptions extends WaitOptions {
  /**
   * `smart` waits until every client has left, `fast` (default) ends their sessions, `immediate` is a crash: the next
   * start is a recovery. https://www.postgresql.org/docs/current/server-shutdown.html
   */
  readonly mode?: StopMode;
}

/**
 * Starts a stopped instance and waits until it takes sessions. One that runs is left alone, unless it was to run in the
 * foreground.
 *
 * @example await start({ local: {} }, { name: "orders", version: "17" });
 * @throws InstanceStateError when another program has its port, or it runs already and was to run in the foreground
 * @throws CommandError with the server's words when it exits
 * @throws WaitTimeoutError when it is still at work at the end of the wait
 * @throws InstanceNotFoundError
 */
export async function start(host: HostArgs, ref: Ref, options: StartOptions = {}): Promise<void> {
  const { wait = true, timeout, foreground = false, signal } = options;
  signal?.throwIfAborted();
  const running = await controlled(host, ref, async ({ target, desired, outside }, session, found) => {
    const limit = timeout ?? desired.timeouts.start;
    if (isUp(found.observed)) {
      if (!foreground) return undefined;
      throw new InstanceStateError(`start: ${describe(target)} runs already, and not in the foreground`);
    }
    await requireFreePort(target.host, desired.inputs.port, target.owner, outside);
    if (foreground) return attach({ ...target, host: outside }, session, { ...options, timeout: limit });
    await pgCtl(target, wait).start(session, limit);
    return undefined;
  });
  await running?.ended;
}

/**
 * Stops an instance and waits until it is down. One that is stopped is left alone.
 *
 * @throws WaitTimeoutError when it is still stopping at the end of the wait
 * @throws InstanceNotFoundError
 */
export async function stop(host: HostArgs, ref: Ref, options: StopOptions = {}): Promise<void> {
  const { mode = "fast", wait = true, timeout, deleting = false } = options;
  const stopping = controlled(
    host,
    ref,
    async ({ target, desired }, session, { observed }) => {
      if (isUp(observed)) await pgCtl(target, wait).stop(session, mode, timeout ?? desired.timeouts.stop);
    },
    deleting ? "files" : "programs",
  );
  await stopping.catch((error: unknown) => {
    if (!(deleting && error instanceof InstanceNotFoundError)) throw error;
  });
}

/**
 * Stops and starts an instance in one step, which a lost connection does not interrupt. A stopped one is started.
 * `timeout` is the limit of either half.
 *
 * @throws CommandError with the server's words when it does not start; the configuration that it last started with is
 * then back, and it runs with that
 * @throws WaitTimeoutError
 * @throws InstanceNotFoundError
 */
export function restart(host: HostArgs, ref: Ref, options: RestartOptions = {}): Promise<void> {
  const { mode = "fast", wait = true, timeout } = options;
  return controlled(host, ref, async ({ target, desired }, session, found) => {
    const service = pgCtl(target, wait);
    const limits = timeout === undefined ? desired.timeouts : { start: timeout, stop: timeout };
    if (!isUp(found.observed)) return service.start(session, limits.start);
    await prepareDowntime(target, found, wait);
    await service.restart(session, mode, limits);
  });
}

/**
 * Lets the server read its files, and makes sure that it did.
 *
 * @throws SettingsError with the server's words when it refuses them
 * @throws InstanceStateError when it does not run
 * @throws InstanceNotFoundError
 */
export function reload(host: HostArgs, ref: Ref): Promise<void> {
  return controlled(host, ref, async ({ target }, session, { observed }) => {
    if (!isUp(observed)) throw new InstanceStateError(`reload: ${describe(target)} does not run`);
    await reloadAndVerify(target, session);
  });
}

/** How long the server may take to stop. */
export interface StoppedOptions {
  /** Seconds, 10 unless it is said. */
  readonly timeout?: number;
}

/**
 * Runs `body` while the server is stopped, cleanly, and then restores what was found: one that ran is started again,
 * also when `body` throws; one that was stopped stays so. Nobody else changes the instance meanwhile, and nor does
 * `body` by these functions (they would throw LockedError).
 *
 * @returns what `body` returns
 * @throws InstanceStateError when the server is not down in time; it is left as it is then, and `body` is not run
 * @throws what `body` throws
 */
export async function stopped<T>(
  host: HostArgs,
  ref: Ref,
  { timeout = 10 }: StoppedOptions,
  body: () => T | Promise<T>,
): Promise<T> {
  let again = false;
  const outcome = await controlled(host, ref, async ({ target, desired }, session, { observed }) => {
    if (!isUp(observed)) return settled(body);
    await pgCtl(target)
      .stop(session, "fast", timeout)
      .catch((error: unknown) => {
        throw error instanceof WaitTimeoutError ? notStopped(describe(target), timeout, error) : error;
      });
    const result = await settled(body);
    // A session that was lost meanwhile can start nothing; another can.
    if (session.lost) again = true;
    else
      await pgCtl(target)
        .start(session, desired.timeouts.start)
        .catch(leftStopped(describe(target), result));
    return result;
  });
  if (again) await start(host, ref).catch(leftStopped(`${ref.version}/${ref.name}`, outcome));
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

async function settled<T>(body: () => T | Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await body() };
  } catch (error) {
    return { error };
  }
}

function notStopped(instance: string, timeout: number, cause: WaitTimeoutError): InstanceStateError {
  return new InstanceStateError(`${instance} is not stopped after ${timeout} s (${cause.lastSeen})`, {
    cause,
    hint: "It was told to stop (fast) and is left as it is: nothing was killed, and the body was not run.",
  });
}

/** The body's own error must not be lost over this one. */
function leftStopped<T>(instance: string, outcome: Settled<T>): (error: unknown) => never {
  return (error) => {
    const words = error instanceof Error ? error.message : String(error);
    const body = "error" in outcome ? ` What it was stopped for failed too: ${outcome.error}` : "";
    throw new InstanceStateError(`${instance} could not be started again: ${words}${body}`, { cause: error });
  };
}

interface Controlled extends Opened {
  /** The host without the session. */
  readonly outside: Opened["target"]["host"];
}

async function controlled<T>(
  host: HostArgs,
  ref: Ref,
  body: (opened: Controlled, session: Session, found: Observation) => Promise<T>,
  needs: "programs" | "files" = "programs",
): Promise<T> {
  const { remembered } = await findExisting(host, ref, needs);
  const opened = await open(remembered.inputs, remembered);
  return withLock(opened.target, async (session, target) => {
    const found = await observe(target);
    return body({ ...opened, target, outside: opened.target.host }, session, found);
  });
}
