import * as pulumi from "@pulumi/pulumi";
import type { AuthMethod, HbaRecord, IdentRecord, ReplicationRole } from "./access";
import { type Become, type HostArgs, type OpensshArgs, type SshArgs, sealed } from "./host";
import { provider, secretOutputs, type } from "./kind";
import { type Settings, secretSettings } from "./secret-settings";

import type { ServiceArgs } from "./service";
import { type Standby, userPart, withConninfo } from "./standby";
import { pauseTraces } from "./traces";
import type { UpgradeArgs } from "./upgrade";

import { verifierInputs } from "./verifiers";

/** Why a restart is pending: what runs, and what the next start will take. */
export interface PendingReason {
  running: string;
  wanted: string;
}

/** What can be asked of an instance. Only `version` is required. */
export interface InstanceArgs {
  /**
   * Where it runs: this machine, or one that is reached by SSH, by the provider itself (see {@link SshArgs}) or by the
   * `ssh` of where Pulumi runs (see {@link OpensshArgs}). Default: `{ local: {} }`.
   *
   * Credentials in it are made secret by the class, and nothing else is. Give a plain object rather than an output of
   * one: Pulumi takes an output that holds a secret for secret as a whole.
   *
   * A change is an update that looks whether the same instance is there, and does nothing else. `pulumi refresh` and
   * `pulumi destroy` go where the last `pulumi up` went.
   * @example { ssh: { host: "db1.example.com", user: "deploy", privateKeyFile: "~/.ssh/deploy" } }
   */
  host?: pulumi.Input<HostArgs>;

  /**
   * How the login becomes the owner. Default: by what the login is (see {@link Become}).
   *
   * A change is an update that does nothing else.
   */
  become?: pulumi.Input<Become>;

  /**
   * What clients connect to; part of the outputs `uri` and `primaryConninfo` and of nothing else. Default: the `host` of
   * `ssh` or `openssh`, which it follows when that changes, or `localhost`. Where that is a name of ssh's configuration
   * alone, say here what it stands for.
   * @example "db1.example.com"
   */
  address?: pulumi.Input<string>;

  /**
   * Name of the instance: 1 to 63 letters, digits, `_`, `.` or `-`, not beginning with `.` or `-`. Default: the
   * resource's name. Also the default of the setting `cluster_name`.
   *
   * Fixed: a change is refused in the preview.
   */
  name?: pulumi.Input<string>;

  /**
   * Major version, `"14"` to `"18"`. Required: a database's major version is a decision.
   *
   * Raising it upgrades in place by pg_upgrade (see {@link InstanceArgs.upgrade}): a downtime, which the preview announces
   * with what does not come along and how long there is a way back. Lowering it is refused.
   *
   * An upgrade keeps data, roles, locale, encoding, checksums, access files, and the lines of postgresql.conf; those that the
   * new major calls otherwise, or no longer has, are adapted, and the preview names them. Everything that can be checked
   * (programs, free space, settings, extensions, `pg_upgrade --check`) is checked while the old server runs; what fails
   * before the point of no return ends with the old server running as before, and the next `pulumi up` tries again. Past it
   * the next `pulumi up` goes on. Extensions are then updated, and statistics made.
   *
   * Not kept: physical replication slots, logical ones of a major below 17, and standbys, which must be made anew.
   * Refused: on a standby, with prepared transactions. An instance that is stopped is started for it, and stopped again.
   *
   * See https://www.postgresql.org/support/versioning/ and https://www.postgresql.org/docs/current/pgupgrade.html
   */
  version: pulumi.Input<"14" | "15" | "16" | "17" | "18">;

  /**
   * TCP port, 1 to 65535. Default: 5432. It must be free when the instance is made; an error names who holds it.
   *
   * A change restarts the server, and is refused while `restartOnChanges` is false.
   */
  port?: pulumi.Input<number>;

