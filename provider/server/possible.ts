import { SettingsError } from "../errors";
import type { Desired } from "../plan/desired";
import type { SettingChange, Step, StepKind } from "../plan/step";
import { requireChecksumsProgram } from "./checksums";
import { query } from "./connect";
import { addressOf, type Observation } from "./observe";
import { requirePlace } from "./places";
import { requireScope, withoutLingering } from "./scope";
import { placeTablespaces } from "./standby-tablespaces";
import { requireUnitPossible } from "./systemd";
import { describe, type Target } from "./target";

type Require<K extends StepKind> = (
  target: Target,
  step: Extract<Step, { kind: K }>,
  desired: Desired,
  found: Observation | undefined,
) => Promise<void>;

async function requireWalDirectory(
  target: Target,
  _: Step,
  { inputs: { walDirectory: directory } }: Desired,
): Promise<void> {
  if (directory !== undefined)
    await requirePlace(target, { property: "walDirectory", kind: "wal", directory });
}

/** For the first unit of an instance; with one that is there it stays where that is. */
async function requireUnit(
  target: Target,
  { service }: Desired,
  found: Observation | undefined,
): Promise<void> {
  if (found?.observed.service) return;
  const scope = service.scope ?? (await requireScope(target));
  if (service.unit === null) await requireUnitPossible(target, scope);
}

/** A start by a unit that no boot would start again; unless `pg_ctl` takes over, which is a way out. */
async function requireLingering(
  target: Target,
  _: Step,
  { service }: Desired,
  found: Observation | undefined,
): Promise<void> {
  const isLost = found?.observed.service?.lingers === false && service.manager !== "pg_ctl";
  if (isLost) throw withoutLingering(target);
}

/** restoreTwoPhaseData() in src/backend/access/transam/twophase.c: with less room the server does not start. */
async function requireRoomForPrepared(
  target: Target,
  changes: readonly SettingChange[],
  found: Observation | undefined,
): Promise<void> {
  const change = changes.find(({ name }) => name === "max_prepared_transactions");
  if (!change || !found?.postmaster || found.observed.server !== "running") return;
  const [[row] = []] = await query(addressOf(target, found.postmaster), [
    "SELECT count(*)::int AS count FROM pg_prepared_xacts",
  ]);
  const count = Number(row?.count);
  const room = Number(change.to ?? change.beneath ?? 0);
  if (count <= room) return;
  throw new SettingsError(
    `max_prepared_transactions: ${describe(target)} has ${count} prepared transactions, and would not start with room for ${room}`,
    { hint: "Nothing was changed. Each needs COMMIT PREPARED or ROLLBACK PREPARED first." },
  );
}

/** What a step needs of the host, looked at before the first of all steps: nothing is stopped for what cannot be done. */
const table: { readonly [K in StepKind]?: Require<K> } = {
  init: requireWalDirectory,
  async baseBackup(target, step, desired) {
    await requireWalDirectory(target, step, desired);
    await placeTablespaces(target, desired);
  },
  async writeConfiguration(target, { changes }, { inputs: { socketDirectory: directory } }, found) {
    await requireRoomForPrepared(target, changes, found);
    const isMoved = changes.some(({ name }) => name === "unix_socket_directories");
    if (directory === undefined || !isMoved) return;
    await requirePlace(target, { property: "socketDirectory", kind: "sockets", directory });
  },
  registerService: (target, _, desired, found) => requireUnit(target, desired, found),
  async setServiceManager(target, { to }, desired, found) {
    if (to === "systemd") await requireUnit(target, desired, found);
  },
  start: requireLingering,
  restart: requireLingering,
  upgrade: requireLingering,
  setChecksums: requireChecksumsProgram,
  moveWal: (target, { from, to }) =>
    requirePlace(target, { property: "walDirectory", kind: "wal", directory: to, from }),
  moveTablespace: (target, { tablespace, from, to }) =>
    requirePlace(target, { property: `tablespaces.${tablespace}`, kind: "tablespace", directory: to, from }),
  createTablespace: (target, { tablespace, location }) =>
    requirePlace(target, { property: `tablespaces.${tablespace}`, kind: "tablespace", directory: location }),
};

/** @throws before anything was changed */
export async function requirePossible(
  target: Target,
  desired: Desired,
  steps: readonly Step[],
  found?: Observation,
): Promise<void> {
  for (const step of steps) {
    const require = table[step.kind] as Require<StepKind> | undefined;
    await require?.(target, step, desired, found);
  }
}
