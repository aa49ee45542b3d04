/**
 * postgresql.conf as a document: what each line sets, and edits that leave every other byte as it is.
 * https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-CONFIGURATION-FILE
 *
 * Text is the file's bytes, one a character (latin1): PostgreSQL knows no encoding here either.
 */
import { SettingsError } from "../errors";
import { lexLine, type Token, type TokenKind, unquote } from "./conf-lexer";

export interface ConfEntry {
  /** Lower case: names of settings compare case-insensitively. */
  readonly name: string;
  /** Without quotes and escapes; bytes, see `bytesToText`. */
  readonly value: string;
  /** 1-based. */
  readonly line: number;
}

export type IncludeDirective = "include" | "include_if_exists" | "include_dir";

/** A line that sets something, or names what stands in its place. */
export interface ConfEntryOrInclude extends ConfEntry {
  readonly directive?: IncludeDirective;
}

export interface ConfError {
  readonly line: number;
  /** The line itself, without its end. */
  readonly text: string;
  /** What PostgreSQL says of it. */
  readonly message: string;
}

/** One line: `text` is the very text, its end included; the rest is what PostgreSQL reads in it. */
export type ConfLine =
  | { readonly kind: "blank"; readonly text: string }
  | { readonly kind: "error"; readonly text: string; readonly message: string }
  | ({ readonly kind: "entry"; readonly text: string } & Assignment);

interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Where the value stands in the text, its quotes included. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Nothing stands between name and value, as in `port'5432'`: there only quotes keep them apart. */
  readonly adjacent: boolean;
}

export interface ConfDocument {
  readonly lines: readonly ConfLine[];
}

/** Reads any text. A line that PostgreSQL would refuse is kept as it is, with its error. */
export function parseConf(text: string): ConfDocument {
  return { lines: (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map(parseLine) };
}

/** The text that was parsed, byte for byte. */
export function printConf(document: ConfDocument): string {
  return document.lines.map((line) => line.text).join("");
}

/** The settings in file order; of equal names the last one counts. */
export function confEntries(document: ConfDocument): ConfEntry[] {
  return assignments(document).filter(({ name }) => !isDirective(name));
}

/** The settings and the include directives, whose value is a path, in file order. */
export function confLines(text: string): ConfEntryOrInclude[] {
  return assignments(parseConf(text)).map((entry) =>
    isDirective(entry.name) ? { ...entry, directive: entry.name } : entry,
  );
}

/** The lines that PostgreSQL refuses as syntax errors; one is enough for it to refuse the file. */
export function confErrors(document: ConfDocument): ConfError[] {
  return document.lines.flatMap((line, index) =>
    line.kind === "error"
      ? [{ line: index + 1, text: line.text.replace(/\r?\n$/, ""), message: line.message }]
      : [],
  );
}

/**
 * The text with these settings in it. A value is written where the name was last set (the line that counts), keeping all
 * else of the line, or appended; `null` removes every line that sets the name. A line that already says so is left alone.
 * @param settledElsewhere names that an included file has the last word on: their line goes to the end, after it
 */
export function editConf(
  text: string,
  changes: Readonly<Record<string, string | null>>,
  settledElsewhere: ReadonlySet<string> = new Set(),
): string {
  let lines = parseConf(text).lines;
  const seen = new Set<string>();
  for (const [spelled, value] of Object.entries(changes)) {
    const bytes = checkName(spelled);
    const name = lowerCase(bytes);
    if (seen.has(name)) throw new SettingsError(`${name} is given twice, in different spellings`);
    seen.add(name);
    const sets = (line: ConfLine) => line.kind === "entry" && line.name === name;
    const others = lines.filter((line) => !sets(line));
    if (value === null) lines = others;
    else if (settledElsewhere.has(name)) lines = append(others, bytes, checkValue(name, value));
    else lines = setValue(lines, sets, bytes, checkValue(name, value));
  }
  return printConf({ lines });
}

/** Bytes, one a character, as text: UTF-8 where they are that, else each byte as latin1. */
export function bytesToText(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(latin1, (char) => char.charCodeAt(0)),
    );
  } catch {
    return latin1;
  }
}

/** Text as its UTF-8 bytes, one a character. */
export function textToBytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