  /**
   * `started` (default) or `stopped`. Stopping is a downtime and said in the preview.
   */
  state?: pulumi.Input<"started" | "stopped">;

  /**
   * Settings of postgresql.conf, by PostgreSQL's names. Values as in the file (`"64MB"`, `"1min"`, `"on"`), or numbers
   * in the setting's unit, or booleans; compared by meaning, so `"1GB"` and `"1024MB"` are the same. A memory setting
   * also takes a share of the host's memory (`"25%"`), resolved once and kept (`resolvedSettings`). `null` is the
   * compiled default, whatever initdb wrote. One that is no longer declared goes back to what the file said before.
   *
   * Names, values, units and ranges are checked in the preview. What a change costs depends on the setting's context:
   * a reload; new sessions only; or a restart, which waits for `restartOnChanges`. Lines of the file that are not
   * declared stay as they are.
   *
   * The server reads the new file before it is put in place. Where a setting needs a restart, or is one of TLS, a start is
   * tried beside the running server too (15 and later): a library or certificate that is not there, or more memory than
   * the host has, changes nothing and is a `SettingsError` in the server's words. Nor is written what the server would
   * not start with because of slots or prepared transactions that it has. What stops it all the same is put back.
   *
   * See https://www.postgresql.org/docs/current/runtime-config.html
   * @example { shared_buffers: "25%", work_mem: "16MB", max_connections: 200, log_min_duration_statement: "1s" }
   */
  settings?: pulumi.Input<Settings>;

  /**
   * What becomes of settings that are in postgresql.conf or postgresql.auto.conf and that nobody declares. `"keep"`
   * (default): they stay, and `pulumi refresh` says in one line which they are. `"remove"`: their lines go, which the
   * preview names one by one; what initdb writes, where things are (`data_directory` and its like) and included files
   * are left alone. One whose removal needs a restart waits for `restartOnChanges`.
   */
  unmanagedSettings?: pulumi.Input<"keep" | "remove">;

  /**
   * Whether a setting that needs a restart gets it at once. Default: false, it is written and stays pending (output
   * `pendingRestart`). Turning it on restarts what is pending. The preview warns of a restart before it happens.
   */
  restartOnChanges?: pulumi.Input<boolean>;

  /**
   * Any values; when they change, the server is restarted. The preview warns of it.
   * @example { certificate: certificateFingerprint }
   */
  restartTriggers?: pulumi.Input<unknown>;

  /**
   * Authentication methods of the last records in pg_hba.conf: `local` for Unix sockets, `host` for TCP from this
   * machine (both default to `scram-sha-256`), `hostssl` for TLS from anywhere (no record by default). Before every
   * other record stands the provider's own way in: the owner as superuser, by `peer`.
   *
   * A change is a reload; only new sessions notice it.
   */
  auth?: pulumi.Input<{
    local?: pulumi.Input<AuthMethod>;
    host?: pulumi.Input<AuthMethod>;
    hostssl?: pulumi.Input<AuthMethod>;
  }>;

  /**
   * Records of pg_hba.conf by label: in the order of their labels, after the provider's own and before those of `auth`.
   * A record bears its label as a comment; lines without one are somebody else's (see `unmanagedHba`). A list is
   * labelled 000, 001 and so on; in a map a record that is put between two others shows as one change. Default: none.
   *
   * A change is a reload; only new sessions notice it. What the server refuses is put back as it was, with its own
   * words. A record changed or removed by hand shows in `pulumi refresh`.
   * @example { app: { type: "hostssl", database: "shop", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" } }
   */
  hba?: pulumi.Input<Record<string, pulumi.Input<HbaRecord>> | pulumi.Input<HbaRecord>[]>;

  /**
   * Records of pg_ident.conf by label, as `hba`. Default: none; the owner's own is always there.
   * @example { jo: { map: "apps", systemUser: "jo", databaseUser: "app" } }
   */
  ident?: pulumi.Input<Record<string, pulumi.Input<IdentRecord>> | pulumi.Input<IdentRecord>[]>;

