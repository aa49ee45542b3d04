import type { Desired } from "../../provider/plan/desired";
import { isUp } from "../../provider/plan/is-up";
import { plan } from "../../provider/plan/plan";
import { replans } from "../../provider/plan/standby";
import type { SettingChange, Step, StepKind } from "../../provider/plan/step";
import { type AccessEntry, accessEntries, editAccess } from "../../provider/postgresql/access";
import { appliedBy, findSetting } from "../../provider/postgresql/settings";
import { equalValues } from "../../provider/postgresql/values";
import type { Major } from "../../provider/postgresql/version";
import type { Observed } from "../../provider/schema/observed";

/** What a host has beside what an observation shows. */
export interface Hidden {
  /** What postgresql.conf says, also where postgresql.auto.conf wins. */
  readonly conf: Observed["settings"];
  /** What the running server took at its start and its last reload; null: no server. */
  readonly running: Observed["settings"] | null;
}

export type ModelHost = Observed & { readonly hidden: Hidden };

/** A host that is as observed, with nothing behind it that the observation does not show. */
export function hostAs(observed: Observed): ModelHost {
  const conf = Object.fromEntries(
    Object.entries(observed.settings).filter(([name]) => !(name in observed.overrides)),
  );
  return { ...observed, hidden: { conf, running: isUp(observed) ? observed.settings : null } };
}

/** What a host does with the steps of a plan, without any host: enough of PostgreSQL to hold the planner against. */
export function applyToModel(
  observed: Observed | ModelHost,
  desired: Desired,
  steps: readonly Step[],
): ModelHost {
  let host = "hidden" in observed ? observed : hostAs(observed);
  const due = [...steps];
  for (let step = due.shift(); step; step = due.shift()) {
    host = applyStep(host, desired, step);
    if (replans.has(step.kind)) due.splice(0, due.length, ...plan(host, desired));
  }
  return host;
}

type Apply<K extends StepKind> = (
  host: ModelHost,
  desired: Desired,
  step: Extract<Step, { kind: K }>,
) => ModelHost;

const table: { readonly [K in StepKind]: Apply<K> } = {
  init,
  upgrade,
  finishUpgrade: (host) => ({ ...host, upgrade: host.upgrade && { ...host.upgrade, stage: "done" } }),
  removeOldClusters: (host) => ({ ...host, upgrade: host.upgrade && { ...host.upgrade, kept: [] } }),
  writeConfiguration: (host, _, { changes }) => write(host, changes),
  stop: (host) => stop(host),
  start,
  restart: (host, desired) => start(stop(host), desired),
  reload,
  writeAccess,
  setReplicationRole: (host, { inputs: { replicationRole: role } }) => ({
    ...host,
    replicationRole: role
      ? {
          name: role.name,
          verifier: role.passwordVerifier ?? host.replicationRole?.verifier ?? null,
          replicates: true,
        }
      : null,
  }),
  createSlots: (host, _, { names }) => ({ ...host, replicationSlots: [...host.replicationSlots, ...names] }),
  writePassfile: (host, { standby }) => ({ ...host, passfile: standby?.passfile?.digest ?? null }),
  baseBackup: (host, desired) => asStandby(init(host, desired)),
  rejoin: (host) => asStandby(isUp(host) ? stop(host) : host),
  createSlot: (host) => host,
  promote: (host) => {
    if (host.role !== "standby" || !isUp(host)) throw new Error("promote: no standby that runs");
    return { ...host, role: "primary", least: {} };
  },
  setPassword: (host, desired) => ({
    ...host,
    passwordVerifier: desired.inputs.superuserPasswordVerifier ?? host.passwordVerifier,
  }),
  setChecksums: (host, _, { enable }) => ({ ...clean(host), dataChecksums: enable }),
  moveWal: (host, _, { to }) => ({
    ...clean(host),
    walDirectory: to,
    leftovers: [...host.leftovers, String(host.walDirectory)],
  }),
  moveTablespace: (host, _, { tablespace, oid, from, to }) => ({
    ...clean(host),
    tablespaces: { ...host.tablespaces, [tablespace]: { oid, location: to } },
    leftovers: [...host.leftovers, from],
  }),
  createTablespace: (host, _, { tablespace, location }) => createTablespace(host, tablespace, location),
  removeOld: (host) => ({ ...host, leftovers: [] }),
  registerService: (host, desired) => ({ ...host, service: registered(host, desired) }),
  setServiceManager: (host, desired, { to }) => ({
    ...clean(host),
    service: to === "systemd" ? registered(host, desired) : null,
  }),
};

function createTablespace(host: ModelHost, name: string, location: string): ModelHost {
  if (!isUp(host)) throw new Error("tablespace: the server does not run");
  const oid = String(16384 + Object.keys(host.tablespaces).length);
  return { ...host, tablespaces: { ...host.tablespaces, [name]: { oid, location } } };
}

