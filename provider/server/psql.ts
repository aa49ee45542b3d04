import { QueryError } from "../errors";
import type { CommandResult } from "../host/host";
import type { Row, Rows } from "./exchange";

/** Statements and their rows by psql, where the host has nothing to speak the protocol through. */

/** Each statement's rows come as JSON, after a line that nothing else can print. */
export function printScript(statements: readonly string[], nonce: string): string {
  return statements.map((text) => `\\echo ${nonce}\n${isQuery(text) ? asJson(text) : text};\n`).join("");
}

const isQuery = (text: string): boolean => /^\s*(SELECT|SHOW)\b/i.test(text);

/** SHOW cannot be selected from. */
function asJson(text: string): string {
  const name = /^\s*SHOW\s+(\S+)\s*$/i.exec(text)?.[1];
  const query = name ? `SELECT current_setting('${name}') AS "${name}"` : text;
  return `SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM (${query}) AS q`;
}

/** @throws QueryError in the server's words */
export function readScript({ exitCode, stdout, stderr }: CommandResult, nonce: string): readonly Rows[] {
  if (exitCode !== 0) throw failure(stderr);
  const [, ...parts] = stdout.toString("utf8").split(`${nonce}\n`);
  return parts.map((part): Row[] => (part.trim().startsWith("[") ? JSON.parse(part) : []));
}

/** "psql:<stdin>:2: ERROR:  42601: syntax error at ...", or a connection that was refused, then without its code. */
function failure(stderr: string): QueryError {
  const [, code, message] = /(?:ERROR|FATAL):\s+(?:([0-9A-Z]{5}):\s+)?(.*)/.exec(stderr) ?? [];
  return new QueryError(message ?? `cannot reach the server: ${stderr.trim()}`, {
    sqlstate: code ?? refusals.find(([words]) => words.test(stderr))?.[1],
  });
}

const refusals: readonly (readonly [RegExp, string])[] = [
  [/database ".*" does not exist/, "3D000"],
  [/too many clients|connection slots/, "53300"],
  [/starting up|shutting down|not (yet )?accepting|recovery mode/, "57P03"],
  [/no password supplied/, "28000"],
];
