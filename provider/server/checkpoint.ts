import { query } from "./connect";
import { addressOf, type Observation } from "./observe";
import type { Target } from "./target";

/** Keeps the downtime short; a restart is right without it, so a failure is none. */
export async function checkpoint(target: Target, { observed, postmaster }: Observation): Promise<void> {
  if (!postmaster || observed.server !== "running") return;
  await query(addressOf(target, postmaster), ["CHECKPOINT"], 300).catch(() => undefined);
}
