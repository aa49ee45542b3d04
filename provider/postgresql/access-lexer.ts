/**
 * The lines of pg_hba.conf and pg_ident.conf as PostgreSQL reads them: next_token() and tokenize_auth_file() in
 * src/backend/libpq/hba.c. Text is the file's bytes, one a character, as in conf.ts.
 */

export interface Token {
  readonly text: string;
  /** It begins with a quote: then it is a name, whatever it looks like. */
  readonly quoted: boolean;
}

/** Items between commas. */
export type Field = readonly Token[];

export interface AccessLine {
  /** The very text, its end included; a backslash at the end of a line goes on in the next. */
  readonly text: string;
  /** Empty where the line has no record. */
  readonly fields: readonly Field[];
  /** Without its sign; null where there is none. */
  readonly comment: string | null;
}

export function lexAccess(text: string): AccessLine[] {
  const lines: AccessLine[] = [];
  let whole = "";
  let joined = "";
  for (const physical of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const line = physical.replace(/[\r\n]+$/, "");
    whole += physical;
    // Also at the end of the file, where nothing follows.
    const goesOn = line.endsWith("\\");
    joined += goesOn ? line.slice(0, -1) : line;
    if (goesOn) continue;
    lines.push({ text: whole, ...lexLine(joined) });
    whole = joined = "";
  }
  return whole === "" ? lines : [...lines, { text: whole, ...lexLine(joined) }];
}

function lexLine(line: string): Omit<AccessLine, "text"> {
  const fields: Token[][] = [];
  let at = 0;
  let continues = false;
  for (;;) {
    while (at < line.length && /[ \t\r,]/.test(line[at] ?? "")) at++;
    if (at >= line.length) return { fields, comment: null };
    const { token, end, comma } = nextToken(line, at);
    if (token) {
      if (continues) fields.at(-1)?.push(token);
      else fields.push([token]);
    }
    if (line[end] === "#" && !comma) return { fields, comment: line.slice(end + 1) };
    continues = comma && token !== undefined;
    at = comma ? end + 1 : end;
  }
}

function nextToken(line: string, start: number): { token?: Token; end: number; comma: boolean } {
  let [text, inQuotes, wasQuote, sawQuote] = ["", false, false, false];
  let at = start;
  for (; at < line.length; at++) {
    const char = line[at] ?? "";
    if (!inQuotes && /[ \t\r#,]/.test(char)) break;
    if (char !== '"' || wasQuote) text += char;
    wasQuote = inQuotes && char === '"' ? !wasQuote : false;
    if (char === '"') {
      inQuotes = !inQuotes;
      sawQuote = true;
    }
  }
  const token = text !== "" || sawQuote ? { text, quoted: line[start] === '"' } : undefined;
  return { token, end: at, comma: line[at] === "," };
}
