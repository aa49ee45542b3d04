/**
 * The scanner of postgresql.conf, rule for rule that of src/backend/utils/misc/guc-file.l. No token of it holds a line
 * feed, so each line can be read alone.
 */

export type TokenKind =
  | "id"
  | "string"
  | "integer"
  | "real"
  | "equals"
  | "unquotedString"
  | "qualifiedId"
  | "error";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const ID = "[A-Za-z_\\x80-\\xff][A-Za-z_0-9\\x80-\\xff]*";

/** White space and comments, most of any file. No rule takes more of what begins so. */
const skipped = /(?:[ \t\r]+|#[^\n]*)+/y;

/** In flex's order: the longest match wins, among equals the first. */
const rules: readonly (readonly [TokenKind, RegExp])[] = [
  ["id", new RegExp(ID, "y")],
  ["qualifiedId", new RegExp(`${ID}\\.${ID}`, "y")],
  ["string", /'[^'\\\n]*(?:(?:\\[^\n]|'')[^'\\\n]*)*'/y],
  ["unquotedString", /[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff\-._:/]*/y],
  ["integer", /[-+]?(?:0x[0-9a-fA-F]+|[0-9]+)[a-zA-Z]*/y],
  ["real", /[-+]?[0-9]*\.[0-9]*(?:[Ee][-+]?[0-9]+)?/y],
  ["equals", /=/y],
  ["error", /[^\n]/y],
];

/** The tokens of one line given without its line feed. Lazy: who stops at the first error pays for no more. */
export function* lexLine(line: string): Generator<Token, undefined> {
  for (let start = 0; start < line.length; ) {
    skipped.lastIndex = start;
    if (skipped.test(line)) {
      start = skipped.lastIndex;
      continue;
    }
    let longest: { kind: TokenKind; end: number } = { kind: "error", end: start };
    for (const [kind, pattern] of rules) {
      pattern.lastIndex = start;
      if (pattern.test(line) && pattern.lastIndex > longest.end) longest = { kind, end: pattern.lastIndex };
    }
    const { kind, end } = longest;
    yield { kind, text: line.slice(start, end), start, end };
    start = Math.max(end, start + 1);
  }
}

const letters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * The value of a quoted string, as DeescapeQuotedString() in guc-file.l makes it. It is a C string there: a NUL byte ends
 * it, written as `\0` or raw (then together with the byte before, taken for the closing quote).
 */
export function unquote(quoted: string): string {
  const value = untilNul(quoted.slice(1)).replace(
    /''|\\([0-7]{1,3}|[^\n])/g,
    (_pair, escaped: string | undefined) => {
      if (escaped === undefined) return "'";
      if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
      return letters[escaped] ?? escaped;
    },
  );
  return untilNul(value.slice(0, -1));
}

const untilNul = (text: string) => text.split("\0", 1)[0] ?? "";