  /**
   * What becomes of records in pg_hba.conf and pg_ident.conf that nobody declared: `keep` (default), and `pulumi refresh`
   * says in one line which they are; or `remove`, which the preview says with their number.
   */
  unmanagedHba?: pulumi.Input<"keep" | "remove">;

  /**
   * Name of the superuser that initdb makes. Default: `postgres`.
   *
   * A change means a new, empty cluster: a replacement, refused while `deletionProtection` is true.
   */
  superuser?: pulumi.Input<string>;

  /**
   * Password of the superuser. The resource does not have it: the class makes a SCRAM-SHA-256 verifier of it, with a
   * salt that is fixed for the resource, and only that goes to the state (encrypted) and to the server. Where the program
   * has it from the stack's configuration, Pulumi itself keeps that in the state as well (encrypted, among the inputs of
   * the default provider). Default: none; the owner logs in by `peer`.
   *
   * A change is an ALTER ROLE that no log shows. A password changed on the server shows in `pulumi refresh`.
   * The salt is made of project, stack and `name`: declare `name` where the resource may be renamed, else a rename is such
   * a change.
   */
  superuserPassword?: pulumi.Input<string>;

  /**
   * The verifier itself, as in `pg_authid.rolpassword`, where even the program shall not know the password.
   */
  superuserPasswordVerifier?: pulumi.Input<string>;

  /**
   * The role that standbys log in as: made where it is missing, given LOGIN and REPLICATION, and its password where one
   * is declared. What else it may do is not touched, and it is never dropped. Standbys also need a record in `hba`.
   * Default: none.
   *
   * A change is a CREATE or ALTER ROLE that no log shows; on a stopped server it waits for the start. A role changed on
   * the server shows in `pulumi refresh`.
   * @example { name: "replicator", password: config.requireSecret("replicatorPassword") }
   */
  replicationRole?: pulumi.Input<ReplicationRole>;

  /**
   * Physical replication slots that are there at least: missing ones are made, and keep WAL from then on. Others are
   * left alone, and one that is no longer declared is not dropped. Default: none.
   *
   * Needs `max_replication_slots` above their number. See
   * https://www.postgresql.org/docs/current/warm-standby.html#STREAMING-REPLICATION-SLOTS
   * @example ["standby1"]
   */
  replicationSlots?: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * Data checksums. Default: true for a new instance; of one that exists, as found while it is not declared.
   *
   * A change stops the server, which the preview warns of: pg_checksums then writes every page anew to switch them on
   * (about as long as reading and writing all data once), or is done in a moment to switch them off; what waits for a
   * restart is applied by the start after. A stopped instance stays stopped. An interrupted rewrite is done again by the
   * next `pulumi up`. The stop is always a fast one, whatever `stopMode` says, after a checkpoint.
   *
   * Refused while standbys are attached (stop each of them first, change this instance, then each of them, and start
   * them again), and with an `UnsupportedError` where the host lacks pg_checksums, before anything is stopped.
   * See https://www.postgresql.org/docs/current/app-pgchecksums.html
   */
  dataChecksums?: pulumi.Input<boolean>;

  /**
   * Locale of the cluster. Default: `C.UTF-8` where the host has it, else `C`. One that the host lacks is an error that
   * lists those it has.
   *
   * A change means a new, empty cluster: a replacement, refused while `deletionProtection` is true.
   */
  locale?: pulumi.Input<string>;

  /**
   * Encoding of the cluster. Default: `UTF8`.
   *
   * A change means a new, empty cluster: a replacement, refused while `deletionProtection` is true.
   */
  encoding?: pulumi.Input<string>;

