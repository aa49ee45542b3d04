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
  if (!standby) return raised(observed, desired, steps, instance);
  const { where, slot, promoteWhen } = standby;
  const rejoin = findStep(steps, "rejoin");
  const isStandby = observed.existence === "present" && observed.role === "standby";
  const released = slot === null ? "" : ` Its slot ${slot} there is released.`;
  return [
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
    ...heldUp(observed, desired).map(({ name, least, declared }) =>
      info(
        `plan: ${name} stays ${least}, which ${where} runs with; it becomes ${declared} once ${where} has that and this standby ` +
          "has replayed it: then refresh and up",
      ),
    ),
  ];
}

/** https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN */
function raised(observed: Observed, desired: Desired, steps: readonly Step[], instance: string): PlanLine[] {
  const { version } = desired.inputs;
  const changes = findStep(steps, "writeConfiguration")?.changes ?? [];
  const names = changes.filter((change) => isRaise(version, change)).map(({ name }) => name);
  if (names.length === 0 || observed.standbys.length === 0) return [];
  return [
    info(
      `plan: ${names.join(", ")} of ${instance} is raised while ${observed.standbys.join(", ")} follow: once it runs with that, each ` +
        "pauses its replay until its own `pulumi up`",
    ),
  ];
}

const rejoinWords = {
  rewind: 'by pg_rewind (if that fails, its data is of no use, and rejoin: "rebuild" is the way)',
  rebuild: "by a new base backup",
} as const;

const promoteWords = {
  primaryDown: 'Refused while the old primary answers (promoteWhen: "primaryDown").',
  always: 'Done even while the old primary answers (promoteWhen: "always").',
} as const;
