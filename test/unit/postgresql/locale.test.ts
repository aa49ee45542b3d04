import { describe, expect, test } from "vitest";
import { equalLocales, findEncoding, serverEncodings } from "../../../provider/postgresql/locale";

describe("two names", () => {
  test.each([
    ["C.UTF-8", "C.utf8"],
    ["POSIX", "C"],
    ["en_US.ISO8859-1", "en_US.iso88591"],
    ["de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"],
  ])("%s and %s are one locale", (a, b) => {
    expect(equalLocales(a, b)).toBe(true);
  });

  test.each([
    ["C", "C.UTF-8"],
    ["en_US", "en_US.UTF-8"],
    ["en_US.UTF-8", "en_GB.UTF-8"],
    ["de_DE.UTF-8", "de_DE.UTF-8@euro"],
    ["", "C"],
  ])("%s and %s are two", (a, b) => {
    expect(equalLocales(a, b)).toBe(false);
  });
});

describe("an encoding", () => {
  test.each([
    ["utf-8", "UTF8"],
    ["Unicode", "UTF8"],
    ["latin1", "LATIN1"],
    ["ISO-8859-1", "LATIN1"],
    ["ISO_8859_5", "ISO_8859_5"],
    ["iso885915", "LATIN9"],
    ["windows-1252", "WIN1252"],
    ["ALT", "WIN866"],
    ["koi8", "KOI8R"],
    ["sql ascii", "SQL_ASCII"],
  ])("%s is %s", (name, canonical) => {
    expect(findEncoding(name)).toBe(canonical);
  });

  test.each(serverEncodings)("%s is itself", (name) => {
    expect(findEncoding(name)).toBe(name);
  });

  test.each(["", "utf9", "utf-16", "SJIS", "BIG5", "GB18030", "\u212aoi8r", "u".padEnd(64, "-")])(
    "%j is none of a server",
    (name) => {
      expect(findEncoding(name)).toBeUndefined();
    },
  );
});