const directives: ReadonlySet<string> = new Set<IncludeDirective>([
  "include",
  "include_if_exists",
  "include_dir",
]);
const isDirective = (name: string): name is IncludeDirective => directives.has(name);

/** Of ASCII letters alone, as guc_name_compare() does. */
const lowerCase = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function assignments(document: ConfDocument): ConfEntry[] {
  return document.lines.flatMap((line, index) =>
    line.kind === "entry" ? [{ name: line.name, value: line.value, line: index + 1 }] : [],
  );
}

const nameKinds: ReadonlySet<TokenKind> = new Set<TokenKind>(["id", "qualifiedId"]);
/** A qualified id is none of them: `search_path = a.b` is a syntax error. */
const valueKinds: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "id",
  "string",
  "integer",
  "real",
  "unquotedString",
]);

/** ParseConfigFp() in guc-file.l: a name, perhaps an equals sign, a value, and nothing more. */
function parseLine(text: string): ConfLine {
  const tokens = lexLine(text.replace(/\n$/, ""));
  const next = (): Token | undefined => tokens.next().value;
  const refuse = (token: Token | undefined): ConfLine => ({
    kind: "error",
    text,
    message: `syntax error near ${token ? `token "${bytesToText(token.text)}"` : "end of line"}`,
  });

  const name = next();
  if (!name) return { kind: "blank", text };
  if (!nameKinds.has(name.kind)) return refuse(name);
  const separator = next();
  const value = separator?.kind === "equals" ? next() : separator;
  if (!value || !valueKinds.has(value.kind)) return refuse(value);
  const surplus = next();
  if (surplus) return refuse(surplus);
  return {
    kind: "entry",
    text,
    name: lowerCase(name.text),
    value: value.kind === "string" ? unquote(value.text) : value.text,
    valueStart: value.start,
    valueEnd: value.end,
    adjacent: name.end === value.start,
  };
}

function setValue(
  lines: readonly ConfLine[],
  sets: (line: ConfLine) => boolean,
  name: string,
  value: string,
): readonly ConfLine[] {
  const index = lines.findLastIndex(sets);
  const line = lines[index];
  if (line?.kind !== "entry") return append(lines, name, value);
  if (line.value === value) return lines;
  const written = line.adjacent ? quoted(value) : printValue(value);
  return lines.with(
    index,
    parseLine(line.text.slice(0, line.valueStart) + written + line.text.slice(line.valueEnd)),
  );
}

function append(lines: readonly ConfLine[], name: string, value: string): readonly ConfLine[] {
  const end = lines[0]?.text.endsWith("\r\n") ? "\r\n" : "\n";
  const last = lines.at(-1);
  const complete = last && !last.text.endsWith("\n") ? lines.with(-1, parseLine(last.text + end)) : lines;
  return [...complete, parseLine(`${name} = ${printValue(value)}${end}`)];
}

const quoted = (value: string) => `'${value.replace(/'/g, "''").replace(/\\/g, "\\\\")}'`;

/** Plain where a reader expects it (numbers, words) and the scanner takes it for one value; else in quotes. */
function printValue(value: string): string {
  const tokens = /^(?:[-+]?[0-9][0-9A-Za-z.]*|[A-Za-z_][A-Za-z0-9_.-]*)$/.test(value)
    ? [...lexLine(value)]
    : [];
  const plain = tokens.length === 1 && tokens.every(({ kind }) => valueKinds.has(kind));
  return plain ? value : quoted(value);
}

function checkName(name: string): string {
  const bytes = textToBytes(name);
  const [token] = lexLine(bytes);
  if (!token || token.text !== bytes || !nameKinds.has(token.kind) || isDirective(lowerCase(bytes)))
    throw new SettingsError(`postgresql.conf cannot set a parameter named ${JSON.stringify(name)}`);
  return bytes;
}

/** The value itself stays out of the message: it may be a secret. */
function checkValue(name: string, value: string): string {
  if (/[\0\r\n]/.test(value))
    throw new SettingsError(`${name}: a value in postgresql.conf cannot hold a line end or a NUL character`);
  if (/\p{Surrogate}/u.test(value)) throw new SettingsError(`${name}: the value is not valid Unicode text`);
  return textToBytes(value);
}
