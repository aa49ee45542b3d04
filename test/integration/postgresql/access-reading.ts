/** What pg_hba.conf and pg_ident.conf say, line by line: as the server reads them, and as we do. */
import { isIP, SocketAddress } from "node:net";
import type { Client } from "pg";
import { type AccessLine, type Field, lexAccess } from "../../../provider/postgresql/access-lexer";
import { parseHbaRecord } from "../../../provider/postgresql/hba-record";

/** A record by the line that it begins in; one that the server does not take is that line alone. */
export interface HbaReading {
  readonly line: number;
  readonly type?: string;
  readonly database?: readonly string[];
  readonly user?: readonly string[];
  readonly address?: string | null;
  readonly netmask?: string | null;
  readonly method?: string;
  readonly options?: Readonly<Record<string, string>>;
}

export interface IdentReading {
  readonly line: number;
  readonly fields?: readonly string[];
}

/** The view reads the file anew at each query. What the file includes is not asked for. */
export async function theirHba(client: Client, major: string): Promise<HbaReading[]> {
  const { rows } = await client.query(
    `SELECT line_number AS line, type, database, user_name AS user, address, netmask, auth_method AS method, options
       FROM pg_hba_file_rules ${inMainFile(major, "hba_file")} ORDER BY line_number`,
  );
  return rows.map(({ line, options, ...row }) =>
    row.method === null ? { line } : { line, ...row, options: asPairs(options ?? []) },
  );
}

/** From 15 on there is such a view. */
export async function theirIdent(client: Client, major: string): Promise<IdentReading[]> {
  const { rows } = await client.query(
    `SELECT line_number AS line, map_name, sys_name, pg_username, error
       FROM pg_ident_file_mappings ${inMainFile(major, "ident_file")} ORDER BY line_number`,
  );
  return rows.map(({ line, map_name, sys_name, pg_username, error }) =>
    error === null ? { line, fields: [map_name, sys_name, pg_username] } : { line },
  );
}

const inMainFile = (major: string, setting: string) =>
  Number(major) < 16 ? "" : `WHERE file_name = current_setting('${setting}')`;

export interface PlacedRecord extends AccessLine {
  readonly line: number;
}

/**
 * The records with their lines; from 16 on one that includes is none, unless it cannot.
 * @param rows what the server shows
 */
export function placedRecords(
  text: string,
  major: string,
  rows: readonly { readonly line: number }[] = [],
): PlacedRecord[] {
  const shownLines = new Set(rows.map(({ line }) => line));
  const directives = Number(major) < 16 ? [] : ["include", "include_if_exists", "include_dir"];
  let next = 1;
  return lexAccess(text).flatMap((one) => {
    const line = next;
    next += one.text.split("\n").length - 1;
    const [type] = one.fields;
    const includes = directives.includes(type?.[0]?.text ?? "") && !shownLines.has(line);
    return type && !includes ? [{ ...one, line }] : [];
  });
}

/** @param names what the files of names hold, which the server shows in their place */
export function ourHba({ line, fields, text }: PlacedRecord, names: Names): HbaReading {
  const [type = [], database = [], user = [], ...rest] = fields;
  const { address: declared } = parseHbaRecord(text);
  const [address = null, mask] = rest.splice(0, declared?.split(" ").length ?? 0).map(textOf);
  const [method = [], ...options] = rest;
  return {
    line,
    type: textOf(type),
    database: namesIn(database, names),
    user: namesIn(user, names),
    ...network(address, mask),
    // On a socket the one is the other.
    method: declared === undefined && textOf(method) === "ident" ? "peer" : textOf(method),
    options: shown(asPairs(options.flat().map((token) => token.text))),
  };
}

const textOf = (field: Field): string => field.map(({ text }) => text).join(",");

/** What the view shows of the options as they are written; others it leaves out, or shows in another form. */
const asWritten = ["map", "pamservice", "krb_realm", "ldapprefix"];

export const shown = (options: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => asWritten.includes(name)));

const asPairs = (options: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(options.map((option) => [option.replace(/=.*/s, ""), option.replace(/^[^=]*=/, "")]));

export type Names = Readonly<Record<string, string>>;

function namesIn(field: Field, files: Names): string[] {
  return field.flatMap(({ text, quoted }) =>
    text.length > 1 && text.startsWith("@") && !quoted
      ? lexAccess(files[text.slice(1)] ?? "").flatMap((one) => one.fields.flatMap((f) => namesIn(f, files)))
      : [text],
  );
}

/** What inet_aton() makes of seldom spellings. */
const resolved: Readonly<Record<string, string>> = { "10.0.0": "10.0.0.0", "010.0.0.1": "8.0.0.1" };

/** As the server spells it. */
function network(written: string | null, mask: string | undefined): Pick<HbaReading, "address" | "netmask"> {
  const [spelt = "", bits] = written?.split("/") ?? [];
  const address = resolved[spelt] ?? spelt;
  if (isIP(address) === 0) return { address: written, netmask: null };
  return {
    address: canonical(address),
    netmask: canonical(mask ?? (isIP(address) === 4 ? dotted(Number(bits)) : grouped(Number(bits)))),
  };
}

const canonical = (address: string): string =>
  isIP(address) === 6 ? new SocketAddress({ address, family: "ipv6" }).address : address;

const ones = (bits: number, width: number): bigint => ((1n << BigInt(bits)) - 1n) << BigInt(width - bits);
const dotted = (bits: number): string =>
  [24n, 16n, 8n, 0n].map((shift) => (ones(bits, 32) >> shift) & 255n).join(".");
const grouped = (bits: number): string =>
  (ones(bits, 128).toString(16).padStart(32, "0").match(/.{4}/g) ?? []).join(":");

export const ourIdent = ({ line, fields }: PlacedRecord): IdentReading => ({
  line,
  fields: fields.slice(0, 3).map(textOf),
});
