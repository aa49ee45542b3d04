import { SettingsError } from "../errors";
import { query } from "./connect";
import { addressOf, type Observation } from "./observe";
import { describe, type Target } from "./target";

/**
 * What the server would not start with is found out while it still serves, as far as it can be asked; and a checkpoint
 * keeps the downtime short, which is right without it, so a failure of that is none.
 * @throws SettingsError for a line of pg_hba.conf
 */
export async function prepareDowntime(target: Target, seen: Observation, hasTime = true): Promise<void> {
  const { observed, postmaster, refusedRecords } = seen;
  if (!postmaster || observed.server !== "running") return;
  if (refusedRecords.length > 0) {
    const lines = refusedRecords.map((line) => `\n  ${line}`).join("");
    throw new SettingsError(`access: ${describe(target)} would not start with its pg_hba.conf:${lines}`, {
      hint: "Nothing was stopped. Correct the file, and run this again.",
    });
  }
  if (hasTime) await query(addressOf(target, postmaster), ["CHECKPOINT"], 300).catch(() => undefined);
}
