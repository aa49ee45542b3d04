import { InstanceStateError } from "../errors";
import { throughShell } from "../host/session";
import { type Address, query } from "../server/connect";
import type { Rows } from "../server/exchange";
import { addressOf, observe } from "../server/observe";
import { describe } from "../server/target";
import { findExisting, type HostArgs, type Ref } from "./find";
import { open } from "./open";

export type { Row, Rows } from "../server/exchange";

/** How a statement runs. */
export interface QueryOptions {
  /** Default: postgres. */
  readonly database?: string;
  /** Seconds until an answer must be there. Default: 30. */
  readonly timeout?: number;
}

/**
 * The superuser's way to a running instance, as the provider itself goes it: over the server's own socket, as its owner,
 * without a password. Nothing is open between two calls: each is a session of its own, so a restart in between does not
 * matter, and neither does a role's or a database's own search_path, time limit or the like.
 */
export interface Client {
  /** As messages call the instance, as in "17/orders on db1". */
  readonly instance: string;
  /**
   * Runs one statement, or several in one transaction, which is undone when one fails.
   * @returns the rows of the last
   * @throws QueryError with the server's words
   */
  query(statements: string | readonly string[], options?: QueryOptions): Promise<Rows>;
  /** Ends it; later calls are refused. */
  close(): void;
  /** As `close`, at the end of a block: `using client = await connect(host, ref)`. */
  [Symbol.dispose](): void;
}

/**
 * A client of an instance that runs.
 *
 * @example
 * const client = await connect({ local: {} }, { name: "orders", version: "17" });
 * const [row] = await client.query("SELECT count(*)::int AS sessions FROM pg_stat_activity");
 * @throws InstanceStateError when it does not run
 * @throws InstanceNotFoundError
 */
export async function connect(host: HostArgs, ref: Ref): Promise<Client> {
  const { remembered } = await findExisting(host, ref, "files");
  const { target } = await open(remembered.inputs, remembered);
  const instance = describe(target);
  let closed = false;
  await locate();
  return {
    instance,
    async query(statements, { database, timeout = 30 } = {}) {
      if (closed) throw new InstanceStateError(`query: the client of ${instance} is closed`);
      const all = typeof statements === "string" ? [statements] : statements;
      const address = await locate();
      // A shell of its own: nobody else waits for a long statement, and none is ever sent twice.
      const shell = await target.host.reserve(target.owner);
      const host = throughShell(target.host, shell, target.owner);
      const databases = database === undefined ? undefined : [database];
      const results = await query({ ...address, host }, all, timeout, databases).finally(shell.release);
      return results.at(-1) ?? [];
    },
    close,
    [Symbol.dispose]: close,
  };

  function close(): void {
    closed = true;
  }

  /** Its socket may have moved since. */
  async function locate(): Promise<Address> {
    const { postmaster } = await observe(target, remembered.observed);
    if (postmaster) return addressOf(target, postmaster);
    throw new InstanceStateError(`connect: ${instance} does not run`, { hint: "Start it first." });
  }
}

/** Whether pg_settings says that a setting waits for a restart. */
export async function pendingRestart(client: Client): Promise<boolean> {
  const [row] = await client.query(
    "SELECT coalesce(bool_or(pending_restart), false) AS pending FROM pg_settings",
  );
  return row?.pending === true;
}

/** A row of pg_settings: https://www.postgresql.org/docs/current/view-pg-settings.html */
export interface SettingRow {
  /** As PostgreSQL spells it. */
  readonly name: string;
  /** In the base unit. */
  readonly setting: string | null;
  /** The base unit; null: none. */
  readonly unit: string | null;
  /** As in the manual's chapters. */
  readonly category: string;
  /** One line. */
  readonly description: string;
  /** When it can be set, as in `postmaster` (a restart) or `sighup` (a reload). */
  readonly context: string;
  /** `bool`, `enum`, `integer`, `real` or `string`. */
  readonly vartype: string;
  /** Where the value comes from, as in `configuration file`. */
  readonly source: string;
  /** Least value; null where there is none. */
  readonly min: string | null;
  /** Greatest value; null where there is none. */
  readonly max: string | null;
  /** What an enum may be; null for others. */
  readonly enumvals: readonly string[] | null;
  /** The compiled default. */
  readonly bootValue: string | null;
  /** What RESET would make of it. */
  readonly resetValue: string | null;
  /** Absolute path of the file that sets it; null: none does. */
  readonly sourceFile: string | null;
  /** Line in that file. */
  readonly sourceLine: number | null;
  /** Whether the file says something else, which waits for a restart. */
  readonly pendingRestart: boolean;
}

/** The rows of pg_settings, by name. Values of text settings are among them, and one may be a secret. */
export async function settings(client: Client): Promise<readonly SettingRow[]> {
  const rows = await client.query(`
    SELECT name, setting, unit, category, short_desc AS description, context, vartype, source, min_val AS min,
           max_val AS max, to_json(enumvals) AS enumvals, boot_val AS "bootValue", reset_val AS "resetValue",
           sourcefile AS "sourceFile", sourceline AS "sourceLine", pending_restart AS "pendingRestart"
      FROM pg_settings ORDER BY name`);
  return rows as unknown as readonly SettingRow[];
}
