/**
 * pg_hba.conf: who may connect from where, and how they prove who they are.
 * https://www.postgresql.org/docs/current/auth-pg-hba-conf.html; tokens: next_token() in src/backend/libpq/hba.c
 */
import { SettingsError } from "../errors";
import type { Major } from "./version";

export interface HbaRecord {
  readonly type: (typeof recordTypes)[number];
  /** A name, a keyword (`all`, `sameuser`, `replication`...), or several with commas; `"all"` in quotes is the name. */
  readonly database: string;
  readonly user: string;
  /** CIDR, host name, `all`, `samehost`, `samenet`; or address and mask with a space. None for `local`. */
  readonly address?: string;
  readonly method: string;
  readonly options?: Record<string, string>;
  /** Whose it is, as in "hba.app": a comment at the end of its line, by which it is found again. */
  readonly label?: string;
}

const everywhere = ["trust", "reject", "scram-sha-256", "md5", "password", "pam"];
const overTcp = [...everywhere, "gss", "ident"];

/**
 * The methods that each type of record takes (auth-methods.html) and that stand for themselves: with `ldap`, `radius`
 * or `oauth` and no options beside them no server starts. `peer` is for sockets, `cert` for TLS.
 */
export const authMethods = {
  local: [...everywhere, "peer"],
  host: overTcp,
  hostssl: [...overTcp, "cert"],
} as const satisfies Record<string, readonly string[]>;

/** Methods that want options beside them, and that only records of `hba` can have therefore. */
const methodsWithOptions = ["ldap", "radius", "sspi", "oauth"];

/** Those that not every major has: the first that does. */
const sinceMajor: Readonly<Record<string, number>> = { oauth: 18 };

/** What a record of `hba` may have; undefined: of a major that is not known. */
export function methodsOf(type: string, major: Major | undefined): readonly string[] {
  const known = Object.entries(authMethods).find(([name]) => name === type)?.[1] ?? authMethods.host;
  const isThere = (method: string) => major === undefined || Number(major) >= (sinceMajor[method] ?? 0);
  return [...known, ...methodsWithOptions].filter(isThere);
}

export const recordTypes = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"] as const;

/** The map, in pg_ident.conf, by which the owner of the server is its superuser. */
export const ownMap = "pginstance";

export interface Auth {
  readonly local: string;
  readonly host: string;
  readonly hostssl?: string;
}

/** The provider's own way in: before every other record, so that none can shut it out. */
export function ownHba(superuser: string): HbaRecord[] {
  const own = { type: "local", user: hbaName(superuser), method: "peer", options: { map: ownMap } } as const;
  const databases = ["all", "replication"];
  return databases.map((database) => ({ ...own, database, label: `own.${database}` }));
}

/** What a new instance lets in beside that: replication has records of its own because `all` does not match it. */
export function defaultHba(auth: Auth): HbaRecord[] {
  const local = { type: "local", user: "all", method: auth.local } as const;
  const host = { type: "host", user: "all", method: auth.host } as const;
  const databases = ["all", "replication"];
  const loopback = { ipv4: "127.0.0.1/32", ipv6: "::1/128" };
  return [
    ...databases.map((database) => ({ ...local, database, label: `auth.local.${database}` })),
    ...(auth.hostssl === undefined
      ? []
      : [
          {
            type: "hostssl" as const,
            ...{
              database: "all",
              user: "all",
              address: "all",
              method: auth.hostssl,
              label: "auth.hostssl.all",
            },
          },
        ]),
    ...databases.flatMap((database) =>
      Object.entries(loopback).map(([name, address]) => ({
        ...host,
        ...{ database, address, label: `auth.host.${database}.${name}` },
      })),
    ),
  ];
}

const columns = ["TYPE", "DATABASE", "USER", "ADDRESS", "METHOD"];
/** As in the file that initdb writes. */
const widths = [8, 16, 16, 24, 0];

/** The file, in initdb's columns, wider where a record needs it. */
export function printHba(records: readonly HbaRecord[], comment?: string): string {
  const rows = records.map((record) => ({
    label: record.label,
    cells: [
      record.type,
      printList(record.database),
      printList(record.user),
      record.address?.split(" ").map(quoteToken).join(" ") ?? "",
      [quoteToken(record.method), ...Object.entries(record.options ?? {}).map(printOption)].join(" "),
    ],
  }));
  return printTable(comment, columns, widths, rows);
}

/** A name that is meant as a name: quoted also where it would be a keyword, a group, a file or a pattern. */
export function hbaName(name: string): string {
  return isKeyword(name) ? inQuotes(name) : quoteToken(name);
}

/** Means itself only in quotes. */
export function isKeyword(name: string): boolean {
  return /^(?:all|sameuser|samerole|samegroup|replication|)$|^[+@]/.test(name);
}

/** In quotes where it must be. What is in quotes already stays. */
export function quoteToken(token: string): string {
  if (/[\0\r\n]/.test(token))
    throw new SettingsError(
      "pg_hba.conf and pg_ident.conf cannot hold a line end or a NUL character in a field",
    );
  return isInQuotes(token) ? token : quoteText(token);
}

/** Quotes that belong to a text are not those around it. */
export const quoteText = (text: string) => (/^[^\s,#"\\]+$/.test(text) ? text : inQuotes(text));

export const isInQuotes = (token: string) => /^"(?:[^"]|"")*"$/.test(token);

/** The sign of a group or of a file keeps its meaning only before the quotes. */
export function quoteItem(item: string, quoteName = quoteToken): string {
  const sign = /^[+@]/.exec(item)?.[0] ?? "";
  return sign + quoteName(item.slice(sign.length));
}

/** A comment, a heading, and rows in columns, their labels at the end: the form of pg_hba.conf and pg_ident.conf. */
export function printTable(
  comment: string | undefined,
  heading: readonly string[],
  least: readonly number[],
  rows: readonly { readonly label?: string; readonly cells: readonly string[] }[],
): string {
  const width = heading.map((_, column) =>
    Math.max(least[column] ?? 0, ...rows.map(({ cells }) => (cells[column]?.length ?? 0) + 1)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(width[column] ?? 0))
      .join("")
      .trimEnd();
  const [first = "", ...others] = heading;
  return [
    ...printComment(comment),
    line([`# ${first}`, ...others]),
    ...rows.map(({ cells, label }) => line(cells) + (label === undefined ? "" : `  # pginstance ${label}`)),
    "",
  ].join("\n");
}

const printComment = (comment: string | undefined) =>
  comment === undefined ? [] : comment.split(/[\r\n\0]+/).map((line) => `# ${line}`.trimEnd());

export const inQuotes = (token: string) => `"${token.replace(/"/g, '""')}"`;

/** Items between the commas that stand outside quotes. */
export const itemsOf = (list: string): string[] =>
  (list.match(/(?:"(?:[^"]|"")*"(?=\s*(?:,|$))|[^,])+/g) ?? [""]).map((item) => item.trim());

const printList = (list: string): string =>
  itemsOf(list)
    .map((item) => quoteItem(item))
    .join(",");

const printOption = ([name, value]: [string, string]) => `${quoteToken(name)}=${quoteToken(value)}`;
