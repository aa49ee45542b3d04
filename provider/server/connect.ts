import type { Duplex } from "node:stream";
import { Client } from "pg";
import { QueryError } from "../errors";
import type { Host } from "../host/host";

export interface Address {
  readonly host: Host;
  readonly owner: string;
  readonly socketDirectory: string;
  readonly port: number;
  readonly superuser: string;
}

/**
 * Rule 15 of semantics: what ALTER ROLE and ALTER DATABASE put into a session must change neither what we read nor how
 * our statements run.
 */
const sessionOptions = [
  "statement_timeout=0",
  "lock_timeout=0",
  "idle_session_timeout=0",
  "default_transaction_read_only=off",
  "synchronous_commit=local",
  "search_path=pg_catalog",
]
  .map((option) => `-c ${option}`)
  .join(" ");

/** Seconds until a server that accepted the connection must have let us in. */
const connectSeconds = 15;

/** Where sessions go; the second exists in every cluster, but it is also what CREATE DATABASE copies. */
const databases = ["postgres", "template1"];
const noSuchDatabase = "3D000";

/** Runs `body` in a session of the superuser, over the server's own socket, as its owner. */
export async function withSession<T>(
  address: Address,
  body: (session: Session) => Promise<T>,
  [database = "postgres", ...others] = databases,
): Promise<T> {
  const stream = await connectSocket(address);
  const client = clientOf(address, database, stream);
  let connected = false;
  try {
    await client.connect();
    connected = true;
    return await body({ query: (text, seconds) => query(client, text, seconds) });
  } catch (cause) {
    const error = cause instanceof QueryError ? cause : queryError(cause, address);
    if (connected || error.sqlstate !== noSuchDatabase || others.length === 0) throw error;
  } finally {
    await Promise.race([client.end().catch(() => undefined), after(1)]);
    stream.destroy();
  }
  return withSession(address, body, others);
}

async function connectSocket({ host, owner, socketDirectory, port }: Address): Promise<Duplex> {
  const socketPath = `${socketDirectory}/.s.PGSQL.${port}`;
  try {
    return await host.connect(socketPath, owner);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new QueryError(`cannot reach ${socketPath} on ${host.name}: ${words}`, { cause });
  }
}

function clientOf({ superuser, socketDirectory, port }: Address, database: string, stream: Duplex): Client {
  const client = new Client({
    stream: () => alreadyConnected(stream),
    user: superuser,
    database,
    host: socketDirectory,
    port,
    password: "",
    ssl: false,
    application_name: "pulumi-pginstance",
    client_encoding: "UTF8",
    options: sessionOptions,
    connectionTimeoutMillis: connectSeconds * 1000,
  });
  return client.on("error", () => undefined);
}

export interface Session {
  /** Runs statements (several with `;` between); the rows of each. */
  query(text: string, seconds?: number): Promise<readonly Rows[]>;
}

export type Rows = readonly Readonly<Record<string, unknown>>[];

async function query(client: Client, text: string, seconds = 30): Promise<readonly Rows[]> {
  const result: unknown = await Promise.race([
    client.query(text),
    after(seconds).then(() => {
      throw new QueryError(`no answer within ${seconds} s`);
    }),
  ]);
  const results = Array.isArray(result) ? result : [result];
  return results.map((one: { rows: Rows }) => one.rows);
}

/** The one place where pg's errors become ours. The statement is left out: it may hold a verifier. */
function queryError(cause: unknown, { host, port, superuser }: Address): QueryError {
  const error = cause as { message?: string; code?: string; detail?: string; hint?: string };
  return new QueryError(
    `session of ${superuser} at port ${port} of ${host.name}: ${error.message ?? cause}`,
    {
      sqlstate: error.code,
      detail: error.detail,
      hint: error.hint,
      cause,
    },
  );
}

function after(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000).unref());
}

/** pg wants to connect its stream itself, and sets what only a TCP socket has. */
function alreadyConnected(stream: Duplex): Duplex {
  const same = () => stream;
  return Object.assign(stream, {
    connect: () => {
      setImmediate(() => stream.emit("connect"));
      return stream;
    },
    setNoDelay: same,
    setKeepAlive: same,
    ref: same,
    unref: same,
  });
}