  /**
   * Absolute path of the data directory. Default: `<owner's home>/pginstance/<version>/<name>`. It must not exist, or
   * be empty; its parents are made if the owner may. Beside it lies `<data directory>.pginstance` with the marker, the
   * journal and the server's log.
   *
   * An upgrade keeps a declared path, and renames the old cluster to `<data directory>.old-<version>`; the default path
   * becomes that of the new major, and the old cluster stays where it is.
   *
   * Fixed: a change is refused in the preview.
   */
  dataDirectory?: pulumi.Input<string>;

  /**
   * Absolute path of the directory that the WAL is in, for a disk of its own. Default: `pg_wal` in the data directory. It
   * must not exist, or be empty; it and its parents are made if the owner may, and what was made goes with the instance.
   *
   * A change moves the WAL with the server stopped, which the preview warns of: stop, copy, flush, switch the link, start,
   * and only then the old copy is removed. `<data directory>/pg_wal` moves it back. One that is no longer declared stays
   * where it is. There must be room for the copy; an interrupted move is gone on with by the next `pulumi up`.
   * See https://www.postgresql.org/docs/current/wal-internals.html
   * @example "/srv/wal/orders"
   */
  walDirectory?: pulumi.Input<string>;

  /**
   * Absolute path of the directory that the server makes its Unix socket in, 90 characters at most: the setting
   * `unix_socket_directories`, which is then not declared as one. It must exist, and the owner must be allowed to write to
   * it. Default: what the server was built with where the owner may write there, else `/tmp`.
   *
   * A change restarts the server, and is refused while `restartOnChanges` is false.
   * See https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-UNIX-SOCKET-DIRECTORIES
   */
  socketDirectory?: pulumi.Input<string>;

  /**
   * Tablespaces: absolute path of the directory by name. One that is missing is made by CREATE TABLESPACE, its directory
   * too if the owner may; on a stopped instance that waits for its start.
   *
   * A change of a path moves the tablespace with the server stopped, which the preview warns of, as `walDirectory` does.
   * One that is no longer declared stays as it is: it is never dropped. An instance with a tablespace that is not declared
   * is not deleted; with those that are, their data goes too, and nothing else in their directories.
   *
   * A standby has its primary's: here it says where, at its base backup and later.
   * See https://www.postgresql.org/docs/current/manage-ag-tablespaces.html
   * @example { fast: "/ssd/orders" }
   */
  tablespaces?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /**
   * Where the programs of this major are; of an upgrade, those of the new one, with pg_upgrade, pg_dump, psql and vacuumdb
   * among them. Default: found by version in the places of Debian, PGDG on RHEL and
   * Homebrew, then by `pg_config` and `PATH`.
   */
  binDirectory?: pulumi.Input<string>;

  /**
   * The user on the host that owns the data and runs the server. Default: `postgres` where it exists, else the login;
   * never root.
   *
   * Fixed: a change is refused in the preview.
   */
  owner?: pulumi.Input<string>;

  /**
   * What starts the server. `"systemd"`: a unit of its own, which a boot of the host starts, too; it needs systemd as
   * process 1, and one of two ways to a unit. A login that may become root, which then does nothing but write that unit
   * and start it. Or an owner who lingers (`loginctl enable-linger OWNER`, once, as root): the unit is then the owner's
   * own, in `~/.config/systemd/user`, and nobody becomes root. `"pg_ctl"`: the provider starts it as the owner, and nobody
   * else does: a boot does not.
   *
   * Default: `systemd` for a new instance where it may be had, by root before by lingering, else `pg_ctl`; then it stays.
   *
   * A unit of the owner's own does a little less: the OOM killer spares its server no more than others, a boot does not
   * wait for the network or for mounts over it, and a shutdown of the host gives all of a user two minutes
   * (`TimeoutStopSec` of `user@.service`). An owner who lingers no more is shown by `pulumi refresh`, and a start is
   * refused: the server would end with the login.
   *
   * The unit never limits a start or a stop (recovery and the last checkpoint take what they take), and a server that
   * was killed is started again after 5 s. Stops are the provider's own in either case, so `stopMode` is heeded. A unit
   * that somebody edited, masked, disabled, removed or gave a drop-in is shown by `pulumi refresh` and the preview, and
   * put right by `pulumi up` without a restart.
   *
   * A change stops the server, hands it over and starts it again, which the preview warns of.
   * Errors: UnsupportedError without systemd, where neither root nor lingering is given, and for an owner whose shared
   * memory logind would remove; nothing is stopped for it.
   */
  serviceManager?: pulumi.Input<"systemd" | "pg_ctl">;

