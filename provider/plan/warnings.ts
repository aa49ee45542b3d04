import { unreachedRecords } from "../postgresql/hba-reach";
import { effectOfChange } from "../postgresql/setting-effects";
import type { Observed } from "../schema/observed";
import { desireAccess } from "./access";
import { type Desired, defaultAuth } from "./desired";
import { type PlanLine, warning } from "./line";
import { changesOf, findStep, type Step } from "./step";

/** What is allowed, taken by the server, and hardly what was meant. Said once, with the step that writes it. */
export function warnings(observed: Observed, desired: Desired, steps: readonly Step[]): PlanLine[] {
  return [
    ...withoutLibrary(observed, desired, steps),
    ...effects(desired, steps),
    ...unreached(desired, steps),
  ].map(warning);
}

/** Libraries that only shared_preload_libraries loads, by the prefix of their settings. */
const libraries: Readonly<Record<string, string>> = {
  auto_explain: "auto_explain",
  citus: "citus",
  cron: "pg_cron",
  pg_partman_bgw: "pg_partman_bgw",
  pg_prewarm: "pg_prewarm",
  pg_qualstats: "pg_qualstats",
  pg_stat_kcache: "pg_stat_kcache",
  pg_stat_monitor: "pg_stat_monitor",
  pg_stat_statements: "pg_stat_statements",
  pg_wait_sampling: "pg_wait_sampling",
  pgaudit: "pgaudit",
  pglogical: "pglogical",
  powa: "powa",
  repmgr: "repmgr",
  timescaledb: "timescaledb",
};
const preloads = ["shared_preload_libraries", "session_preload_libraries", "local_preload_libraries"];

function withoutLibrary(observed: Observed, { settings }: Desired, steps: readonly Step[]): string[] {
  const loaded = preloads.flatMap((name) => {
    const value = name in settings ? settings[name] : observed.settings[name]?.value;
    return (value ?? "").split(",").map((word) => word.replace(/["'\s]/g, "").replace(/^.*\/|\.so$/g, ""));
  });
  return changesOf(steps).flatMap(({ name, to }) => {
    const library = name.includes(".") && to !== null ? libraries[name.split(".")[0] ?? ""] : undefined;
    if (library === undefined || loaded.includes(library)) return [];
    return [`settings.${name} has no effect: ${library} is not in shared_preload_libraries`];
  });
}

function effects({ inputs: { version } }: Desired, steps: readonly Step[]): string[] {
  return changesOf(steps).flatMap((change) => {
    const words = effectOfChange(version, change);
    return words === undefined ? [] : [`settings.${change.name}: ${words}`];
  });
}

function unreached({ access, inputs }: Desired, steps: readonly Step[]): string[] {
  if (!findStep(steps, "writeAccess") && !findStep(steps, "init")) return [];
  // Before somebody looked at the host its owner is not known, and no record of pg_hba.conf names it.
  const { hba } = access ?? desireAccess({ ...inputs, owner: "postgres", defaultAuth });
  return unreachedRecords(hba.records)
    .filter(({ label }) => label.startsWith("hba."))
    .map(
      ({ label, by }) => `${label} is never reached: ${by} comes before it and decides for all that it means`,
    );
}
