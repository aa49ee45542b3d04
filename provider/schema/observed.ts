import { isDeepStrictEqual } from "node:util";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { z } from "zod";
import { upgradeModes, upgradeStages } from "../postgresql/upgrade-programs";
import { majors } from "../postgresql/version";

/** A setting as the files have it, last line wins. */
const entry = z.strictObject({ value: z.string(), place: z.string() });

/** In one spelling; without a label it is somebody else's. */
const record = z.strictObject({ label: z.string().nullable(), text: z.string() });

export const observedSchema = z.strictObject({
  /** Of the data directory. It is published whole, so there is nothing between. */
  existence: z.enum(["absent", "present"]),
  /** Of the data directory; null where nothing is, and in a state from before upgrades: then it is as declared. */
  version: z.enum(majors).nullable().default(null),
  server: z.enum(["stopped", "crashed", "starting", "recovering", "running", "stopping"]),
  role: z.enum(["primary", "standby"]),
  systemIdentifier: z.string().nullable(),
  /** Of the running server, else of the binaries. */
  serverVersion: z.string().nullable(),
  dataChecksums: z.boolean().nullable(),
  locale: z.string().nullable(),
  encoding: z.string().nullable(),
  /** The effective line of each setting in postgresql.conf and postgresql.auto.conf. */
  settings: z.record(z.string(), entry),
  /** Those in postgresql.auto.conf alone: ALTER SYSTEM wins over postgresql.conf. */
  overrides: z.record(z.string(), entry),
  /** What included files say where a line after them counts. */
  beneath: z.record(z.string(), z.string()).default({}),
  /** Taken over from somebody: what nobody declared is as it was. */
  adopted: z.boolean().default(false),
  /** Configuration files that are not in the data directory, nor ours to remove. */
  elsewhere: z.array(z.string()).default([]),
  /** What postgresql.conf said before the provider took a setting over; null: nothing. */
  originals: z.record(z.string(), z.string().nullable()),
  /** Settings that the running server takes only at its next start. */
  pending: z.record(z.string(), z.strictObject({ running: z.string(), wanted: z.string() })),
  /** Settings that the server was started with, against which no file counts. */
  commandLine: z.array(z.string()).default([]),
  /**
   * Written by the provider and not taken yet: an interrupted run's next step. `pending` is what the server has read,
   * and takes at its next start.
   */
  unapplied: z.enum(["none", "reload", "restart", "pending"]),
  /** The records of pg_hba.conf and pg_ident.conf in their order, with their labels; null: not looked at yet. */
  access: z
    .strictObject({ hba: z.array(record), ident: z.array(record) })
    .nullable()
    .default(null),
  /** The declared role as the server has it; null: it has none. */
  replicationRole: z
    .strictObject({ name: z.string(), verifier: z.string().nullable(), replicates: z.boolean() })
    .nullable()
    .default(null),
  /** Those of the declared ones that are there. */
  replicationSlots: z.array(z.string()).default([]),
  /** Of the superuser, as the server has it. */
  passwordVerifier: z.string().nullable(),
  /** Digest of `restartTriggers` at the last start by the provider. */
  restartTriggers: z.string().nullable(),
  /** Who receives this server's WAL as a standby does, by slot or application name. */
  standbys: z.array(z.string()).default([]),
  /** Digest of the file with the password for the primary. */
  passfile: z.string().nullable().default(null),
  /** Of a standby: the running values of its primary, which its own must not be below. */
  least: z.record(z.string(), z.number()).default({}),
  /** A return as a standby has begun and did not end: the data is of no use until it has. */
  rejoining: z.boolean().default(false),
  /** Where pg_wal is, or leads to. */
  walDirectory: z.string().nullable().default(null),
  /** By name, or by object id where the name was never seen; without those that PostgreSQL brings. */
  tablespaces: z.record(z.string(), z.strictObject({ oid: z.string(), location: z.string() })).default({}),
  /** Directories that a move has left, or began to fill: copies of ours that are in nobody's use. */
  leftovers: z.array(z.string()).default([]),
  /** Replication slots by name: an upgrade loses physical ones, and logical ones of a major below 17. */
  slots: z.record(z.string(), z.enum(["physical", "logical"])).default({}),
  /** The last upgrade; what it has done, and where it left clusters that are kept. */
  upgrade: z
    .strictObject({
      from: z.enum(majors),
      to: z.enum(majors),
      mode: z.enum(upgradeModes),
      stage: z.enum(upgradeStages),
      kept: z.array(z.string()),
    })
    .nullable()
    .default(null),
  /** The systemd unit that starts it; null: `pg_ctl` does. */
  service: z
    .strictObject({
      unit: z.string(),
      /** Whose systemd has it: the host's, or the owner's own. */
      scope: z.enum(["system", "user"]).default("system"),
      /** Without, the owner's own is there only while the owner is logged in. Of the host's: true. */
      lingers: z.boolean().default(true),
      /** Of the unit's file, as for any state directory; null: there is none, or it is masked. */
      text: z.string().nullable(),
      enabled: z.boolean(),
      masked: z.boolean(),
      /** Files that change what the unit says. */
      dropIns: z.array(z.string()),
      /** Somebody started the server by hand. */
      runsOutside: z.boolean(),
    })
    .nullable()
    .default(null),
});

export type Observed = z.infer<typeof observedSchema>;

/**
 * As the state has it: one text, since the engine passes, logs, compares and encrypts each property for itself, and
 * packed, to less than half. Older releases had the object.
 */
export const observedState = z.preprocess((value, context) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(inflateRawSync(Buffer.from(value, "base64")).toString("utf8"));
  } catch (error) {
    context.addIssue(`is no packed JSON: ${error instanceof Error ? error.message : error}`);
    return z.NEVER;
  }
}, observedSchema);

export function printObserved(observed: Observed): string {
  return deflateRawSync(JSON.stringify(observed), { level: 9 }).toString("base64");
}

/** Whether what a state has is the same: another release of zlib may print it otherwise, and that is no drift. */
export function isSame(printed: unknown, observed: Observed): boolean {
  const parsed = observedState.safeParse(printed);
  return parsed.success && isDeepStrictEqual(parsed.data, observed);
}