  /** How systemd runs it (see {@link ServiceArgs}). Declaring it means `serviceManager: "systemd"`. */
  service?: pulumi.Input<ServiceArgs>;

  /**
   * Makes it the standby of another instance (see {@link Standby}). Default: none, an instance of its own.
   *
   * Adding it to an instance that has data of its own is refused, unless its `rejoin` says otherwise; taking it away is
   * refused while the instance is a standby: promote it first.
   * @example { primary: orders, password: config.requireSecret("replicatorPassword") }
   */
  standby?: pulumi.Input<Standby>;

  /**
   * true: the instance exists already, and `pulumi up` takes it over as it is, whoever made it: another stack, pglift,
   * Debian's postgresql-common, or somebody by hand. Default: false, what is there already is refused.
   *
   * No file of it is changed and nothing is restarted: a marker is made beside its data directory, and the update says
   * what differs from the program; the next `pulumi preview` plans that. Version, `port`, `superuser`, `locale`,
   * `encoding` and `standby` must be as they are, and an error names those that are not. What is not declared stays as
   * it was, but for what another stack had declared: that goes back as if it were taken out of the program. No
   * `cluster_name` is set, and no record is put into pg_hba.conf before `hba`, `ident` or `auth` is declared.
   * The server has to let the owner in as `superuser` by itself (`peer`).
   *
   * Configuration outside the data directory (`/etc/postgresql/15/main`) is edited where it is. Such an instance is not
   * upgraded by the provider and does not `rejoin`; deleting it leaves those files.
   *
   * Looked at when the resource is made, and never again: it may stay. `npx pulumi-pginstance list` shows what there is.
   * @example { version: "15", dataDirectory: "/var/lib/postgresql/15/main", adopt: true }
   */
  adopt?: pulumi.Input<boolean>;

  /**
   * Refuses the deletion and any replacement. Default: true. A plain boolean also sets Pulumi's `protect`, so that a
   * removal from the program is refused in the preview already. Turning it off needs a word on `finalDump`.
   */
  deletionProtection?: pulumi.Input<boolean>;

  /**
   * What is kept of the data when the instance is deleted or replaced: the absolute path of a directory on the host,
   * outside the instance's own, for a file of everything by pg_dumpall; or `"skip"`: nothing. Default: nothing for an
   * instance that was never protected. One that is protected must have it declared when `deletionProtection` becomes
   * false; without it the preview refuses.
   *
   * The directory is made if the owner may. The server is stopped first and runs for the dump alone, on a private socket
   * without TCP, so that the file has everything that was committed. It is called `<name>-<version>-<time>.sql`, has the
   * mode 0600, and is written whole or not at all; `psql -f` of the same or a newer major reads it.
   *
   * The deletion fails, and leaves the instance as it was, when pg_dumpall, pg_dump and psql of this major or a newer one
   * are not on the host, the directory cannot be written to or has less room than the databases take, a database takes
   * no connections, or the dump fails. Pulumi's `deletedWith` and `retainOnDelete` delete nothing and make no dump.
   *
   * A change is an update that does nothing else. See https://www.postgresql.org/docs/current/app-pg-dumpall.html
   * @example "/var/backups/postgresql"
   */
  finalDump?: pulumi.Input<string>;

  /**
   * How the server is stopped and restarted: `fast` (default) ends sessions, `smart` waits for them, `immediate` is a
   * crash. See https://www.postgresql.org/docs/current/server-shutdown.html
   */
  stopMode?: pulumi.Input<"smart" | "fast" | "immediate">;

