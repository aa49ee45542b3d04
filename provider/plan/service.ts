import { isOurUnit } from "../postgresql/unit";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { info, type PlanLine } from "./line";
import { findStep, type ServiceManager, type Step } from "./step";

/** By what the server is started. */
export function managerOf({ service }: Observed, desired: Desired): ServiceManager {
  return desired.service.manager ?? (service === null ? "pg_ctl" : "systemd");
}

/** Of a new instance, and of one whose unit is not as it shall be. That takes effect at the next start, by itself. */
export function registration(observed: Observed, desired: Desired): Step[] {
  if (managerOf(observed, desired) !== "systemd") return [];
  if (observed.existence === "absent") return [{ kind: "registerService", because: ["new"] }];
  const because = differences(observed, desired);
  return because.length === 0 ? [] : [{ kind: "registerService", because }];
}

/** Between pg_ctl and systemd a server is handed over while it is stopped. */
export function managerChange(observed: Observed, desired: Pick<Desired, "service">) {
  const from: ServiceManager = observed.service === null ? "pg_ctl" : "systemd";
  const to = desired.service.manager ?? from;
  return from === to ? [] : [{ kind: "setServiceManager" as const, from, to }];
}

/**
 * What is somebody else's is only called by its name. One that came with an instance which was taken over stays as it
 * was while nobody declares anything of it, but for one thing: what is to be stopped stays so after a boot.
 */
function differences({ service: found, adopted }: Observed, { service: wanted }: Desired): string[] {
  if (found === null) return [];
  if (wanted.unit !== null) return found.unit === wanted.unit ? [] : [`is now ${wanted.unit}`];
  if (!isOurUnit(found.unit)) return [];
  const text = wanted.text?.[found.scope] ?? null;
  const isAsked = !adopted || wanted.manager !== null;
  const rows: readonly [differs: boolean, words: string][] = [
    [isAsked && found.masked, "is masked"],
    [isAsked && !found.masked && found.text === null, "is missing"],
    [isAsked && found.text !== null && text !== null && found.text !== text, "differs"],
    [isAsked && found.dropIns.length > 0, `has ${found.dropIns.join(", ")}`],
    [isAsked && !found.enabled && wanted.enabled, "is not enabled"],
    [found.enabled && !wanted.enabled, "is enabled"],
  ];
  return rows.filter(([differs]) => differs).map(([, words]) => words);
}

/** What happens to the unit of an instance that is there. */
export function serviceLines(observed: Observed, desired: Desired, steps: readonly Step[]): PlanLine[] {
  const step = findStep(steps, "registerService");
  if (!step || observed.service === null) return [];
  const { unit, enabled } = desired.service;
  const then = unit === null ? `: it is written again and ${enabled ? "enabled" : "disabled"}` : "";
  const goesOn = steps.length === 1 ? "; the server is not restarted" : "";
  return [info(`plan: ${observed.service.unit} ${step.because.join(", ")}${then}${goesOn}`)];
}

/** What a refresh says of a unit: it is no input of its own. */
export function servicePlaces(observed: Observed, desired: Desired): string[] {
  const { service } = observed;
  if (service === null) return [];
  const unlingering = `the owner lingers no more (loginctl enable-linger): a boot does not start ${service.unit}`;
  const outside = `the server runs outside of ${service.unit}: the next restart brings it back`;
  return [
    ...differences(observed, desired).map((words) => `${service.unit} ${words}`),
    ...(service.runsOutside ? [outside] : []),
    ...(service.lingers ? [] : [unlingering]),
  ];
}
