/** Names of locales and encodings, which have more than one spelling. */

/** Whether two names mean the same locale of the C library: it ignores case and punctuation of the codeset. */
export function equalLocales(a: string, b: string): boolean {
  return canonicalLocale(a) === canonicalLocale(b);
}

function canonicalLocale(name: string): string {
  if (name === "POSIX") return "C";
  return name.replace(/\.[^@]*/, (codeset) => `.${alphanumeric(codeset)}`);
}

/** https://www.postgresql.org/docs/current/multibyte.html#MULTIBYTE-CHARSET-SUPPORTED, those a server can have. */
export const serverEncodings: readonly string[] = [
  "EUC_CN",
  "EUC_JP",
  "EUC_JIS_2004",
  "EUC_KR",
  "EUC_TW",
  "ISO_8859_5",
  "ISO_8859_6",
  "ISO_8859_7",
  "ISO_8859_8",
  "KOI8R",
  "KOI8U",
  "LATIN1",
  "LATIN2",
  "LATIN3",
  "LATIN4",
  "LATIN5",
  "LATIN6",
  "LATIN7",
  "LATIN8",
  "LATIN9",
  "LATIN10",
  "MULE_INTERNAL",
  "SQL_ASCII",
  "UTF8",
  "WIN866",
  "WIN874",
  "WIN1250",
  "WIN1251",
  "WIN1252",
  "WIN1253",
  "WIN1254",
  "WIN1255",
  "WIN1256",
  "WIN1257",
  "WIN1258",
];

/** The other names in pg_encname_tbl, src/common/encnames.c. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  KOI8R: ["koi8"],
  LATIN1: ["iso88591"],
  LATIN2: ["iso88592"],
  LATIN3: ["iso88593"],
  LATIN4: ["iso88594"],
  LATIN5: ["iso88599"],
  LATIN6: ["iso885910"],
  LATIN7: ["iso885913"],
  LATIN8: ["iso885914"],
  LATIN9: ["iso885915"],
  LATIN10: ["iso885916"],
  UTF8: ["unicode"],
  WIN866: ["alt"],
  WIN1251: ["win"],
  WIN1258: ["abc", "tcvn", "tcvn5712", "vscii"],
};

const byKey = new Map(
  serverEncodings.flatMap((name) =>
    [name, name.replace(/^WIN/, "WINDOWS"), ...(aliases[name] ?? [])].map(
      (key) => [alphanumeric(key), name] as const,
    ),
  ),
);

/**
 * The name as pg_encoding_to_char() prints it, from any spelling that pg_char_to_encoding() takes; `undefined` for what no
 * server can have, client encodings included.
 */
export function findEncoding(name: string): string | undefined {
  return name.length < 64 ? byKey.get(alphanumeric(name)) : undefined;
}

/** Case and punctuation count neither in an encoding's name nor in a codeset's. */
function alphanumeric(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}
