import { notShown } from "../postgresql/secretive";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { isUp } from "./is-up";
import { info, type PlanLine, warning } from "./line";
import { isOffline, type OfflineStep } from "./maintenance";
import { managerOf, serviceLines } from "./service";
import { isIncluded, mayShow, needsRestart, stillPending } from "./settings";
import { standbyLines } from "./standby-words";
import { findStep, type RecordChange, type ServiceManager, type SettingChange, type Step } from "./step";
import { upgradeLines } from "./upgrade-words";
import { warnings } from "./warnings";

/** Says what matters of a plan in plain words; nothing at all when users of the database notice nothing. */
export function printPlan(
  observed: Observed,
  desired: Desired,
  steps: readonly Step[],
  where: string,
): PlanLine[] {
  const instance = `${desired.inputs.version}/${desired.inputs.name} on ${where}`;
  const changes = findStep(steps, "writeConfiguration")?.changes ?? [];
  const show = (change: SettingChange) => printChange(desired, change);
  const restart = findStep(steps, "restart");
  const offline = steps.filter(isOffline);
  const stop = offline.length === 0 && isUp(observed) ? findStep(steps, "stop") : undefined;
  const pending = changes.filter(needsRestart).map(show);
  const waiting = stillPending(observed, desired, changes);
  const lines: (PlanLine | false | undefined)[] = [
    findStep(steps, "init") &&
      info(`plan: new instance ${instance}, port ${desired.inputs.port}: ${createWords(steps)}`),
    findStep(steps, "baseBackup") &&
      info(
        `plan: new standby ${instance}, port ${desired.inputs.port}: base backup of ${desired.standby?.where}, ` +
          `${tablespaceWords(desired)}${createWords(steps.filter(({ kind }) => kind !== "baseBackup"))}`,
      ),
    ...upgradeLines(observed, desired, steps, where),
    restart &&
      warning(
        `restart of ${instance}: ${restartWords(desired, restart, changes)}. Clients are disconnected.`,
      ),
    ...standbyLines(observed, desired, steps, instance),
    stop &&
      warning(
        `stop of ${instance} (${stop.mode}): downtime until it is started again.${stopWords[stop.mode]}`,
      ),
    offline.length > 0 && maintenance(observed, desired, offline, changes, instance),
    !steps.some(({ kind }) => makes.has(kind)) &&
      offline.length === 0 &&
      desired.inputs.state === "started" &&
      findStep(steps, "start") &&
      info(`plan: start of ${instance}${startWords[managerOf(observed, desired)]}`),
    isUp(observed) &&
      !restart &&
      !stop &&
      offline.length === 0 &&
      pending.length > 0 &&
      info(
        `plan: ${pending.join(", ")}: written, pending until the next restart (restartOnChanges is false)`,
      ),
    isUp(observed) &&
      steps.some(({ kind }) => kind === "reload") &&
      laterLine(changes.filter(({ appliedBy }) => appliedBy === "newSessions")),
    ...removedLines(observed, desired, changes),
    ...stayingLines(observed, desired),
    ...serviceLines(observed, desired, steps),
    ...warnings(observed, desired, steps),
    ...accessLines(steps),
    steps.length > 0 &&
      !restart &&
      offline.length === 0 &&
      isUp(observed) &&
      waiting.length > 0 &&
      warning(
        `a restart of ${instance} is pending for ${waiting.map((name) => printPending(observed, name)).join(", ")}`,
      ),
  ];
  return lines.filter((line): line is PlanLine => typeof line === "object");
}

const startWords: Readonly<Record<ServiceManager, string>> = {
  systemd: "",
  pg_ctl: " by pg_ctl; a boot of the host does not start it",
};

/** A create that makes nothing. Where it leads is not known before somebody looked. */
export function printAdoption({ inputs }: Desired, where: string): PlanLine[] {
  const place = inputs.dataDirectory ?? `<owner's home>/pginstance/${inputs.version}/${inputs.name}`;
  return [
    info(
      `plan: adopt ${inputs.version}/${inputs.name} on ${where}: ${place} is taken over as it is. No file of it is changed, ` +
        "and nothing is restarted; what differs from the program is shown, and done by the next `pulumi up`",
    ),
  ];
}

