import { PassThrough } from "node:stream";
import { parse, serialize } from "pg-protocol";
import type { BackendMessage, DataRowMessage, RowDescriptionMessage } from "pg-protocol/dist/messages";
import { getTypeParser } from "pg-types";
import { QueryError } from "../errors";

/**
 * A whole session in one message each way: start-up, statements and farewell are sent together, and the answer is read
 * when it has all come. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */

export type Row = Readonly<Record<string, unknown>>;
export type Rows = readonly Row[];

/**
 * Rule 15 of semantics: what ALTER ROLE and ALTER DATABASE put into a session must change neither what we read nor how
 * our statements run.
 */
export const sessionOptions = [
  "statement_timeout=0",
  "lock_timeout=0",
  "idle_session_timeout=0",
  "default_transaction_read_only=off",
  "synchronous_commit=local",
  "search_path=pg_catalog",
  // Which transactions are sampled is decided as they begin (StartTransaction() in xact.c).
  "log_transaction_sample_rate=0",
]
  .map((option) => `-c ${option}`)
  .join(" ");

export interface Exchange {
  readonly user: string;
  readonly database: string;
  /** Each runs when all before it have succeeded. */
  readonly statements: readonly string[];
}

/** In the extended protocol the server skips everything after an error, up to the one Sync. */
export function printExchange({ user, database, statements }: Exchange): Buffer {
  const start = serialize.startup({
    user,
    database,
    application_name: "pulumi-pginstance",
    client_encoding: "UTF8",
    options: sessionOptions,
  });
  const asked = statements.flatMap((text) => [
    serialize.parse({ text }),
    serialize.bind(),
    serialize.describe({ type: "P" }),
    serialize.execute(),
  ]);
  return Buffer.concat([start, ...asked, serialize.sync(), serialize.end()]);
}

/**
 * The rows of each statement.
 * @param cut what is said of an answer that is not whole
 * @throws QueryError in the server's words, or when the answer is not whole
 */
export async function readExchange(
  answer: Buffer,
  statements: number,
  cut = "the server ended the connection",
): Promise<readonly Rows[]> {
  const results: Row[][] = [];
  let fields: RowDescriptionMessage["fields"] = [];
  let rows: Row[] = [];
  let failure: QueryError | undefined;
  let complete = false;
  const take: { readonly [K in BackendMessage["name"]]?: (message: never) => void } = {
    rowDescription: (message: RowDescriptionMessage) => {
      fields = message.fields;
    },
    noData: () => {
      fields = [];
    },
    dataRow: (message: DataRowMessage) => rows.push(rowOf(fields, message.fields)),
    commandComplete: () => {
      results.push(rows);
      rows = [];
    },
    emptyQuery: () => results.push([]),
    readyForQuery: () => {
      complete = true;
    },
    authenticationCleartextPassword: () => {
      failure ??= passwordWanted();
    },
    authenticationMD5Password: () => {
      failure ??= passwordWanted();
    },
    authenticationSASL: () => {
      failure ??= passwordWanted();
    },
    error: (message: ServerError) => {
      failure ??= serverError(message);
    },
  };
  const stream = new PassThrough();
  const read = parse(stream, (message) =>
    (take[message.name] as ((m: unknown) => void) | undefined)?.(message),
  );
  stream.end(answer);
  await read;
  if (failure) throw failure;
  if (!complete || results.length < statements) throw new QueryError(cut);
  return results;
}

function rowOf(fields: RowDescriptionMessage["fields"], values: readonly (string | null)[]): Row {
  return Object.fromEntries(
    fields.map(({ name, dataTypeID }, at) => {
      const value = values[at];
      return [name, value === null || value === undefined ? null : getTypeParser(dataTypeID)(value)];
    }),
  );
}

interface ServerError {
  readonly message?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
}

const serverError = ({ message = "", code, detail, hint }: ServerError): QueryError =>
  new QueryError(message, { sqlstate: code, detail, hint });

const passwordWanted = (): QueryError =>
  new QueryError("the server asks for a password, where pg_hba.conf should let the owner in by peer", {
    sqlstate: "28000",
  });
