import {
  InstanceExistsError,
  InstanceNotFoundError,
  InstanceStateError,
  InvalidInputsError,
  InvalidVersionError,
} from "../errors";
import type { Host } from "../host/host";
import type { Session } from "../host/session";
import { agree } from "../plan/announced";
import { type Choice, choose } from "../plan/choose";
import type { Desired } from "../plan/desired";
import { isOffline, standbysInTheWay } from "../plan/maintenance";
import { nothing } from "../plan/nothing";
import { plan } from "../plan/plan";
import { slotsInTheWay } from "../plan/settings-refusals";
import { replans } from "../plan/standby";
import { judgeStandby } from "../plan/standby-refusals";
import { raisedWords } from "../plan/standby-words";
import { type Effect, effectOf, findStep, type Step } from "../plan/step";
import { canonicalJson } from "../schema/canonical";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import type { Made } from "../schema/state";
import { apply, type Work } from "../server/apply";
import { forgetPrevious } from "../server/copies";
import { unhush } from "../server/hush";
import { type Observation, observe } from "../server/observe";
import { requireFreePort } from "../server/port";
import { requirePossible } from "../server/possible";
import { requirePrimary } from "../server/primary";
import { requirePromotable } from "../server/promote";
import { requireRejoin } from "../server/rejoin";
import { findScope } from "../server/scope";
import { Sight } from "../server/sight";
import { describe, stateDirectory, type Target } from "../server/target";
import { observeAsIs } from "../server/upgrade/as-is";
import { follow, isUnfinished } from "../server/upgrade/journal";
import { recover } from "../server/upgrade/transfer";
import { digest } from "./desired";
import { dropKnown } from "./drop";
import type { Known } from "./find";
import { newId, ownerOf, requireOurs } from "./identity";
import { withExistingLock, withLock } from "./lock";
import { madeOf } from "./made";
import { mark } from "./mark";
import { type Opened, open } from "./open";
import { newLocale } from "./replacement";

export interface Wanted extends Choice {
  readonly inputs: InstanceInputs;
  /** Of the inputs that the program or `check` gave. */
  readonly declared: readonly string[];
  /** Whose it is, beside its id: the resource's URN; undefined: whose it was. */
  readonly urn?: string;
  /** Names of settings whose values the program keeps secret. */
  readonly secrets?: readonly string[];
  /** Of an instance that exists already, wholly or half. */
  readonly known?: Known;
  /** One line a step, while it runs. */
  progress(line: string): void;
}

export interface Outcome {
  readonly id: string;
  readonly made: Made;
  /** What was found changed on the host and nobody approved to change. */
  readonly left: readonly string[];
  /** What could not be done elsewhere, and how to do it by hand. */
  readonly warnings: readonly string[];
  readonly steps: readonly Step[];
  /** What stopped it on the way; `made` is then what is there. */
  readonly failure?: unknown;
}

/**
 * Observe, plan, apply, observe. There is no create and no update: an interrupted run is continued by the next,
 * because observing finds what is done. Throws as long as nothing was changed; from then on failures are an outcome.
 */
export async function converge(wanted: Wanted): Promise<Outcome> {
  const { inputs, known, progress } = wanted;
  const refusals = known ? judgeStandby(known.remembered, inputs) : [];
  if (refusals.length > 0) throw new InvalidInputsError(refusals);
  const opened = await open(inputs, known?.remembered);
  const { target } = opened;
  const take = (locale: string) => (session: Session, inside: Target) =>
    takeSteps(wanted, { ...opened, target: inside }, { session, locale, outside: target.host });
  // The usual update: one look less. Where nothing of ours is, the rest says what is wrong.
  const isThere =
    known?.remembered.observed.existence === "present" &&
    known.remembered.dataDirectory === target.dataDirectory;
  const outcome = isThere ? await withExistingLock(target, take("")) : undefined;
  if (outcome) return outcome;
  const before = await observe(target, known?.remembered.observed);
  requireNoOther(wanted, opened, before);
  const isNew = before.observed.existence === "absent";
  if (isNew && inputs.state === "started") {
    await requireFreePort(target.host, inputs.port, target.owner);
  }
  if (isNew && opened.desired.standby) await requirePrimary(target, opened.desired.standby);
  // Before a folder is made for it, too.
  if (isNew) await requirePossible(target, opened.desired, plan(before.observed, opened.desired));
  const locale = isNew ? newLocale(opened, inputs) : "";
  // Nothing was ever made at the old place, or `diff` would have refused.
  if (known && known.remembered.dataDirectory !== target.dataDirectory) await dropKnown(known, progress);
  return withLock(target, take(locale));
}

