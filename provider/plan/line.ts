/** A line for the reviewer, under the resource in the preview. */
export interface PlanLine {
  /** `warning` for a restart, downtime or loss; what a reload does, the engine's own diff says. */
  readonly severity: "info" | "warning";
  readonly text: string;
}

export const info = (text: string): PlanLine => ({ severity: "info", text });
export const warning = (text: string): PlanLine => ({ severity: "warning", text });
