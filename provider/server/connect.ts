import { QueryError } from "../errors";
import type { CommandResult, Host } from "../host/host";
import { noRelay, relay } from "../host/relay";
import { newNonce } from "../host/shell";
import { printExchange, type Rows, readExchange, sessionOptions } from "./exchange";
import { printScript, readScript } from "./psql";

export interface Address {
  readonly host: Host;
  readonly owner: string;
  readonly binDirectory: string;
  readonly socketDirectory: string;
  readonly port: number;
  readonly superuser: string;
}

/** Where sessions go; the second exists in every cluster, but it is also what CREATE DATABASE copies. */
const databases = ["postgres", "template1"];
const noSuchDatabase = "3D000";

/**
 * Runs statements in a session of the superuser, over the server's own socket, as its owner: a new connection each
 * time. Each runs when those before it have succeeded.
 * @returns the rows of each
 * @throws QueryError
 */
export async function query(
  address: Address,
  statements: readonly string[],
  seconds = 30,
  [database = "postgres", ...others] = databases,
): Promise<readonly Rows[]> {
  try {
    return await queryIn(address, database, statements, seconds);
  } catch (error) {
    const elsewhere = error instanceof QueryError && error.sqlstate === noSuchDatabase && others.length > 0;
    if (!elsewhere) throw error;
    return query(address, statements, seconds, others);
  }
}

async function queryIn(
  address: Address,
  database: string,
  statements: readonly string[],
  seconds: number,
): Promise<readonly Rows[]> {
  const { host, owner: user, superuser } = address;
  const request = printExchange({ user: superuser, database, statements });
  try {
    const sent = await host.run({
      name: "sql",
      script: `${relay}relay "$@"`,
      args: [socketOf(address), String(seconds), String(request.length)],
      stdin: request,
      user,
      seconds: seconds + 15,
    });
    if (sent.exitCode === noRelay) return await throughPsql(address, database, statements, seconds);
    return await answerOf(sent, statements.length);
  } catch (cause) {
    throw queryError(cause, address);
  }
}

export const socketOf = ({ socketDirectory, port }: Pick<Address, "socketDirectory" | "port">): string =>
  `${socketDirectory}/.s.PGSQL.${port}`;

/** What the relay brought back. */
export async function answerOf(
  { exitCode, stdout, stderr }: CommandResult,
  statements: number,
): Promise<readonly Rows[]> {
  const words = exitCode === 0 ? undefined : stderr.trim();
  if (words !== undefined && stdout.length === 0) throw new QueryError(`cannot reach ${words}`);
  return readExchange(stdout, statements, words);
}

/** Where nothing can relay, psql itself is on the host. */
async function throughPsql(
  { host, owner: user, superuser, binDirectory, socketDirectory, port }: Address,
  database: string,
  statements: readonly string[],
  seconds: number,
): Promise<readonly Rows[]> {
  const nonce = newNonce();
  const result = await host.run({
    name: "sql",
    script: psqlScript,
    args: [binDirectory, sessionOptions, socketDirectory, String(port), superuser, database],
    stdin: printScript(statements, nonce),
    user,
    seconds: seconds + 15,
  });
  return readScript(result, nonce);
}

const psqlScript = `bin=$1; export PGOPTIONS="$2"; shift 2
psql=$(PATH="$bin:$PATH" command -v psql) || { echo "needs perl, python3, socat, nc or psql to reach the server" >&2; exit 1; }
PGCONNECT_TIMEOUT=15 PGCLIENTENCODING=UTF8 exec "$psql" -XqAtw -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -h "$1" -p "$2" -U "$3" -d "$4" -f -
`;

/** The one place where errors of SQL become ours. The statement is left out: it may hold a verifier. */
export function queryError(cause: unknown, { host, port, superuser }: Address): Error {
  if (!(cause instanceof QueryError)) return cause instanceof Error ? cause : new Error(String(cause));
  const { message, sqlstate, detail, hint } = cause;
  return new QueryError(`session of ${superuser} at port ${port} of ${host.name}: ${message}`, {
    sqlstate,
    detail,
    hint,
    cause,
  });
}