  /**
   * Seconds to wait, 1 to 604800: `start` (default 60), `stop` (default 300), `promote` (default 60), `upgrade` (default
   * 86400, for pg_upgrade and again for statistics). Past a limit nothing is killed: the error says what the server is
   * doing, and the next `pulumi up` looks again.
   */
  timeouts?: pulumi.Input<{
    start?: pulumi.Input<number>;
    stop?: pulumi.Input<number>;
    promote?: pulumi.Input<number>;
    upgrade?: pulumi.Input<number>;
  }>;

  /**
   * How a raised `version` is carried out. No change of it does anything by itself, but for `keepOld: false`.
   */
  upgrade?: pulumi.Input<UpgradeArgs>;
}

/** How to get to an instance that exists, and which it is. */
export type InstanceGetArgs = Pick<
  InstanceArgs,
  | "host"
  | "become"
  | "address"
  | "name"
  | "version"
  | "dataDirectory"
  | "binDirectory"
  | "owner"
  | "superuser"
>;

/**
 * A PostgreSQL instance on a host of yours: data directory, configuration and server process.
 *
 * @example
 * const orders = new Instance("orders", {
 *   version: "17",
 *   settings: { shared_buffers: "25%", max_connections: 200 },
 * });
 * export const uri = orders.uri;
 */
export class Instance extends pulumi.CustomResource {
  /** What clients connect to. */
  declare readonly address: pulumi.Output<string>;
  /** Name of the instance. */
  declare readonly name: pulumi.Output<string>;
  /** Major version. */
  declare readonly version: pulumi.Output<string>;
  /** TCP port. */
  declare readonly port: pulumi.Output<number>;
  /** `started` or `stopped`. */
  declare readonly state: pulumi.Output<"started" | "stopped">;
  /** Name of the superuser. */
  declare readonly superuser: pulumi.Output<string>;
  /** Absolute path of the data directory. */
  declare readonly dataDirectory: pulumi.Output<string>;
  /** Where the programs are. */
  declare readonly binDirectory: pulumi.Output<string>;
  /** The user that runs the server. */
  declare readonly owner: pulumi.Output<string>;
  /** Where the WAL is. */
  declare readonly walDirectory: pulumi.Output<string>;
  /** Whether the cluster has data checksums. */
  declare readonly dataChecksums: pulumi.Output<boolean>;
  /** Locale of the cluster. */
  declare readonly locale: pulumi.Output<string>;
  /** Encoding of the cluster. */
  declare readonly encoding: pulumi.Output<string>;
  /** Minor version of the server, as in `"17.10"`. */
  declare readonly serverVersion: pulumi.Output<string>;
  /** Of the cluster, from pg_control; a standby has its primary's. */
  declare readonly systemIdentifier: pulumi.Output<string>;
  /** `primary` or `standby`. */
  declare readonly role: pulumi.Output<"primary" | "standby">;
  /** Where the server writes what does not go to a log of its own. */
  declare readonly logFile: pulumi.Output<string>;
  /** The systemd unit that starts it, the host's or the owner's own; undefined: none does. */
  declare readonly unit: pulumi.Output<string | undefined>;
  /** Keys that were taken at the first contact (`hostKeyPolicy: "accept-new"`), by host: compare them with the hosts' own. */
  declare readonly hostKeys: pulumi.Output<Record<string, string>>;
  /** Whether some setting, or a newer minor version, waits for a restart. */
  declare readonly pendingRestart: pulumi.Output<boolean>;
  /** What waits, and what runs instead. Values of string settings are not shown. */
  declare readonly pendingRestartReasons: pulumi.Output<Record<string, PendingReason>>;
  /** Shares of memory as they were resolved. */
  declare readonly resolvedSettings: pulumi.Output<Record<string, string>>;
  /** Memory of the host in bytes. */
  declare readonly hostMemory: pulumi.Output<number>;
  /** `ready`, or how far an interrupted run came: `creating`, `changing`. */
  declare readonly phase: pulumi.Output<"creating" | "changing" | "ready">;
  /** `postgresql://` address for the superuser, without password; known in the preview. */
  readonly uri: pulumi.Output<string>;
  /**
   * Connection string for a standby of this instance, with the name of its `replicationRole` (a standby's is the one it
   * uses itself), without password; known in the preview.
   */
  readonly primaryConninfo: pulumi.Output<string>;