/** What works on the files of a stopped server refuses any other. */
function clean(host: ModelHost): ModelHost {
  if (host.server !== "stopped") throw new Error(`the server is ${host.server}`);
  return host;
}
function registered({ service }: ModelHost, desired: Desired): Observed["service"] {
  const { unit, text, enabled } = desired.service;
  const scope = service?.scope ?? desired.service.scope ?? "system";
  const name = unit ?? service?.unit ?? "pginstance-main.service";
  const whole = { unit: name, scope, lingers: true, masked: false, dropIns: [], runsOutside: false };
  return name.startsWith("pginstance-")
    ? { ...whole, text: text?.[scope] ?? null, enabled }
    : { ...whole, text: null, enabled: false };
}

/** As the primary of every model runs. */
const asStandby = (host: ModelHost): ModelHost => ({
  ...host,
  role: "standby",
  rejoining: false,
  least: { max_connections: 100, max_worker_processes: 8 },
});

function applyStep(host: ModelHost, desired: Desired, step: Step): ModelHost {
  const apply = table[step.kind] as Apply<StepKind>;
  return apply(host, desired, step);
}

/** The lines that initdb writes; the rest of the file is comments. */
export const initdbSettings: Readonly<Record<string, string>> = {
  max_connections: "100",
  shared_buffers: "128MB",
  dynamic_shared_memory_type: "posix",
  max_wal_size: "1GB",
  min_wal_size: "80MB",
  log_timezone: "Etc/UTC",
  datestyle: "iso, mdy",
  timezone: "Etc/UTC",
  default_text_search_config: "pg_catalog.english",
};

function init(host: ModelHost, { inputs, access }: Desired): ModelHost {
  if (host.existence === "present") throw new Error("initdb: the directory is not empty");
  const conf = entriesOf(initdbSettings, "postgresql.conf");
  return {
    ...host,
    existence: "present",
    version: inputs.version,
    server: "stopped",
    role: "primary",
    systemIdentifier: "7400000000000000001",
    serverVersion: `${inputs.version}.1`,
    dataChecksums: inputs.dataChecksums ?? true,
    access: access && { hba: entriesIn(access.hba.records), ident: entriesIn(access.ident.records) },
    walDirectory: inputs.walDirectory ?? "/srv/pg/data/pg_wal",
    settings: conf,
    overrides: {},
    hidden: { conf, running: null },
  };
}

export function entriesOf(values: Readonly<Record<string, string>>, file: string): Observed["settings"] {
  return Object.fromEntries(
    Object.entries(values).map(([name, value], index) => [name, { value, place: `${file}:${index + 1}` }]),
  );
}

/** pg_upgrade itself carries no configuration over: the lines are those of the old files, and what the step says. */
function upgrade(
  host: ModelHost,
  desired: Desired,
  { from, to, mode, adapted, changes }: Extract<Step, { kind: "upgrade" }>,
): ModelHost {
  if (host.version !== from) throw new Error(`pg_upgrade: there is no cluster of ${from}`);
  const rename = (lines: Observed["settings"]) => {
    const renamed = { ...lines };
    for (const { name, to: now, value } of adapted) {
      if (!(name in lines)) continue;
      delete renamed[name];
      if (now !== null && value !== null) renamed[now] = { value, place: "postgresql.conf:900" };
    }
    return renamed;
  };
  const originals = { ...host.originals };
  for (const { name, to: now } of adapted) {
    const before = originals[name];
    if (before === undefined || now === name) continue;
    delete originals[name];
    if (now !== null) originals[now] = before;
  }
  const [conf, overrides] = [rename(host.hidden.conf), rename(host.overrides)];
  const settings = { ...conf, ...overrides };
  const stopped = { ...host, server: "stopped" as const, version: to, originals, overrides, settings };
  const written = write({ ...stopped, hidden: { conf, running: null } }, changes);
  const unknown = Object.keys(written.settings).filter((name) => isRefused(to, name));
  if (unknown.length > 0) throw new Error(`postgres: unknown settings ${unknown.join(", ")}`);
  const kept = [...(host.upgrade?.kept ?? []), desired.oldCluster ?? ""];
  const after = {
    ...written,
    slots: {},
    standbys: [],
    replicationSlots: [],
    upgrade: { from, to, mode, stage: "finishing" as const, kept },
  };
  return start(after, desired);
}

const isRefused = (major: Major, name: string): boolean =>
  !name.includes(".") && findSetting(major, name) === undefined;

