import type { Desired } from "../plan/desired";
import type { Step, StepKind } from "../plan/step";
import { requireChecksumsProgram } from "./checksums";
import { requirePlace } from "./places";
import { placeTablespaces } from "./standby-tablespaces";
import type { Target } from "./target";

type Require<K extends StepKind> = (
  target: Target,
  step: Extract<Step, { kind: K }>,
  desired: Desired,
) => Promise<void>;

async function requireWalDirectory(
  target: Target,
  _: Step,
  { inputs: { walDirectory: directory } }: Desired,
): Promise<void> {
  if (directory !== undefined)
    await requirePlace(target, { property: "walDirectory", kind: "wal", directory });
}

/** What a step needs of the host, looked at before the first of all steps: nothing is stopped for what cannot be done. */
const table: { readonly [K in StepKind]?: Require<K> } = {
  init: requireWalDirectory,
  async baseBackup(target, step, desired) {
    await requireWalDirectory(target, step, desired);
    await placeTablespaces(target, desired);
  },
  async writeConfiguration(target, { changes }, { inputs: { socketDirectory: directory } }) {
    const isMoved = changes.some(({ name }) => name === "unix_socket_directories");
    if (directory === undefined || !isMoved) return;
    await requirePlace(target, { property: "socketDirectory", kind: "sockets", directory });
  },
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
): Promise<void> {
  for (const step of steps) {
    const require = table[step.kind] as Require<StepKind> | undefined;
    await require?.(target, step, desired);
  }
}
