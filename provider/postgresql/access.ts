/**
 * pg_hba.conf and pg_ident.conf as documents: which records stand there and whose they are, and edits that leave every
 * other line as it is. A record of ours bears its label in a comment at the end of its line.
 */
import { type AccessLine, type Field, lexAccess } from "./access-lexer";
import { bytesToText, textToBytes } from "./conf";
import { inQuotes, isKeyword, quoteItem, quoteText } from "./hba";

/** A record in one spelling, so that equal texts are equal records; without a label it is somebody else's. */
export interface AccessEntry {
  readonly label: string | null;
  readonly text: string;
}

/** A record as it shall stand there. */
export interface WantedRecord {
  readonly label: string;
  readonly text: string;
  /** The line, its label and its end included; bytes, one a character. */
  readonly line: string;
  /** Not ours to change: it is left where it stands, whatever its place should be. */
  readonly stays?: boolean;
}

/** Texts of records; a null stands for none. The same on both sides: it was at another place. */
export interface AccessChange {
  readonly label: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

/** What a file begins with, and the records in it. */
export interface AccessFile {
  readonly header: string;
  readonly records: readonly WantedRecord[];
}

/** A file as we print it: every record bears a label. */
export function accessFile(printed: string): AccessFile {
  const lines = lexAccess(textToBytes(printed)).map((line) => ({ ...entryOf(line), line: line.text }));
  const isRecord = (line: object): line is WantedRecord => "text" in line;
  const header = lines.filter((line) => !isRecord(line)).map(({ line }) => line);
  return { header: header.join(""), records: lines.filter(isRecord) };
}

const labelled = /^ ?pginstance ((?:own|hba|ident|auth)\.[A-Za-z0-9_.-]+)(?:\s|$)/;

export function accessEntries(text: string): AccessEntry[] {
  return lexAccess(text).flatMap((line) => entryOf(line) ?? []);
}

function entryOf({ fields, comment }: AccessLine): AccessEntry | undefined {
  if (fields.length === 0) return undefined;
  const text = bytesToText(fields.map(printField).join(" "));
  return { label: labelled.exec(comment ?? "")?.[1] ?? null, text };
}

/** In quotes only where that makes a difference. */
function printField(field: Field): string {
  return field
    .map(({ text, quoted }) => (quoted && isKeyword(text) ? inQuotes(text) : quoteItem(text, quoteText)))
    .join(",");
}

/** A line of the file, or an entry that stands for one. */
interface Line {
  readonly entry: AccessEntry | undefined;
  readonly text: string;
}

interface Arranged {
  readonly lines: readonly Line[];
  readonly changes: readonly AccessChange[];
}

/** What an edit would change. */
export function accessChanges(
  entries: readonly AccessEntry[],
  wanted: readonly WantedRecord[],
  unmanaged: "keep" | "remove",
): readonly AccessChange[] {
  return arrange(
    entries.map((entry) => ({ entry, text: "" })),
    wanted,
    unmanaged,
  ).changes;
}

export function editAccess(
  text: string,
  wanted: readonly WantedRecord[],
  unmanaged: "keep" | "remove",
): string {
  const lines = lexAccess(text).map((line) => ({ entry: entryOf(line), text: line.text }));
  return arrange(lines, wanted, unmanaged)
    .lines.map((line, index, all) => (index < all.length - 1 ? ended(line.text) : line.text))
    .join("");
}

/** A backslash before the end would take the next line for its own. */
function ended(text: string): string {
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  return /\\\r*\n$/.test(whole) ? `${whole}\n` : whole;
}

/**
 * Ours in their order, each at its place as far as that is right: one that is missing, or stands before one that it must
 * follow, comes behind that one. The provider's own way in stands before every other record. A record without a label
 * that says what one of ours shall say is taken for it.
 */
function arrange(
  before: readonly Line[],
  wanted: readonly WantedRecord[],
  unmanaged: "keep" | "remove",
): Arranged {
  const places = placesOf(before, wanted);
  const taken = new Set(places.values());
  const changes: AccessChange[] = [];
  const labels = new Set(wanted.map(({ label }) => label));
  const isStale = ({ entry }: Line) =>
    entry !== undefined && (unmanaged === "remove" || (entry.label !== null && !labels.has(entry.label)));
  const lines = before.filter((line) => {
    const stays = taken.has(line) || !isStale(line);
    if (!stays && line.entry) changes.push({ label: line.entry.label, from: line.entry.text, to: null });
    return stays;
  });
  let last = -1;
  let own = 0;
  for (const { label, text, line: printed, stays } of wanted) {
    if (stays) continue;
    const found = places.get(label);
    const line = { entry: { label, text }, text: printed };
    const at = found ? lines.indexOf(found) : -1;
    const records = lines.slice(0, Math.max(at, 0)).filter(({ entry }) => entry !== undefined).length;
    const isFirst = !label.startsWith("own.") || records === own++;
    if (found && at > last && isFirst) {
      if (found.entry?.text !== text) {
        lines[at] = line;
        changes.push({ label, from: found.entry?.text ?? null, to: text });
      }
      last = at;
      continue;
    }
    if (found) lines.splice(at, 1);
    if (found && at < last) last -= 1;
    const first = lines.findIndex(({ entry }) => entry !== undefined);
    const to = last >= 0 ? last + 1 : first < 0 ? lines.length : first;
    lines.splice(to, 0, line);
    changes.push({ label, from: found?.entry?.text ?? null, to: text });
    last = to;
  }
  return { lines, changes };
}

/** A label that stands there twice was copied by somebody: the first is ours. */
function placesOf(lines: readonly Line[], wanted: readonly WantedRecord[]): Map<string, Line> {
  const places = new Map<string, Line>();
  for (const { label } of wanted) {
    const line = lines.find(({ entry }) => entry?.label === label);
    if (line) places.set(label, line);
  }
  const taken = new Set(places.values());
  for (const { label, text } of wanted) {
    if (places.has(label)) continue;
    const line = lines.find((one) => one.entry?.label === null && one.entry.text === text && !taken.has(one));
    if (line === undefined) continue;
    places.set(label, line);
    taken.add(line);
  }
  return places;
}