/** Where no input differs from the last run, the engine shows nothing: what is written then, in words. */
export function printChanges(desired: Desired, steps: readonly Step[]): PlanLine[] {
  const settings = findStep(steps, "writeConfiguration")?.changes ?? [];
  const records = (findStep(steps, "writeAccess")?.changes ?? []).filter(({ label }) => label !== null);
  const show = (shown: readonly RecordChange[]) =>
    shown.map(({ file, label }) => `${label} in pg_${file}.conf`);
  const lines: readonly [verb: string, words: readonly string[]][] = [
    ["write", settings.map((change) => printChange(desired, change))],
    ["write", show(records.filter(({ to }) => to !== null))],
    ["remove", show(records.filter(({ to }) => to === null))],
    ["set", steps.flatMap(({ kind }) => bySql[kind] ?? [])],
  ];
  return lines.flatMap(([verb, words]) =>
    words.length > 0 ? [info(`plan: to ${verb}: ${words.join(", ")}`)] : [],
  );
}

const bySql: Partial<Record<Step["kind"], string>> = {
  setPassword: "the superuser's password",
  setReplicationRole: "the replication role",
  createSlots: "replication slots",
};

/** A reload does not reach everybody, and a reviewer would think so. */
function laterLine(changes: readonly SettingChange[]): PlanLine | false {
  const names = changes.map(({ name }) => name).join(", ");
  return names !== "" && info(`plan: ${names}: for new sessions only, open ones keep what they have`);
}

/** The engine shows a difference then, of which the update makes nothing. */
export function printHeld(observed: Observed, desired: Desired, steps: readonly Step[]): PlanLine[] {
  const names = Object.keys(desired.settings).filter(
    (name) => observed.commandLine.includes(name) && name in observed.pending,
  );
  const isHeld = names.length > 0 && steps.length === 0 && isUp(observed);
  const { state } = desired.inputs;
  const waits = desired.standby?.status === "promoted" && observed.role === "standby" && state === "stopped";
  return [
    ...(isHeld
      ? [
          `${names.join(", ")}: the server was started with another value (its command line or environment), and only a restart ` +
            "changes that: restartOnChanges is false",
        ]
      : []),
    ...(waits ? ["the standby is promoted when it is started: what is stopped takes no promotion"] : []),
  ].map(warning);
}

function removedLines(observed: Observed, desired: Desired, changes: readonly SettingChange[]): PlanLine[] {
  const removed = changes.filter(
    ({ name, to, declared }) => !declared && to === null && !(name in observed.originals),
  );
  if (removed.length === 0) return [];
  const words = removed.map((change) => printChange(desired, change));
  return [info(`plan: settings that nobody declares are removed: ${words.join(", ")}`)];
}

/** `null` takes lines out of postgresql.conf, and out of nothing that it includes. */
function stayingLines(observed: Observed, { settings }: Desired): PlanLine[] {
  return Object.entries(settings)
    .filter(([name, value]) => value === null && isIncluded(observed, name))
    .map(([name]) => {
      const place = observed.settings[name]?.place;
      return warning(
        `${name} stays as ${place} has it: the provider changes no included file. Declare a value instead of null`,
      );
    });
}

/** What no input shows: the engine's own diff says the rest. */
function accessLines(steps: readonly Step[]): PlanLine[] {
  const records = findStep(steps, "writeAccess")?.changes ?? [];
  const own = records.filter(({ label }) => label?.startsWith("own.") || label === "auth.owner");
  const removed = records.filter(({ label }) => label === null).length;
  return [
    ...(own.length > 0
      ? [info("plan: pg_hba.conf: the provider's own records are put back, before every other")]
      : []),
    ...(removed > 0
      ? [info(`plan: ${removed} records of pg_hba.conf and pg_ident.conf that are not declared are removed`)]
      : []),
  ];
}

/** What is known before the primary is asked which it has. */
function tablespaceWords({ inputs: { tablespaces = {} } }: Desired): string {
  const places = Object.entries(tablespaces).map(([name, place]) => `${name} in ${place}`);
  if (places.length === 0) return "";
  return `its tablespaces ${places.join(", ")}, others where the primary has them, `;
}

