import * as pulumi from "@pulumi/pulumi";

/** What a standby can follow: an {@link Instance}, or whatever else knows its address for standbys. */
export interface Primary {
  readonly primaryConninfo: pulumi.Output<string>;
}

/**
 * Makes an instance the standby of another: its data is a base backup, and it replays what the primary writes.
 *
 * The host needs the client programs of the major (pg_basebackup, psql, pg_isready; pg_rewind for `rejoin: "rewind"`).
 * The primary needs a role that may replicate, and a pg_hba record for the database `replication` that lets it in from
 * the standby's host. A base backup that is refused is an error in the primary's own words; nothing is kept of it.
 *
 * What belongs to the data is the primary's: checksums, locale, encoding, roles and passwords are refused here.
 * Configuration is the standby's own: postgresql.conf starts as a copy of the primary's where that lies in its data
 * directory, without ALTER SYSTEM; pg_hba.conf and pg_ident.conf are as declared here. `max_connections`,
 * `max_worker_processes`, `max_wal_senders`, `max_prepared_transactions` and `max_locks_per_transaction` are never below
 * what the primary runs with, whatever is declared. One that runs when its primary is raised above it replays nothing, and
 * takes no promotion, until it is restarted with as much: `pulumi refresh` warns of it, and the next `pulumi up` with
 * `restartOnChanges` does it.
 *
 * The primary's tablespaces go to the directories that `tablespaces` names here, and without a name to the path that they
 * have on the primary; each must be empty or not there, so that on one machine all of them are named. For that the role
 * needs a session in the database `postgres` there, too. `rejoin: "rebuild"` is refused with tablespaces.
 *
 * Destroying a standby drops its slot on the primary; where that cannot be reached, a warning says what to run there.
 */
export interface Standby {
  /**
   * Whose standby: an Instance of this program, which is then made first, or a connection string with `host`, `port` and
   * `user`. Required. Another standby will do, too.
   *
   * A change makes it follow another server of the same cluster, by a reload; a slot that it had elsewhere is left.
   * @example "host=db1.example.com port=5432 user=replicator sslmode=require"
   */
  primary: Primary | pulumi.Input<string>;

  /**
   * Password of the role. The state keeps it, encrypted; on the host it is in a file of mode 0600, in no command line
   * and in no configuration file. Default: none; a `~/.pgpass` of the owner counts.
   */
  password?: pulumi.Input<string>;

  /**
   * Physical replication slot on the primary: small letters, digits and `_`, 63 at most. It is made there, and keeps all
   * WAL that this standby still needs, without limit while that is stopped. Two standbys need two. Default: made of the
   * instance's name. `false`: none.
   */
  slot?: pulumi.Input<string | false>;

  /**
   * `streaming` (default), or `promoted`: a primary of its own from then on, with a new timeline. What the old one had
   * committed and this one not replayed is lost. A standby that was promoted by hand shows in `pulumi refresh` as
   * `promoted`.
   */
  status?: pulumi.Input<"streaming" | "promoted">;

  /**
   * `primaryDown` (default): a promotion is refused in the update while the old primary answers, or while WAL that was
   * received is not replayed. `always`: it is done all the same; two servers then take writes until the old one is
   * stopped.
   */
  promoteWhen?: pulumi.Input<"primaryDown" | "always">;

  /**
   * What becomes of an instance that is a primary where a standby is declared, as an old primary after a failover:
   * `refuse` (default); `rewind`, by pg_rewind, which needs data checksums or `wal_log_hints`, and a role that is
   * superuser there or may execute what pg_rewind reads by; `rebuild`, by a new base backup, with room for two copies.
   * Either means downtime, and loses what only this instance has; the preview warns of it.
   *
   * See https://www.postgresql.org/docs/current/app-pgrewind.html
   */
  rejoin?: pulumi.Input<"refuse" | "rewind" | "rebuild">;
}

/** With a connection string in place of an Instance. */
export function withConninfo(standby: pulumi.Input<Standby> | undefined): unknown {
  if (standby === undefined) return undefined;
  if (pulumi.Output.isInstance(standby)) return standby.apply(withConninfo);
  if (standby instanceof Promise) return standby.then(withConninfo);
  const { primary } = standby;
  const isPrimary = typeof primary === "object" && primary !== null && "primaryConninfo" in primary;
  return { ...standby, primary: isPrimary ? primary.primaryConninfo : primary };
}

/** What says whom standbys log in as: the role of a primary; of a standby, which has its primary's, the one it uses itself. */
interface Login {
  readonly replicationRole?: pulumi.Input<{ name: pulumi.Input<string> }> | undefined;
  readonly standby?: pulumi.Input<Standby> | undefined;
}

/** ` user=replicator`, or nothing where nobody says. A name is no secret, whatever stands beside it. */
export function userPart({ replicationRole, standby }: Login): pulumi.Output<string> {
  const role = pulumi.output(replicationRole);
  const own = pulumi.output(withConninfo(standby) as pulumi.Input<{ primary?: string } | undefined>);
  const user = pulumi.all([role, own]).apply(([known, following]) => {
    const name = known?.name;
    if (name !== undefined) return ` user=${/^[\w.-]+$/.test(name) ? name : quoted(name)}`;
    const found = /(?:^|\s)user\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+)/.exec(following?.primary ?? "");
    return found ? ` user=${found[1]}` : "";
  });
  return pulumi.unsecret(user);
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
