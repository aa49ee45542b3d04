import { tooLow, tooLowWords } from "../postgresql/replay";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { info, type PlanLine, warning } from "./line";
import { heldUp, isRaise } from "./standby";
import { findStep, type Step } from "./step";

/** What the preview says of a standby, and of what may become one or cease to be one. */
export function standbyLines(
  observed: Observed,
  desired: Desired,
  steps: readonly Step[],
  instance: string,
): (PlanLine | false | undefined)[] {
  const { standby } = desired;
  const raised = raisedWords(observed, desired, steps, instance).map((words) => info(`plan: ${words}`));
  if (!standby) return raised;
  const { where, slot, promoteWhen } = standby;
  const rejoin = findStep(steps, "rejoin");
  const isStandby = observed.existence === "present" && observed.role === "standby";
  const released = slot === null ? "" : ` Its slot ${slot} there is released.`;
  const isStopped = findStep(steps, "restart") ?? findStep(steps, "stop");
  return [
    ...(steps.length > 0 && !isStopped ? stuckLines(observed, instance, findStep(steps, "promote")) : []),
    rejoin &&
      warning(
        `${instance} becomes a standby of ${where} ${rejoinWords[rejoin.how]}. Downtime, and everything that only it has is lost.`,
      ),
    findStep(steps, "promote") &&
      warning(
        `promotion of ${instance}: it leaves ${where} for ever and begins a new timeline. What was committed there and not ` +
          `replayed here is lost. The old primary must be fenced: if it still runs, both take writes.${released} ${promoteWords[promoteWhen]}`,
      ),
    findStep(steps, "createSlot") &&
      info(
        `plan: ${instance} turns to ${where}; a slot that it had elsewhere is left there, and keeps WAL until it is dropped`,
      ),
    isStandby &&
      slot !== null &&
      findStep(steps, "stop") &&
      warning(
        `while ${instance} is stopped, its slot ${slot} on ${where} keeps WAL there without limit (max_slot_wal_keep_size)`,
      ),
    ...raised,
    ...heldUp(observed, desired).map(({ name, least, declared }) =>
      info(
        `plan: ${name} stays ${least}, which ${where} runs with; it becomes ${declared} once ${where} has that and this standby ` +
          "has replayed it: then refresh and up",
      ),
    ),
  ];
}

/** A standby that its primary was raised above. */
export function stuckLines(observed: Observed, instance: string, promotion?: Step): PlanLine[] {
  const low = tooLow(observed);
  if (low.length === 0) return [];
  const refused = promotion ? ", and its promotion is refused until then" : "";
  return [
    warning(
      `${instance} replays nothing since ${tooLowWords(low)}: a restart with at least that brings it on ` +
        `(restartOnChanges)${refused}`,
    ),
  ];
}

/**
 * What becomes of those that follow a primary; one that was promoted is such, too.
 * https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
 */
export function raisedWords(
  observed: Observed,
  desired: Desired,
  steps: readonly Step[],
  instance: string,
): string[] {
  if (observed.role === "standby" || desired.standby?.status === "streaming") return [];
  const { version } = desired.inputs;
  const changes = findStep(steps, "writeConfiguration")?.changes ?? [];
  const names = changes.filter((change) => isRaise(version, change)).map(({ name }) => name);
  const followers = followersOf(observed, desired);
  if (names.length === 0 || followers.length === 0) return [];
  return [
    `${names.join(", ")} of ${instance} is raised while ${followers.join(", ")} follow: once it runs with that, a standby ` +
      "with less pauses its replay until it is restarted with as much: refresh it, then up (restartOnChanges)",
  ];
}

/** Those that were seen, and those that a slot is kept for; such are known before anybody saw one. */
function followersOf({ standbys, slots }: Observed, { inputs }: Desired): string[] {
  const physical = Object.keys(slots).filter((name) => slots[name] === "physical");
  return [...new Set([...standbys, ...physical, ...(inputs.replicationSlots ?? [])])];
}

const rejoinWords = {
  rewind: 'by pg_rewind (if that fails, its data is of no use, and rejoin: "rebuild" is the way)',
  rebuild: "by a new base backup",
} as const;

const promoteWords = {
  primaryDown: 'Refused while the old primary answers (promoteWhen: "primaryDown").',
  always: 'Done even while the old primary answers (promoteWhen: "always").',
} as const;