interface Held {
  readonly session: Session;
  readonly locale: string;
  /** The host without the session. */
  readonly outside: Host;
}

async function takeSteps(wanted: Wanted, begun: Opened, held: Held): Promise<Outcome> {
  const { session, locale, outside } = held;
  const { known, progress } = wanted;
  if (session.joined) progress(`waited for ${session.joined} of an earlier run`);
  const { opened, left } = await settleUpgrade(wanted, begun, session);
  const { target, successor } = opened;
  requireNoOther(wanted, opened, left);
  requireNotLower(opened, left);
  await unhush(target, session, left);
  const found = left.hushed === "" ? left : await observe(target, known?.remembered.observed);
  const wasReady =
    found.marker?.phase === "ready" || (known !== undefined && known.remembered.phase !== "creating");
  const desired = wasReady ? opened.desired : await chooseManager(opened, found, progress);
  const agreement = agree(known?.remembered.observed ?? nothing, found.observed, desired);
  if (agreement.more.length > 0) throw differs(opened, agreement.more);
  const id = found.marker?.id ?? known?.id ?? newId(wanted.inputs.name);
  const { urnHash = "", stack } = wanted.urn === undefined ? (found.marker ?? {}) : ownerOf(wanted.urn);
  if (!known && wasReady) requireHarmless(opened, id, agreement.take);
  const chosen = choose(agreement.take, wanted);
  if (found.observed.existence === "present") await requirePort(outside, opened, found, chosen);
  requireNoStandbys(opened, found, chosen);
  requireNoSlots(opened, found, chosen);
  await requirePossible(target, desired, chosen, found);
  await requireOthers(opened, found, chosen);
  const steps: Step[] = [];
  const warnings = unseenFollowers(wanted, opened, found, chosen);
  const outcome = { id, left: agreement.left, steps, warnings };
  await mark(session, opened, found, { id, urnHash, stack, phase: wasReady ? "ready" : "creating" });
  const sight = new Sight(target, found.observed, found);
  try {
    let work: Work = {
      id,
      target,
      successor,
      progress,
      session,
      sight,
      desired,
      locale,
      wasReady,
      steps: chosen,
      isMaintenance: chosen.some(isOffline),
      secrets: wanted.secrets ?? [],
      warn: (line: string) => warnings.push(line),
    };
    const due = [...chosen];
    for (let step = due.shift(); step; step = due.shift()) {
      progress(progressOf[step.kind]);
      work = await apply(work, step);
      steps.push(step);
      if (replans.has(step.kind)) {
        const rest = plan((await work.sight.look()).observed, desired);
        due.splice(0, due.length, ...choose(rest, { only: wanted.only }));
      }
    }
    const after = await work.sight.look();
    const now = { ...opened, target: work.target };
    const isProved = ["none", "pending"].includes(after.observed.unapplied);
    // A reload has forgotten it already.
    if (isProved && !steps.some(({ kind }) => kind === "reload")) await forgetPrevious(session);
    // One that was made by parts is ready when nothing is missing.
    const isDone = !wanted.only || wasReady || plan(after.observed, desired).length === 0;
    const phase = isDone ? "ready" : "creating";
    await mark(session, now, after, { id, urnHash, stack, phase });
    return { ...outcome, made: madeOf(now, after.observed, wanted.declared, phase) };
  } catch (failure) {
    // The session may be what was lost; the host itself then tells, if it can be reached again.
    const seen = await observeAsIs(target, found.observed)
      .catch(() => observeAsIs({ ...target, host: outside }, found.observed))
      .catch(() => ({ target, seen: found }));
    const phase = wasReady ? "changing" : "creating";
    const now = { ...opened, target: seen.target };
    const told = afterSteps(failure, steps);
    return { ...outcome, failure: told, made: madeOf(now, seen.seen.observed, wanted.declared, phase) };
  }
}

