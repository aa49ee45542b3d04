import { CommandError, SettingsError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { Step, StepKind } from "../plan/step";
import { alterRolePassword, createPhysicalSlot, ensureReplicationRole } from "../postgresql/sql";
import { anyPlace, isOurUnit, movedUnit, unitName } from "../postgresql/unit";
import { writeAccess } from "./access";
import { baseBackup, writePassfile } from "./base-backup";
import { setChecksums } from "./checksums";
import { writeConfiguration } from "./configuration";
import { query } from "./connect";
import { backAsItWas, putBack } from "./copies";
import { prepareDowntime } from "./downtime";
import { hush, unhush } from "./hush";
import { init } from "./init";
import { createTablespace, moveTablespace, moveWal, removeOld } from "./moves";
import { addressOf } from "./observe";
import { createSlot } from "./primary";
import { promote, releaseOwnSlot } from "./promote";
import { rejoin } from "./rejoin";
import { reloadAndVerify } from "./reload";
import { requireScope } from "./scope";
import { pgCtl } from "./service";
import { Sight } from "./sight";
import { registerUnit, removeUnit } from "./systemd";
import { describe, stateDirectory, type Target } from "./target";
import { finish } from "./upgrade/finish";
import { removeOldClusters } from "./upgrade/old-clusters";
import { type Successor, upgrade } from "./upgrade/upgrade";

/** What applying a step needs. */
export interface Work {
  /** Of the instance, as the state has it. */
  readonly id: string;
  /** Where the instance is; an upgrade moves it. */
  readonly target: Target;
  /** Where an upgrade leads. */
  readonly successor?: Successor;
  readonly session: Session;
  readonly sight: Sight;
  readonly desired: Desired;
  readonly locale: string;
  /** All that will be taken. */
  readonly steps: readonly Step[];
  /** Whether the server is stopped for some of them, and nothing else is wrong with it. */
  readonly isMaintenance: boolean;
  /** Whether the instance was complete before: then somebody may be using it. */
  readonly wasReady: boolean;
  /** Names of settings whose values the program keeps secret. */
  readonly secrets: readonly string[];
  /** Told of what is left to do by hand. */
  readonly warn: (line: string) => void;
  /** One line, while a long step runs. */
  progress(line: string): void;
}

type Write = Extract<Step, { kind: "writeConfiguration" }>;
type Stop = Extract<Step, { kind: "stop" }>;
type InPlace = Exclude<StepKind, "upgrade">;
type Apply<K extends InPlace> = (work: Work, step: Extract<Step, { kind: K }>) => Promise<void>;

/** Each step, done. Every one may be done twice, and a stop between any two leaves what the next plan goes on from. */
const table: { readonly [K in InPlace]: Apply<K> } = {
  writePassfile: ({ session, desired }) => writePassfile(session, desired.standby),
  init: ({ target, session, desired, locale }) => init(target, session, desired, locale),
  baseBackup: ({ target, session, desired }) => baseBackup(target, session, desired),
  rejoin: ({ target, session, desired }, { how }) => rejoin(target, session, desired, how),
  createSlot: async ({ target, session, desired }) =>
    desired.standby ? createSlot(target, session, desired.standby) : undefined,
  writeConfiguration: writeSettings,
  start,
  stop,
  restart,
  reload,
  writeAccess: writeRecords,
  promote: promoteAndLeave,
  setPassword,
  setReplicationRole,
  createSlots,
  setChecksums: ({ target, session }, { enable }) => setChecksums(target, session, enable),
  moveWal: ({ target, session }, step) => moveWal(target, session, step),
  moveTablespace: ({ target, session }, step) => moveTablespace(target, session, step),
  createTablespace: async ({ target, session, sight }, step) =>
    createTablespace(target, session, step, await sight.look()),
  removeOld: ({ target, session }) => removeOld(target, session),
  registerService,
  setServiceManager: async (work, { to }) => {
    const { service } = (await work.sight.look()).observed;
    if (to === "systemd") await registerService(work);
    else if (service) await removeUnit(work.target, work.session, service, work.id);
  },
  finishUpgrade: async ({ target, session, sight, desired }) =>
    finish(target, session, await sight.look(), desired),
  removeOldClusters: async ({ target, session, sight }) =>
    removeOldClusters(target, session, await sight.look()),
};

/** @returns the work that is left, as it stands after the step */
export async function apply(work: Work, step: Step): Promise<Work> {
  if (step.kind === "upgrade") {
    const { target, session, successor, desired, progress } = work;
    const moved = await upgrade(target, session, step, successor, desired, progress);
    session.renamed(stateDirectory(moved));
    const now = { ...work, target: moved, sight: new Sight(moved) };
    // The old path goes on to lead there; the unit shall not need it.
    if ((await now.sight.look()).observed.service) await registerService(now);
    return now;
  }
  const run = table[step.kind] as Apply<InPlace>;
  try {
    await run(work, step);
  } catch (error) {
    work.sight.forget();
    throw error;
  }
  if (!knowsAfter.has(step.kind)) work.sight.forget();
  return work;
}

/** Steps that leave behind what is known of the instance after them. */
const knowsAfter: ReadonlySet<StepKind> = new Set(["writeConfiguration", "writeAccess", "start", "restart"]);

async function registerService({ id, target, session, sight, desired: { service } }: Work): Promise<void> {
  const found = (await sight.look()).observed.service;
  const foreign = found && !isOurUnit(found.unit) ? found.unit : undefined;
  const unit = service.unit ?? foreign ?? unitName(id);
  const scope = found?.scope ?? service.scope ?? (await requireScope(target));
  const text = movedUnit(service.text?.[scope] ?? "", anyPlace, stateDirectory(target));
  await registerUnit(target, session, { unit, scope, text, enabled: service.enabled });
}

async function writeRecords(
  { target, session, sight }: Work,
  step: Extract<Step, { kind: "writeAccess" }>,
): Promise<void> {
  const { unapplied, ...files } = await writeAccess(target, session, step, await sight.lookForReload());
  sight.wrote(unapplied, files);
}

async function writeSettings(work: Work, { changes }: Write): Promise<void> {
  const { target, session, sight } = work;
  let rest = changes;
  if (reloadsSecrets(work)) {
    rest = await hush(target, session, changes, await sight.look());
    sight.forget();
  }
  sight.wrote(await writeConfiguration(target, session, rest, await sight.look()));
}

/** A start tells its log nothing of the settings; a reload does. */
function reloadsSecrets({ secrets, steps }: Work): boolean {
  const changes = steps.flatMap((step) => (step.kind === "writeConfiguration" ? step.changes : []));
  return changes.some(({ name }) => secrets.includes(name)) && steps.some(({ kind }) => kind === "reload");
}

async function reload(work: Work): Promise<void> {
  const { target, session, sight } = work;
  const kinds = work.steps.map(({ kind }) => kind);
  // A record that somebody broke stops no change of a setting; whoever writes records needs all of them read.
  const proves = kinds.includes("writeConfiguration") && !kinds.includes("writeAccess") ? "settings" : "all";
  if (!reloadsSecrets(work)) return reloadAndVerify(target, session, await sight.lookForReload(), proves);
  try {
    await reloadAndVerify(target, session, await sight.lookForReload(), proves);
  } finally {
    sight.forget();
    await unhush(target, session, await sight.look());
  }
}

async function stop({ target, session, sight, desired, isMaintenance }: Work, { mode }: Stop): Promise<void> {
  if (isMaintenance) await prepareDowntime(target, await sight.look());
  await pgCtl(target).stop(session, mode, desired.timeouts.stop);
}

async function start(work: Work): Promise<void> {
  const { target, session, sight, desired } = work;
  if (work.isMaintenance) return startAnew(work);
  sight.forget();
  await pgCtl(target).start(session, desired.timeouts.start, desired);
  const refusal = await refusalOf(target, sight);
  if (refusal) throw new CommandError(refusal, { command: "start" });
}

async function restart(work: Work): Promise<void> {
  await prepareDowntime(work.target, await work.sight.look());
  await startAnew(work);
}

/** Stops what runs, and starts. A server that starts and lets nobody in is as bad as one that does not start. */
async function startAnew({ target, session, sight, desired }: Work): Promise<void> {
  const { stopMode } = desired.inputs;
  sight.forget();
  await pgCtl(target).restart(session, stopMode, desired.timeouts, desired);
  const refusal = await refusalOf(target, sight);
  if (refusal && (await putBack(session, target))) {
    sight.forget();
    await pgCtl(target).restart(session, stopMode, desired.timeouts);
    const hint = backAsItWas(target, `and ${describe(target)} runs again`);
    throw new SettingsError(refusal, { hint });
  }
  if (refusal) throw new CommandError(refusal, { command: "restart" });
}

/** Why the server that was just started is of no use; undefined when it answers. */
async function refusalOf(target: Target, sight: Sight): Promise<string | undefined> {
  const { postmaster, refusal } = await sight.look();
  if (!postmaster) return `start: ${describe(target)} does not run`;
  return refusal && `start: ${describe(target)} runs, but takes no sessions: ${refusal}`;
}

/** Nobody streams by its slot any more, so the old primary shall not keep WAL for it. */
async function promoteAndLeave({ target, session, sight, desired, warn }: Work): Promise<void> {
  const seen = await sight.look();
  if (seen.observed.role === "standby") await promote(target, desired.timeouts.promote, seen);
  const left = await releaseOwnSlot(target, session, await sight.look());
  if (left) warn(left);
}

async function setPassword({ target, sight, desired }: Work): Promise<void> {
  const verifier = desired.inputs.superuserPasswordVerifier;
  const { postmaster } = await sight.look();
  if (verifier === undefined || !postmaster) return;
  await query(addressOf(target, postmaster), alterRolePassword(target.superuser, verifier));
}

/** Made where it is missing; that it may log in and replicate is what it is for. */
async function setReplicationRole({ target, sight, desired }: Work): Promise<void> {
  const { replicationRole: role } = desired.inputs;
  const { postmaster, observed } = await sight.look();
  if (role === undefined || !postmaster) return;
  const isThere = observed.replicationRole?.name === role.name;
  await query(addressOf(target, postmaster), ensureReplicationRole(role, isThere));
}

async function createSlots({ target, sight }: Work, { names }: Extract<Step, { kind: "createSlots" }>) {
  const { postmaster, observed } = await sight.look();
  if (!postmaster) return;
  const missing = names.filter((name) => !observed.replicationSlots.includes(name));
  await query(addressOf(target, postmaster), missing.map(createPhysicalSlot));
}