  /**
   * An instance that exists, as a resource that this stack reads and never changes or deletes. It is looked for at
   * preview, too, and it is an error when there is none, or another.
   *
   * @param name of the resource in this stack
   * @param id the output `id` of the stack that made it
   * @param args how to get there and which it is: `host`, `become`, `version`, and what is not the default of `name`,
   * `dataDirectory`, `binDirectory`, `owner`, `superuser` and `address`
   * @example
   * const orders = Instance.get("orders", ordersId, { version: "17", host: { ssh: { host: "db1.example.com" } } });
   */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    args: InstanceGetArgs,
    options?: pulumi.CustomResourceOptions,
  ): Instance {
    return new Instance(name, { ...args, deletionProtection: undefined }, { ...options, id });
  }

  constructor(name: string, args: InstanceArgs, options: pulumi.CustomResourceOptions = {}) {
    const { superuserPassword, ...inputs } = args;
    const urn = pulumi.createUrn(name, type, options.parent);
    const computed = Object.fromEntries(outputs.map((output) => [output, undefined]));
    const isRead = options.id !== undefined;
    const given = {
      ...inputs,
      ...sealed({ ...args, standby: withConninfo(args.standby) }),
      ...verifierInputs(name, args),
      __provider: provider,
      __urn: urn,
      __secretSettings: secretSettings(args.settings),
    };
    const properties = Object.entries(given).filter(([, value]) => value !== undefined);
    const protect = isRead ? undefined : protection(args.deletionProtection);
    const traceAgain = pauseTraces();
    try {
      super(
        type,
        name,
        { ...computed, ...Object.fromEntries(properties) },
        pulumi.mergeOptions({ protect, hideDiffs: hidden, additionalSecretOutputs: secretOutputs }, options),
      );
    } finally {
      traceAgain();
    }
    this.uri = pulumi.interpolate`postgresql://${this.superuser}@${bracketed(this.address)}:${this.port}/postgres`;
    this.primaryConninfo = pulumi.interpolate`host=${this.address} port=${this.port}${userPart(args)}`;
  }
}

/** Outputs that are no inputs, or may be absent from them: without a mention here they would not exist on the class. */
const outputs = [
  "dataDirectory",
  "binDirectory",
  "owner",
  "walDirectory",
  "dataChecksums",
  "locale",
  "encoding",
  "address",
  "name",
  "port",
  "state",
  "superuser",
  "serverVersion",
  "systemIdentifier",
  "role",
  "logFile",
  "unit",
  "hostKeys",
  "pendingRestart",
  "pendingRestartReasons",
  "resolvedSettings",
  "hostMemory",
  "phase",
] as const;

/** The engine's and the provider's own, which no reviewer needs to see. */
const hidden = ["__provider", "__urn", "__defaults", "__secretSettings", "observed"];

/** The engine alone can refuse in the preview of a deletion; an output is not known early enough to ask it to. */
function protection(deletionProtection: InstanceArgs["deletionProtection"]): boolean | undefined {
  const plain = deletionProtection ?? true;
  return typeof plain === "boolean" ? plain : undefined;
}

/** An IPv6 address needs brackets in a URI, and its zone an escape. */
function bracketed(address: pulumi.Output<string>): pulumi.Output<string> {
  return address.apply((plain) => (plain.includes(":") ? `[${plain.replace("%", "%25")}]` : plain));
}