/** Takes overriding lines away, notes what was there first, and what a running server has to hear of still. */
function write(host: ModelHost, changes: readonly SettingChange[]): ModelHost {
  const conf = { ...host.hidden.conf };
  const overrides = { ...host.overrides };
  const originals = { ...host.originals };
  for (const { name, to, declared } of changes) {
    if (!declared) delete originals[name];
    else if (!Object.hasOwn(originals, name)) originals[name] = host.hidden.conf[name]?.value ?? null;
    delete overrides[name];
    if (to === null) delete conf[name];
    else conf[name] = { value: to, place: host.hidden.conf[name]?.place ?? "postgresql.conf:900" };
  }
  const restarts =
    ["restart", "pending"].includes(host.unapplied) ||
    changes.some((change) => change.appliedBy === "restart");
  return {
    ...host,
    settings: { ...conf, ...overrides },
    overrides,
    originals,
    unapplied: !isUp(host) ? "none" : restarts ? "restart" : "reload",
    hidden: { ...host.hidden, conf },
  };
}

const entriesIn = (records: readonly AccessEntry[]) => records.map(({ label, text }) => ({ label, text }));

/** As the file itself is edited. */
function writeAccess(
  host: ModelHost,
  _: Desired,
  { wanted, unmanaged }: Extract<Step, { kind: "writeAccess" }>,
): ModelHost {
  const edited = (file: "hba" | "ident") =>
    accessEntries(editAccess(printEntries(host.access?.[file] ?? []), wanted[file], unmanaged));
  const waits = ["restart", "pending"].includes(host.unapplied);
  return {
    ...host,
    access: { hba: edited("hba"), ident: edited("ident") },
    unapplied: !isUp(host) ? "none" : waits ? "restart" : "reload",
  };
}

export const printEntries = (entries: readonly AccessEntry[]): string =>
  entries.map(({ label, text }) => `${text}${label === null ? "" : ` # pginstance ${label}`}\n`).join("");

/** The server reads all that the files say. */
function start(host: ModelHost, desired: Desired): ModelHost {
  if (host.existence === "absent") throw new Error("start: there is no instance");
  if (isUp(host)) throw new Error("start: the server runs already");
  return {
    ...host,
    server: "running",
    pending: {},
    unapplied: "none",
    restartTriggers: desired.restartTriggers,
    hidden: { ...host.hidden, running: host.settings },
  };
}

function stop(host: ModelHost): ModelHost {
  if (!isUp(host)) throw new Error("stop: the server does not run");
  return { ...host, server: "stopped", unapplied: "none", hidden: { ...host.hidden, running: null } };
}

/** Takes what a reload can apply; of the rest the server says that it is pending. */
function reload(host: ModelHost, desired: Desired): ModelHost {
  const before = host.hidden.running;
  if (before === null) throw new Error("reload: the server does not run");
  const { version } = desired.inputs;
  const names = [...new Set([...Object.keys(before), ...Object.keys(host.settings)])];
  const running = { ...host.settings };
  for (const name of names.filter((candidate) => needsStart(version, candidate))) {
    const kept = before[name];
    if (kept === undefined) delete running[name];
    else running[name] = kept;
  }
  const pending = Object.fromEntries(
    names
      .filter((name) => needsStart(version, name))
      .map(
        (name) =>
          [
            name,
            { running: told(version, before, name), wanted: told(version, host.settings, name) },
          ] as const,
      )
      .filter(([name, { running: now, wanted }]) => !equalValues(findSetting(version, name), now, wanted)),
  );
  const isWaiting = ["restart", "pending"].includes(host.unapplied) && Object.keys(pending).length > 0;
  return { ...host, pending, unapplied: isWaiting ? "pending" : "none", hidden: { ...host.hidden, running } };
}

/** Somebody's hand: lines of postgresql.conf, and of postgresql.auto.conf by ALTER SYSTEM; null takes a line away. */
export function editByHand(
  host: ModelHost,
  edits: {
    readonly conf?: Readonly<Record<string, string | null>>;
    readonly auto?: Readonly<Record<string, string>>;
  },
): ModelHost {
  const conf = { ...host.hidden.conf };
  for (const [name, value] of Object.entries(edits.conf ?? {})) {
    if (value === null) delete conf[name];
    else conf[name] = { value, place: "postgresql.conf:77" };
  }
  const overrides = { ...host.overrides, ...entriesOf(edits.auto ?? {}, "postgresql.auto.conf") };
  return { ...host, settings: { ...conf, ...overrides }, overrides, hidden: { ...host.hidden, conf } };
}

/** Somebody's `pg_ctl reload`. */
export const reloadByHand = reload;
export const stopByHand = stop;
export const startByHand = (host: ModelHost, desired: Desired): ModelHost => ({
  ...start(host, desired),
  restartTriggers: host.restartTriggers,
});

function needsStart(version: Major, name: string): boolean {
  const setting = findSetting(version, name);
  return setting !== undefined && appliedBy(setting.context) === "restart";
}

/** What SHOW would say: the line, or the compiled default. */
function told(version: Major, settings: Observed["settings"], name: string): string {
  return settings[name]?.value ?? findSetting(version, name)?.bootValue ?? "";
}
