import { findStep, type Step, type StepKind } from "./step";

/** What somebody asks of a plan beyond what is declared. */
export interface Choice {
  /** Steps to take, of those that are due; undefined: all of them. */
  readonly only?: readonly StepKind[];
  /** The server shall have been started anew, even where nothing needs that. */
  readonly restart?: boolean;
}

/** The steps to take. A restart reads the files too, so it comes in place of a reload. */
export function choose(steps: readonly Step[], { only, restart }: Choice): readonly Step[] {
  const due = only ? steps.filter(({ kind }) => only.includes(kind)) : steps;
  const starts = ["start", "restart", "stop"] as const;
  if (!restart || starts.some((kind) => findStep(due, kind))) return due;
  return [...due.filter(({ kind }) => kind !== "reload"), { kind: "restart", because: ["state: restarted"] }];
}
