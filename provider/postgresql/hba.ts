/**
 * pg_hba.conf: who may connect from where, and how they prove who they are.
 * https://www.postgresql.org/docs/current/auth-pg-hba-conf.html; tokens: next_token() in src/backend/libpq/hba.c
 */
import { SettingsError } from "../errors";

export interface HbaRecord {
  readonly type: "local" | "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc";
  /** A name, a keyword (`all`, `sameuser`, `replication`...), or several with commas; `"all"` in quotes is the name. */
  readonly database: string;
  readonly user: string;
  /** CIDR, host name, `all`, `samehost`, `samenet`; or address and mask with a space. None for `local`. */
  readonly address?: string;
  readonly method: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Printed as a comment line above. */
  readonly comment?: string;
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

/** The map, in pg_ident.conf, by which the owner of the server is its superuser. */
export const ownMap = "pginstance";

export interface InitialAuth {
  readonly local: string;
  readonly host: string;
  readonly hostssl?: string;
}

/**
 * The records of a new instance. The provider's own way in comes first, so that no other record can shut it out;
 * replication has records of its own because `all` does not match it.
 */
export function initialHba({ superuser, auth }: { superuser: string; auth: InitialAuth }): HbaRecord[] {
  const own = { type: "local", user: hbaName(superuser), method: "peer", options: { map: ownMap } } as const;
  const local = { type: "local", user: "all", method: auth.local } as const;
  const host = { type: "host", user: "all", method: auth.host } as const;
  const loopback = ["127.0.0.1/32", "::1/128"];
  return [
    { ...own, database: "all" },
    { ...own, database: "replication" },
    { ...local, database: "all" },
    { ...local, database: "replication" },
    ...(auth.hostssl
      ? [{ type: "hostssl", database: "all", user: "all", address: "all", method: auth.hostssl } as const]
      : []),
    ...loopback.map((address) => ({ ...host, database: "all", address })),
    ...loopback.map((address) => ({ ...host, database: "replication", address })),
  ];
}

const columns = ["TYPE", "DATABASE", "USER", "ADDRESS", "METHOD"];
/** As in the file that initdb writes. */
const widths = [8, 16, 16, 24, 0];

/** The file, in initdb's columns, wider where a record needs it. */
export function printHba(records: readonly HbaRecord[], comment?: string): string {
  const rows = records.map((record) => ({
    comment: record.comment,
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
  return /^(?:all|sameuser|samerole|samegroup|replication|)$|^[+@]/.test(name)
    ? inQuotes(name)
    : quoteToken(name);
}

/** In quotes where it must be. What is in quotes already stays. */
export function quoteToken(token: string): string {
  if (/[\0\r\n]/.test(token))
    throw new SettingsError(
      "pg_hba.conf and pg_ident.conf cannot hold a line end or a NUL character in a field",
    );
  return /^"(?:[^"]|"")*"$/.test(token) || /^[^\s,#"\\]+$/.test(token) ? token : inQuotes(token);
}

/** The sign of a group or of a file keeps its meaning only before the quotes. */
export function quoteItem(item: string): string {
  const sign = /^[+@]/.exec(item)?.[0] ?? "";
  return sign + quoteToken(item.slice(sign.length));
}

/** A comment, a heading, and rows in columns: the form of pg_hba.conf and pg_ident.conf. */
export function printTable(
  comment: string | undefined,
  heading: readonly string[],
  least: readonly number[],
  rows: readonly { readonly comment?: string; readonly cells: readonly string[] }[],
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
    ...rows.flatMap((row) => [...printComment(row.comment), line(row.cells)]),
    "",
  ].join("\n");
}

const printComment = (comment: string | undefined) =>
  comment === undefined ? [] : comment.split(/[\r\n\0]+/).map((line) => `# ${line}`.trimEnd());

const inQuotes = (token: string) => `"${token.replace(/"/g, '""')}"`;

/** Items between the commas that stand outside quotes. */
function printList(list: string): string {
  const items = list.match(/(?:"(?:[^"]|"")*"(?=\s*(?:,|$))|[^,])+/g) ?? [""];
  return items.map((item) => quoteItem(item.trim())).join(",");
}

const printOption = ([name, value]: [string, string]) => `${quoteToken(name)}=${quoteToken(value)}`;
