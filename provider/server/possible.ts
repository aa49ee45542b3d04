import type { Step, StepKind } from "../plan/step";
import { requireChecksumsProgram } from "./checksums";
import type { Target } from "./target";

type Require<K extends StepKind> = (target: Target, step: Extract<Step, { kind: K }>) => Promise<void>;

/** What a step needs of the host, looked at before the first of all steps: nothing is stopped for what cannot be done. */
const table: { readonly [K in StepKind]?: Require<K> } = {
  setChecksums: requireChecksumsProgram,
};

/** @throws before anything was changed */
export async function requirePossible(target: Target, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const require = table[step.kind] as Require<StepKind> | undefined;
    await require?.(target, step);
  }
}