/** The preview knew of no standby, as it was made after the last look; here it is seen. */
function unseenFollowers(
  { known }: Wanted,
  { target, desired }: Opened,
  { observed }: Observation,
  steps: readonly Step[],
): string[] {
  const words = (seen: Observed) => raisedWords(seen, desired, steps, describe(target));
  return words(known?.remembered.observed ?? nothing).length > 0 ? [] : words(observed);
}

/** What failed speaks of its own step alone. */
function afterSteps(failure: unknown, steps: readonly Step[]): unknown {
  if (!(failure instanceof Error) || steps.length === 0) return failure;
  const done = steps.map(({ kind }) => progressOf[kind]).join(", ");
  failure.message = failure.message.replace("Nothing was changed.", `What was done before stays: ${done}.`);
  return failure;
}

/** A new server is systemd's where that may be, the host's or the owner's own; what exists stays with what it has. */
async function chooseManager(
  { target, facts, desired }: Opened,
  { observed }: Observation,
  progress: (line: string) => void,
): Promise<Desired> {
  const { service } = desired;
  if (service.manager !== null || observed.service !== null || !facts.hasSystemd) return desired;
  const scope = await findScope(target);
  if (!(scope instanceof Error)) return { ...desired, service: { ...service, manager: "systemd", scope } };
  const why = `nobody may become root here, and ${target.owner} has no systemd that lingers`;
  progress(`${why}, so the server is not systemd's: a boot does not start it`);
  return { ...desired, service: { ...service, manager: "pg_ctl" } };
}

/** What an upgrade left that was cut off is taken back or brought on; then the instance is where its journal says. */
async function settleUpgrade(
  { known, progress }: Wanted,
  opened: Opened,
  session: Session,
): Promise<{ opened: Opened; left: Observation }> {
  const { target, desired } = opened;
  const found = await observe(target, known?.remembered.observed);
  const isOurs = found.journal !== undefined && known !== undefined && found.marker?.id === known.id;
  if (isOurs && isUnfinished(found.journal)) {
    progress("recovering an interrupted upgrade");
    await recover(target, session, found.journal, desired.timeouts);
  } else if (follow(target, found.journal) === target) return { opened, left: found };
  const { target: now, seen } = await observeAsIs(target, known?.remembered.observed);
  session.renamed(stateDirectory(now));
  return { opened: { ...opened, target: now }, left: seen };
}

/** PostgreSQL has no way back; only here is it known that somebody's earlier run went on. */
function requireNotLower({ target, desired }: Opened, { observed }: Observation): void {
  const { version } = desired.inputs;
  if (observed.version === null || Number(observed.version) <= Number(version)) return;
  throw new InvalidVersionError(
    `${describe(target)} was upgraded to ${observed.version} already, and cannot be lowered to ${version}`,
    { hint: `Declare version: "${observed.version}", or restore a dump into a new instance.` },
  );
}

/** What the user sees while a step runs. */
export const progressOf: Readonly<Record<Step["kind"], string>> = {
  writePassfile: "writing the password for the primary",
  init: "initdb",
  baseBackup: "base backup of the primary",
  rejoin: "becoming a standby again",
  createSlot: "making the slot on the primary",
  upgrade: "preparing the upgrade",
  finishUpgrade: "extensions and statistics after the upgrade",
  removeOldClusters: "removing what an upgrade left",
  writeConfiguration: "writing postgresql.conf",
  start: "waiting for the server",
  stop: "stopping the server",
  restart: "restarting the server",
  reload: "reloading the configuration",
  writeAccess: "writing pg_hba.conf",
  promote: "promoting the standby",
  setPassword: "setting the superuser's password",
  setReplicationRole: "setting up the replication role",
  createSlots: "making replication slots",
  setChecksums: "pg_checksums at work",
  moveWal: "moving the WAL",
  moveTablespace: "moving a tablespace",
  createTablespace: "making a tablespace",
  removeOld: "removing what was moved",
  registerService: "writing the systemd unit",
  setServiceManager: "handing the server over",
};

const putBack = "If its disk is only not mounted, or it was renamed, mount it or put it back";

