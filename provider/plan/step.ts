import type { AccessChange, WantedRecord } from "../postgresql/access";
import type { Adaptation } from "../postgresql/carried";
import type { UpgradeMode } from "../postgresql/upgrade-programs";
import type { Major } from "../postgresql/version";

/** One setting on its way from what the files say to what the program wants. Values are texts, null is no line. */
export interface SettingChange {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  /** Without a line: what counts then, where that is not the compiled default. */
  readonly beneath?: string;
  /** What makes the server take it. */
  readonly appliedBy: "restart" | "reload" | "newSessions";
  /** False for one that the program no longer declares: it goes back to what was there before. */
  readonly declared: boolean;
}

export type ServiceManager = "systemd" | "pg_ctl";

export type AccessFileName = "hba" | "ident";

/** One record on its way; without a label it is one that nobody declared. */
export interface RecordChange extends AccessChange {
  readonly file: AccessFileName;
}

/** What can be done to an instance. Data only: `print.ts` says it, `server/apply.ts` does it. */
export type Step =
  | { readonly kind: "init" }
  /** In place of initdb: the copy of a primary. */
  | { readonly kind: "baseBackup" }
  /** The password for the primary. */
  | { readonly kind: "writePassfile" }
  | { readonly kind: "createSlot" }
  /** A primary becomes a standby of another; its own data goes. */
  | { readonly kind: "rejoin"; readonly how: "rewind" | "rebuild" }
  | {
      readonly kind: "upgrade";
      readonly from: Major;
      readonly to: Major;
      readonly mode: UpgradeMode;
      readonly jobs: number;
      /** Lines of the files that the new major does not take as they are. */
      readonly adapted: readonly Adaptation[];
      /** What the files of the new cluster have to say beyond those that are carried over. */
      readonly changes: readonly SettingChange[];
      /** What does not come along: slots, and who follows this server now. */
      readonly slots: Readonly<Record<string, "physical" | "logical">>;
      readonly standbys: readonly string[];
    }
  /** What is left to do when the new server runs: extensions and statistics. */
  | { readonly kind: "finishUpgrade"; readonly from: Major; readonly to: Major }
  /** Of clusters that upgrades left behind. */
  | { readonly kind: "removeOldClusters"; readonly kept: readonly string[] }
  | { readonly kind: "writeConfiguration"; readonly changes: readonly SettingChange[] }
  | { readonly kind: "stop"; readonly mode: "smart" | "fast" | "immediate" }
  | { readonly kind: "start" }
  | { readonly kind: "restart"; readonly because: readonly string[] }
  | { readonly kind: "reload" }
  | { readonly kind: "promote" }
  | {
      readonly kind: "writeAccess";
      readonly changes: readonly RecordChange[];
      /** All records of ours as they shall stand there. */
      readonly wanted: Readonly<Record<AccessFileName, readonly WantedRecord[]>>;
      readonly unmanaged: "keep" | "remove";
    }
  | { readonly kind: "setPassword" }
  | { readonly kind: "setReplicationRole"; readonly name: string }
  | { readonly kind: "createSlots"; readonly names: readonly string[] }
  | { readonly kind: "setChecksums"; readonly enable: boolean }
  | { readonly kind: "moveWal"; readonly from: string | null; readonly to: string }
  | {
      readonly kind: "moveTablespace";
      readonly tablespace: string;
      readonly oid: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: "createTablespace"; readonly tablespace: string; readonly location: string }
  | { readonly kind: "removeOld" }
  /** A systemd unit of ours as it shall be, or the name of somebody else's. */
  | { readonly kind: "registerService"; readonly because: readonly string[] }
  | { readonly kind: "setServiceManager"; readonly from: ServiceManager; readonly to: ServiceManager };

export type StepKind = Step["kind"];

/** What users of the database notice, from nothing to the worst. */
export const effects = ["none", "reload", "restart", "downtime", "loss"] as const;
export type Effect = (typeof effects)[number];

/** The effect of each step, in the order in which steps are taken. */
export const effectOf: Readonly<Record<StepKind, Effect>> = {
  writePassfile: "none",
  init: "none",
  baseBackup: "none",
  rejoin: "loss",
  createSlot: "none",
  upgrade: "downtime",
  finishUpgrade: "none",
  removeOldClusters: "none",
  writeConfiguration: "none",
  stop: "downtime",
  start: "none",
  restart: "restart",
  reload: "reload",
  promote: "loss",
  writeAccess: "none",
  setPassword: "none",
  setReplicationRole: "none",
  createSlots: "none",
  setChecksums: "downtime",
  moveWal: "downtime",
  moveTablespace: "downtime",
  createTablespace: "none",
  removeOld: "none",
  registerService: "none",
  setServiceManager: "downtime",
};

export function findStep<K extends StepKind>(
  steps: readonly Step[],
  kind: K,
): Extract<Step, { kind: K }> | undefined {
  return steps.find((step): step is Extract<Step, { kind: K }> => step.kind === kind);
}

/** All that steps write into the files. */
export function changesOf(steps: readonly Step[]): readonly SettingChange[] {
  return steps.flatMap((step) =>
    step.kind === "writeConfiguration" || step.kind === "upgrade" ? step.changes : [],
  );
}
