import type { Observed } from "../schema/observed";

/** Whether a server runs, however far it is: one that starts or stops counts. */
export function isUp({ existence, server }: Observed): boolean {
  return existence === "present" && server !== "stopped" && server !== "crashed";
}
