import type { Session } from "../host/session";
import type { SettingChange } from "../plan/step";
import { writeConfiguration } from "./configuration";
import { type Observation, observe } from "./observe";
import { reloadAndVerify } from "./reload";
import type { Target } from "./target";

/**
 * A reload makes the server log the value of every setting that changed (ProcessConfigFileInternal() in guc.c), those
 * that a program keeps secret too. So while such a one is applied, the server logs nothing but a panic. What it logged
 * before lies in `hushed`, until it does so again; an interrupted run's next one takes care of that first.
 */
const name = "log_min_messages";

/** What to go back to. */
interface Hushed {
  readonly value: string | null;
  /** Whether the setting is the program's; else nothing of it is remembered. */
  readonly declared: boolean;
}

/** The changes that are left to write. Where ALTER SYSTEM decides what is logged, nothing is done: that is not ours. */
export async function hush(
  target: Target,
  session: Session,
  changes: readonly SettingChange[],
  { observed }: Observation,
): Promise<readonly SettingChange[]> {
  if (observed.server !== "running" || name in observed.overrides) return changes;
  const own = changes.find((change) => change.name === name);
  const before: Hushed = {
    value: own ? own.to : (observed.settings[name]?.value ?? null),
    declared: own?.declared ?? name in observed.originals,
  };
  await session.write("hushed", JSON.stringify(before));
  await write(target, session, "panic", true);
  return changes.filter((change) => change !== own);
}

export async function unhush(target: Target, session: Session, { hushed }: Observation): Promise<void> {
  if (hushed === "") return;
  const { value, declared }: Hushed = JSON.parse(hushed);
  await write(target, session, value, declared);
  await session.remove("hushed");
}

async function write(target: Target, session: Session, to: string | null, declared: boolean): Promise<void> {
  await writeConfiguration(target, session, [{ name, from: null, to, appliedBy: "reload", declared }]);
  const seen = await observe(target);
  if (seen.observed.server === "running") await reloadAndVerify(target, session, seen);
}
