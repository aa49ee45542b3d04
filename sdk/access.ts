import type * as pulumi from "@pulumi/pulumi";

/**
 * A record of pg_hba.conf: who may connect from where, and how they prove who they are. The first record that fits a
 * connection decides. See https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
 *
 * @example { type: "hostssl", database: "shop", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" }
 */
export interface HbaRecord {
  /** `local` for Unix sockets, `host` for TCP, `hostssl` for TCP with TLS alone; `hostnossl`, `hostgssenc`, `hostnogssenc`. */
  type: pulumi.Input<"local" | "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc">;
  /**
   * A database, a keyword (`all`, `sameuser`, `samerole`, `replication`), or several; a name in double quotes is the
   * name even where it looks like a keyword. Default: `all`, which does not match replication.
   */
  database?: pulumi.Input<string | pulumi.Input<string>[]>;
  /** A role, `+role` for its members, `all`, or several. Default: `all`. */
  user?: pulumi.Input<string | pulumi.Input<string>[]>;
  /**
   * From where: a range as in `10.0.0.0/8`, an address with its mask, a host name, `samehost`, `samenet` or `all`.
   * Required but for `local`, which takes none.
   */
  address?: pulumi.Input<string>;
  /** As in pg_hba.conf: `scram-sha-256`, `cert`, `peer`, `reject`, `ldap`... `trust` is refused. */
  method: pulumi.Input<AuthMethod>;
  /** Options of the method, as in `{ map: "apps" }`. One that is a secret has to be given as `pulumi.secret(...)`. */
  options?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * A record of pg_ident.conf: which user of the operating system may log in as which role, where a record of
 * pg_hba.conf names the map. See https://www.postgresql.org/docs/current/auth-username-maps.html
 */
export interface IdentRecord {
  /** Name of the map, as in `options: { map: "apps" }` of an {@link HbaRecord}. */
  map: pulumi.Input<string>;
  /** A user of the operating system, or `/` and a regular expression. */
  systemUser: pulumi.Input<string>;
  /** A role. */
  databaseUser: pulumi.Input<string>;
}

/** A method of pg_hba.conf, as in `peer`, `scram-sha-256`, `cert`, `ldap`; `trust` is refused. */
export type AuthMethod = string;

/** The role that standbys of an instance log in as. */
export interface ReplicationRole {
  /** Its name, as in `"replicator"`. */
  name: pulumi.Input<string>;
  /**
   * Its password. It never leaves the program but as a SCRAM-SHA-256 verifier (see `superuserPassword`); the standby is
   * given the password itself. Default: none is set, and one that is there stays.
   */
  password?: pulumi.Input<string>;
}
