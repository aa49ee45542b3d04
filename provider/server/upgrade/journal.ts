import type { Session } from "../../host/session";
import { type UpgradeMode, upgradeStages } from "../../postgresql/upgrade-programs";
import type { Major } from "../../postgresql/version";
import type { Observed } from "../../schema/observed";
import type { Target } from "../target";

export type Stage = NonNullable<Observed["upgrade"]>["stage"];

/** What an upgrade leaves in the state directory before it begins: enough for whoever comes next to go on, or back. */
export interface Journal {
  readonly from: Major;
  readonly to: Major;
  readonly mode: UpgradeMode;
  /** Of the new cluster: where it will live, and by which programs. */
  readonly dataDirectory: string;
  readonly binDirectory: string;
  /** Where the old cluster stays. */
  readonly oldCluster: string;
  readonly oldBinDirectory: string;
  /** Locations of tablespaces: pg_upgrade makes a folder in each. */
  readonly tablespaces: readonly string[];
  /** Old clusters that earlier upgrades left. */
  readonly keptBefore: readonly string[];
  /** Nothing is kept any more. */
  readonly isOldRemoved: boolean;
  /** It was stopped before, and is to be so again. */
  readonly staysStopped?: boolean;
}

/** The journal's files in the state directory; the scripts of an upgrade write the second by themselves. */
export const journalFile = "upgrade.json";
export const stageFile = "upgrade.stage";

/** undefined where no upgrade was ever begun, or what was begun was given up. */
export function parseJournal(text: string, stageText: string): (Journal & { stage: Stage }) | undefined {
  const stage = upgradeStages.find((known) => known === stageText.trim());
  if (!stage) return undefined;
  try {
    const journal: Partial<Journal> = JSON.parse(text);
    return typeof journal.dataDirectory === "string" ? { ...(journal as Journal), stage } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeJournal(session: Session, journal: Journal, stage: Stage): Promise<void> {
  const { from, to, mode, dataDirectory, binDirectory, oldCluster } = journal;
  const { oldBinDirectory, tablespaces, keptBefore, isOldRemoved, staysStopped } = journal;
  const way = { from, to, mode, dataDirectory, binDirectory, oldCluster, oldBinDirectory };
  const text = JSON.stringify({ ...way, tablespaces, keptBefore, isOldRemoved, staysStopped }, null, 2);
  await session.write(journalFile, `${text}\n`);
  await session.write(stageFile, `${stage}\n`);
}

export type Journaled = Journal & { readonly stage: Stage };

/** As the state has it. */
export function upgradeOf(journal: Journaled | undefined): Observed["upgrade"] {
  if (!journal) return null;
  const { from, to, mode, stage, keptBefore } = journal;
  const isThere = (stage === "finishing" || stage === "done") && !journal.isOldRemoved;
  return { from, to, mode, stage, kept: [...keptBefore, ...(isThere ? [journal.oldCluster] : [])] };
}

/** Neither the old cluster nor the new one is whole in its place. */
export function isUnfinished(journal: Journaled | undefined): boolean {
  return journal !== undefined && journal.stage !== "finishing" && journal.stage !== "done";
}

/** Where the instance is by now: an upgrade that nobody remembers may have moved it on. */
export function follow(target: Target, journal: Journaled | undefined): Target {
  const isMoved = journal?.stage === "finishing" || journal?.stage === "done";
  if (!journal || !isMoved || target.version !== journal.from) return target;
  const { to: version, dataDirectory, binDirectory } = journal;
  return { ...target, version, dataDirectory, binDirectory };
}