/** These say themselves that a server starts. */
const makes: ReadonlySet<Step["kind"]> = new Set(["init", "baseBackup", "rejoin"]);
const stopWords = {
  smart: " It waits for every client to leave.",
  fast: "",
  immediate: " The next start is a crash recovery, and unlogged tables are emptied.",
} as const;

/** All that is done meanwhile, in one line; the start at its end applies what only a start does. */
function maintenance(
  observed: Observed,
  desired: Desired,
  offline: readonly OfflineStep[],
  changes: readonly SettingChange[],
  instance: string,
): PlanLine {
  const what = offline.map(offlineWords).join(", ");
  const isStarted = desired.inputs.state === "started";
  if (!isUp(observed)) {
    return info(`plan: ${what} of ${instance}, which is stopped${isStarted ? ", and its start" : ""}`);
  }
  const written = changes.filter(needsRestart);
  const waiting = stillPending(observed, desired, changes).filter(
    (name) => !written.some((change) => change.name === name),
  );
  const applied = [...written.map((change) => printChange(desired, change)), ...waiting];
  const also = isStarted && applied.length > 0 ? ` The start then applies ${applied.join(", ")}.` : "";
  const until = isStarted ? "downtime until that is done" : "downtime until it is started again";
  return warning(`stop of ${instance} (fast) for ${what}: ${until}. Clients are disconnected.${also}`);
}

const offlineTable: {
  readonly [K in OfflineStep["kind"]]: (step: Extract<OfflineStep, { kind: K }>) => string;
} = {
  setChecksums: ({ enable }) => (enable ? "data checksums in every page" : "data checksums switched off"),
  moveWal: ({ from, to }) => `WAL ${from ?? "from where it is"} -> ${to}`,
  setServiceManager: ({ from, to }) => `a hand-over from ${from} to ${to}`,
  moveTablespace: ({ tablespace, from, to }) => `tablespace ${tablespace} ${from} -> ${to}`,
};

function offlineWords(step: OfflineStep): string {
  const words = offlineTable[step.kind] as (step: OfflineStep) => string;
  return words(step);
}

const words: Partial<Record<Step["kind"], string>> = {
  init: "initdb",
  writeConfiguration: "configuration",
  registerService: "systemd unit",
  start: "start",
  setPassword: "password",
  setReplicationRole: "replication role",
  createSlots: "replication slots",
  createTablespace: "tablespace",
};

const createWords = (steps: readonly Step[]): string =>
  steps.flatMap((step) => words[step.kind] ?? []).join(", ");

function restartWords(
  desired: Desired,
  restart: Extract<Step, { kind: "restart" }>,
  changes: readonly SettingChange[],
): string {
  return restart.because
    .map((name) => {
      const change = changes.find((candidate) => candidate.name === name);
      if (change) return printChange(desired, change);
      return name === "restartTriggers" ? "restartTriggers changed" : `${name} is pending`;
    })
    .join(", ");
}

function printPending({ pending }: Observed, name: string): string {
  const { running = notShown, wanted } = pending[name] ?? {};
  return running === notShown ? name : `${name} ${running} -> ${wanted}`;
}

/** `max_connections 100 -> 200`, or the name alone where the value may be a secret. */
export function printChange(desired: Desired, { name, from, to, beneath }: SettingChange): string {
  return mayShow(desired.inputs.version, name)
    ? `${name} ${from ?? "default"} -> ${to ?? beneath ?? "default"}`
    : name;
}

/** What stays on the host although the program no longer says it. */
export function printReleased(before: InstanceInputs, observed: Observed, now: InstanceInputs): PlanLine[] {
  const isGone = before.walDirectory !== undefined && now.walDirectory === undefined;
  const wal = isGone ? [`walDirectory is no longer declared: the WAL stays in ${observed.walDirectory}`] : [];
  const tablespaces = Object.keys(before.tablespaces ?? {})
    .filter((name) => !(name in (now.tablespaces ?? {})))
    .map(
      (name) =>
        `tablespace ${name} is no longer declared: it stays as it is, and while it does, a deletion is refused`,
    );
  return [...wal, ...tablespaces].map((text) => info(`plan: ${text}`));
}