/** Ours is what bears our id; for a new resource, what an interrupted create of the same resource left. */
function requireNoOther({ inputs, known, urn }: Wanted, { target }: Opened, found: Observation): void {
  const { marker, observed, journal } = found;
  if (known && observed.existence === "absent" && known.remembered.observed.existence === "present") {
    const moved = canonicalJson(inputs.host) !== canonicalJson(known.remembered.inputs.host);
    const what = moved ? "is not there" : "is gone";
    throw new InstanceNotFoundError(
      `${describe(target)} ${what}: ${target.dataDirectory} is missing or empty`,
      {
        hint: moved
          ? "`host` says how to get to an instance, and a change of it moves nothing: name the machine that has it."
          : `${putBack}, and run this again. Else run \`pulumi refresh\` to take it out of the state.`,
      },
    );
  }
  if (observed.existence === "absent" && marker === undefined) return;
  const isLost = observed.existence === "absent" && marker?.phase === "ready" && !isUnfinished(journal);
  if (!known && isLost) {
    throw new InstanceStateError(
      `${describe(target)} was complete, and ${target.dataDirectory} is missing or empty now. Nothing was made in its place.`,
      {
        hint: `${putBack}, and run this again. For a new, empty one remove ${stateDirectory(target)} on the host first.`,
      },
    );
  }
  if (known) {
    requireOurs(target, found, known.id);
    return;
  }
  if (marker && urn !== undefined && marker.urnHash === digest(urn)) {
    requireOurs(target, found, marker.id);
    return;
  }
  const whose = marker ? `belongs to ${marker.id}` : "was not made by this provider";
  throw new InstanceExistsError(
    `${describe(target)}: what is at ${target.dataDirectory} ${whose}. It was not touched.`,
    {
      hint: "Declare another dataDirectory or name.",
    },
  );
}

/** Only where a server is about to take the port: what holds it is no reason against anything else. */
async function requirePort(
  outside: Host,
  { target, desired }: Opened,
  { postmaster }: Observation,
  steps: readonly Step[],
): Promise<void> {
  const { port } = desired.inputs;
  const takes = steps.some(({ kind }) => kind === "start" || kind === "restart" || kind === "upgrade");
  if (takes && postmaster?.port !== port) await requireFreePort(target.host, port, target.owner, outside);
}

/** As `diff` does by what the state remembers. */
function requireNoStandbys({ target }: Opened, { observed }: Observation, steps: readonly Step[]): void {
  const why = standbysInTheWay(observed, steps);
  if (!why) return;
  throw new InstanceStateError(`dataChecksums: ${describe(target)}: ${why}`, {
    hint: "Nothing was changed.",
  });
}

/** As `diff` does: since then somebody may have made one. */
function requireNoSlots({ desired }: Opened, { observed }: Observation, steps: readonly Step[]): void {
  const failures = findStep(steps, "writeConfiguration") ? slotsInTheWay(observed, desired.inputs) : [];
  if (failures.length > 0) throw new InvalidInputsError(failures);
}

/** What other servers must allow is looked at before the first change here. */
async function requireOthers(
  { target, desired }: Opened,
  found: Observation,
  steps: readonly Step[],
): Promise<void> {
  const rejoin = findStep(steps, "rejoin");
  if (rejoin && desired.standby) await requireRejoin(target, desired.standby, rejoin.how, found);
  const promotes = findStep(steps, "promote") && found.observed.role === "standby";
  if (promotes) await requirePromotable(target, desired, found, steps);
}

/**
 * A state that lost a finished instance says "create"; its preview announced nothing that such an instance would notice.
 * @throws InstanceExistsError
 */
function requireHarmless({ target }: Opened, id: string, steps: readonly Step[]): void {
  const noticed = steps.filter((step) => noticeable.includes(effectOf[step.kind]));
  if (noticed.length === 0) return;
  throw new InstanceExistsError(
    `${describe(target)} exists already as ${id}, which this resource made before its state was lost. ` +
      `To be as declared it needs a ${noticed.map((step) => step.kind).join(", ")}, which the preview of a create does not announce.`,
    {
      hint: "Nothing was changed. Restore the state, or declare the instance as it is and run `pulumi up` again.",
    },
  );
}

const noticeable: readonly Effect[] = ["restart", "downtime", "loss"];

function differs({ target }: Opened, more: readonly string[]): InstanceStateError {
  return new InstanceStateError(`host differs from state: ${more.join("; ")} on ${target.host.name}`, {
    hint: "Nothing was changed. Run `pulumi refresh`, look at the preview, and run `pulumi up` again.",
  });
}
