import { InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import { standbySettings } from "../plan/desired-standby";
import { heeding } from "../plan/heeding";
import { isUp } from "../plan/is-up";
import { settingChanges } from "../plan/settings";
import { tooLow, tooLowWords } from "../postgresql/replay";
import type { InstanceInputs } from "../schema/inputs";
import { writeConfiguration } from "../server/configuration";
import { query } from "../server/connect";
import { addressOf, type Observation, observe } from "../server/observe";
import { promote as promoteServer, releaseOwnSlot } from "../server/promote";
import { rejoin, requireRejoin } from "../server/rejoin";
import { pgCtl } from "../server/service";
import { describe } from "../server/target";
import { checked, findExisting, type HostArgs, type Ref } from "./find";
import { withLock } from "./lock";
import { type Opened, open } from "./open";

export interface PromoteOptions {
  /** Seconds until it must take writes. Past them it goes on. Default: 60. */
  readonly timeout?: number;
}

export interface Left {
  /** What could not be done on other hosts, and how to do it by hand. */
  readonly warnings: readonly string[];
}

export interface Promoted extends Left {
  /** false: it was a primary already, promoted by an earlier call that was cut off, or is long done. */
  readonly promoted: boolean;
}

/**
 * Makes a standby a primary, and releases its slot on the old one where that answers. Whoever calls it means it: whether
 * the old primary still runs is not asked. After a call that was cut off, or could not release the slot, another one does
 * what is left; when nothing is, it changes nothing.
 *
 * @throws InstanceStateError when it never was a standby, or does not run
 * @throws WaitTimeoutError
 * @throws InstanceNotFoundError
 */
export function promote(host: HostArgs, ref: Ref, { timeout = 60 }: PromoteOptions = {}): Promise<Promoted> {
  return changing(host, ref, async ({ target }, session, found) => {
    const { role, settings } = found.observed;
    const promoted = role === "standby";
    if (promoted) await session.write(promoting, "");
    else if (settings.primary_conninfo !== undefined && !(await session.has(promoting)))
      return { promoted, warnings: [] };
    if (promoted || settings.primary_conninfo === undefined) await promoteServer(target, timeout, found);
    const left = await releaseOwnSlot(target, session, found);
    if (left === undefined) await session.remove(promoting);
    return { promoted, warnings: left === undefined ? [] : [left] };
  });
}

/** A file beside the instance until its slot is released: one of that name that is there later is somebody else's. */
const promoting = "promoting";

export interface DemoteOptions {
  /** The server to follow, as in `standby.primary`. */
  readonly source: string;
  /** As `standby.password`. */
  readonly password?: string;
  /** As `standby.slot`. */
  readonly slot?: string | false;
}

/**
 * Makes an old primary a standby of the new one, by pg_rewind: what only it has is lost. Its configuration is its own
 * again after that, and it runs if it ran.
 *
 * @throws InvalidInputsError when `source` is no connection string
 * @throws InstanceStateError when it is a standby already, or the source is another cluster
 * @throws CommandError with the source's words when it lets nobody in; nothing was changed then. Or with those of
 * pg_rewind: then the data may be of no use, and the way on is a new base backup (`rejoin: "rebuild"`)
 * @throws InstanceNotFoundError
 */
export async function demote(host: HostArgs, ref: Ref, options: DemoteOptions): Promise<void> {
  const { source, password, slot } = options;
  const standby = { primary: source, password, slot, rejoin: "rewind", status: "streaming" } as const;
  checked(host, { name: ref.name, version: ref.version, standby });
  await changing(
    host,
    ref,
    async ({ target, desired }, session, found) => {
      if (!desired.standby) return;
      if (found.observed.role === "standby" && !found.observed.rejoining) {
        throw new InstanceStateError(`demote: ${describe(target)} is a standby already`);
      }
      await requireRejoin(target, desired.standby, "rewind", found);
      await session.remove(promoting);
      await rejoin(target, session, desired, "rewind");
      const after = await observe(target);
      const kept = Object.keys(after.observed.originals).map((name) => [
        name,
        after.observed.settings[name]?.value ?? null,
      ]);
      const settings = { ...Object.fromEntries(kept), ...standbySettings(desired.standby) };
      const changes = settingChanges(after.observed, heeding(after.observed, { ...desired, settings }));
      if (changes.length > 0) await writeConfiguration(target, session, changes, after);
      if (isUp(found.observed)) await pgCtl(target).start(session, desired.timeouts.start);
    },
    { standby },
  );
}

/**
 * Stops a standby from replaying what it receives, until `resumeReplay` or a restart.
 *
 * @throws InstanceStateError when it is no standby that runs
 * @throws InstanceNotFoundError
 */
export function pauseReplay(host: HostArgs, ref: Ref): Promise<void> {
  return replaying(host, ref, "pauseReplay", "SELECT pg_wal_replay_pause()");
}

/**
 * Lets a standby replay again.
 *
 * @throws InstanceStateError when it is no standby that runs, or would shut down: its primary was raised above it
 * @throws InstanceNotFoundError
 */
export function resumeReplay(host: HostArgs, ref: Ref): Promise<void> {
  return replaying(host, ref, "resumeReplay", "SELECT pg_wal_replay_resume()", ({ target }, { observed }) => {
    const low = tooLow(observed);
    if (low.length === 0) return;
    throw new InstanceStateError(
      `resumeReplay: ${describe(target)} would shut down, since ${tooLowWords(low)}`,
      {
        hint: "Nothing was changed. Restart it with at least that.",
      },
    );
  });
}

function replaying(
  host: HostArgs,
  ref: Ref,
  name: string,
  statement: string,
  requireMore: (opened: Opened, found: Observation) => void = () => undefined,
): Promise<void> {
  return changing(host, ref, async (opened, _, found) => {
    const { target } = opened;
    const { observed, postmaster } = found;
    if (observed.role !== "standby")
      throw new InstanceStateError(`${name}: ${describe(target)} is no standby`);
    if (!postmaster || observed.server !== "running") {
      throw new InstanceStateError(
        `${name}: ${describe(target)} is ${observed.server}, and takes no sessions`,
      );
    }
    requireMore(opened, found);
    await query(addressOf(target, postmaster), [statement]);
  });
}

async function changing<T>(
  host: HostArgs,
  ref: Ref,
  body: (opened: Opened, session: Session, found: Observation) => Promise<T>,
  more: Partial<InstanceInputs> = {},
): Promise<T> {
  const { remembered } = await findExisting(host, ref);
  const opened = await open({ ...remembered.inputs, ...more }, remembered);
  return withLock(opened.target, async (session, target) =>
    body({ ...opened, target }, session, await observe(target)),
  );
}
