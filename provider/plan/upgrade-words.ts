import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { isUp } from "./is-up";
import { info, type PlanLine, warning } from "./line";
import { findStep, type Step } from "./step";
import type { Upgrade } from "./upgrade";

/** What becomes of an upgrade, how long there is a way back, and what does not come along. */
export function upgradeLines(
  observed: Observed,
  desired: Desired,
  steps: readonly Step[],
  where: string,
): PlanLine[] {
  const upgrade = findStep(steps, "upgrade");
  const rest = findStep(steps, "finishUpgrade");
  const old = findStep(steps, "removeOldClusters");
  const { name, state } = desired.inputs;
  const again = !isUp(observed) && state === "stopped" ? " It is started for that, and stopped again." : "";
  const lines: (PlanLine | false | undefined)[] = [
    upgrade && warning(upgradeWords(desired, upgrade, where, old !== undefined) + again),
    ...(upgrade?.adapted ?? []).map(({ name: setting, note }) => info(`plan: setting ${setting} ${note}`)),
    !upgrade &&
      rest &&
      info(
        `plan: the upgrade of ${rest.from}/${name} on ${where} to ${rest.to} is finished: extensions and statistics.${again}`,
      ),
    !upgrade &&
      old &&
      warning(
        `removal of what upgrades left on ${where}: ${old.kept.join(", ")}. No way back to it from then on.`,
      ),
  ];
  return lines.filter((line): line is PlanLine => typeof line === "object");
}

function upgradeWords(desired: Desired, upgrade: Upgrade, where: string, removesOld: boolean): string {
  const { from, to, mode, jobs, slots, standbys } = upgrade;
  const lost = Object.keys(slots).filter((slot) => slots[slot] === "physical" || Number(from) < 17);
  const isDeclared = (slot: string) => desired.inputs.replicationSlots?.includes(slot);
  const kept = desired.oldCluster ? ` in ${desired.oldCluster}` : "";
  return [
    `upgrade of ${from}/${desired.inputs.name} on ${where} to ${to} by pg_upgrade (${mode}, ${jobs} job${jobs > 1 ? "s" : ""}): downtime.`,
    `${wayBack[mode]}; ${remains[mode]} ${removesOld ? "is then removed" : `stays${kept}`}.`,
    ...lost.map((slot) => `The ${slots[slot]} slot ${slot} ${isDeclared(slot) ? madeAnew : "is lost"}.`),
    ...standbys.map((standby) => `Standby ${standby} must be made anew.`),
  ].join(" ");
}

const madeAnew = "is made anew, and keeps nothing of before";

/** https://www.postgresql.org/docs/current/pgupgrade.html, "Reverting to old cluster" */
const wayBack: Readonly<Record<Upgrade["mode"], string>> = {
  copy: "Way back until the new server runs",
  clone: "Way back until the new server runs",
  link: "Way back until the new server's first start",
  swap: "No way back once the transfer begins: have a backup",
};

/** A copy can be started again by hand; what shares its files, or lost them, cannot. */
const remains: Readonly<Record<Upgrade["mode"], string>> = {
  copy: "the old cluster",
  clone: "the old cluster",
  link: "the old cluster, which shares its files with the new one,",
  swap: "what is left of the old cluster",
};
