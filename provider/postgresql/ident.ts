/**
 * pg_ident.conf: which user of the operating system may be which role.
 * https://www.postgresql.org/docs/current/auth-username-maps.html
 */
import { hbaName, ownMap, printTable, quoteItem } from "./hba";

export interface IdentRecord {
  readonly map: string;
  /** A name, or `/` and a regular expression. */
  readonly systemUser: string;
  readonly databaseUser: string;
  /** Whose it is, as in "ident.app": a comment at the end of its line, by which it is found again. */
  readonly label?: string;
}

/** The record by which the owner of the server becomes its superuser, whatever their names. */
export function ownIdent({ owner, superuser }: { owner: string; superuser: string }): IdentRecord[] {
  return [{ map: ownMap, systemUser: owner, databaseUser: hbaName(superuser), label: "auth.owner" }];
}

/** The file, in the columns of PostgreSQL's own sample. */
export function printIdent(records: readonly IdentRecord[], comment?: string): string {
  const rows = records.map(({ map, systemUser, databaseUser, label }) => ({
    label,
    cells: [quoteItem(map), quoteItem(systemUser), quoteItem(databaseUser)],
  }));
  return printTable(comment, ["MAPNAME", "SYSTEM-USERNAME", "PG-USERNAME"], [16, 24, 0], rows);
}
