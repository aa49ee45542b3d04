import { describe, expect, test } from "vitest";
import { SettingsError } from "../../../provider/errors";
import {
  bytesToText,
  confEntries,
  confErrors,
  confLines,
  editConf,
  parseConf,
  printConf,
  textToBytes,
} from "../../../provider/postgresql/conf";

const entries = (text: string) => confEntries(parseConf(text)).map(({ name, value }) => [name, value]);

describe("what a line says", () => {
  test.each([
    ["name = value", "port = 5432", "port", "5432"],
    ["without an equals sign", "port 5432", "port", "5432"],
    ["without white space", "port=5432", "port", "5432"],
    ["a quoted value next to its name", "search_path'a'", "search_path", "a"],
    ["a signed number next to its name", "log_min_duration_statement+1", "log_min_duration_statement", "+1"],
    ["capitals in a name", "Work_MEM = 4MB", "work_mem", "4MB"],
    ["a dot in a name", "plpgsql.Check_Asserts = off", "plpgsql.check_asserts", "off"],
    ["digits in a name", "x2.y3 = 1", "x2.y3", "1"],
    ["bytes beyond ASCII in a name", "caf\xc3\x89.x = 1", "caf\xc3\x89.x", "1"],
    ["a comment behind", "port = 5432# 'here'", "port", "5432"],
    ["a # in quotes", "cluster_name = 'a # b' # c", "cluster_name", "a # b"],
    ["a doubled quote", "cluster_name = 'it''s'", "cluster_name", "it's"],
    ["an escaped quote", "cluster_name = 'it\\'s'", "cluster_name", "it's"],
    ["letters escaped", "cluster_name = '\\b\\f\\n\\r\\t\\q\\\\'", "cluster_name", "\b\f\n\r\tq\\"],
    ["octal bytes", "cluster_name = '\\101\\60\\0601\\777\\8'", "cluster_name", "A001\xff8"],
    ["an escaped NUL, which ends the value", "cluster_name = 'ab\\0cd'", "cluster_name", "ab"],
    ["an empty value", "listen_addresses = ''", "listen_addresses", ""],
    ["a unit", "work_mem = 4MB", "work_mem", "4MB"],
    ["a hexadecimal number", "work_mem = 0x1Fkb", "work_mem", "0x1Fkb"],
    ["a real number", "seq_page_cost = -.5e-3", "seq_page_cost", "-.5e-3"],
    ["an unquoted string", "timezone = Europe/Zurich", "timezone", "Europe/Zurich"],
    ["indentation and CRLF", "\t port = 5432 \r\n", "port", "5432"],
  ])("%s", (_, line, name, value) => {
    expect(entries(line)).toEqual([[name, value]]);
  });

  test.each([
    ["a path without quotes", "unix_socket_directories=/srv/x", 'token "/"'],
    ["a qualified name as value", "search_path = a.b", 'token "a.b"'],
    ["two values", "search_path = a, b", 'token ","'],
    ["a real number with a unit", "work_mem = 1.5GB", 'token "GB"'],
    ["an exponent without a point", "seq_page_cost = 1e5", 'token "5"'],
    ["a name that begins with a digit", "1x = 1", 'token "1x"'],
    ["a name with two dots", "a.b.c = 1", 'token "a.b.c"'],
    ["a quote left open", "cluster_name = 'x", `token "'"`],
    ["two equals signs", "port == 1", 'token "="'],
    ["a form feed", "port\f= 1", 'token "\f"'],
    ["no value", "port =", "end of line"],
    ["a name alone", "port", "end of line"],
  ])("%s is a syntax error", (_, line, near) => {
    const document = parseConf(`# first\n${line}\r\nport = 1\n`);
    expect(confErrors(document)).toEqual([{ line: 2, text: line, message: `syntax error near ${near}` }]);
    expect(confEntries(document)).toEqual([{ name: "port", value: "1", line: 3 }]);
  });

  test("include directives are no settings", () => {
    const text = "include 'a.conf'\nInclude_Dir = 'd'\nport = 1\ninclude_if_exists=b\n";
    expect(confLines(text)).toEqual([
      { directive: "include", name: "include", value: "a.conf", line: 1 },
      { directive: "include_dir", name: "include_dir", value: "d", line: 2 },
      { name: "port", value: "1", line: 3 },
      { directive: "include_if_exists", name: "include_if_exists", value: "b", line: 4 },
    ]);
    expect(confEntries(parseConf(text))).toEqual([{ name: "port", value: "1", line: 3 }]);
  });

  test.each(["", "\n", "#", "a = 1", "a = 1\r", "\r\n\n x", "\0'\\"])("%j prints as it was", (text) => {
    expect(printConf(parseConf(text))).toBe(text);
  });

  test("a long line of quotes is read in no time", () => {
    expect(confErrors(parseConf(`x = ${"'\\".repeat(40_000)}`))).toHaveLength(1);
    expect(entries(`x = '${"''".repeat(200_000)}'`)[0]?.[1]).toHaveLength(200_000);
  });
});

describe("an edit", () => {
  test("keeps indentation, spelling, equals sign, comment and line end", () => {
    expect(editConf("  Work_Mem  '4MB'\t# mine\r\nport=1", { work_mem: "8MB" })).toBe(
      "  Work_Mem  8MB\t# mine\r\nport=1",
    );
  });

  test("rewrites the last of several lines, the one that counts", () => {
    expect(editConf("port=1\n#port=2\nport=3\n", { port: "4" })).toBe("port=1\n#port=2\nport=4\n");
  });

  test("leaves a line alone that already says so", () => {
    expect(editConf("cluster_name = '\\141'  # a\n", { cluster_name: "a" })).toBe(
      "cluster_name = '\\141'  # a\n",
    );
  });

  test("appends what is not there, in the file's own line ends", () => {
    expect(editConf("", { port: "1" })).toBe("port = 1\n");
    expect(editConf("a = 1", { port: "1" })).toBe("a = 1\nport = 1\n");
    expect(editConf("a = 1\r\nb = 2", { port: "1", c: "x y" })).toBe(
      "a = 1\r\nb = 2\r\nport = 1\r\nc = 'x y'\r\n",
    );
  });

  test("takes a malformed line for none that sets the name", () => {
    expect(editConf("port =\n", { port: "1" })).toBe("port =\nport = 1\n");
  });

  test("removes every line that sets the name", () => {
    expect(editConf("PORT=1\na=1\nport 2", { port: null })).toBe("a=1\n");
    expect(editConf("a=1\n", { port: null })).toBe("a=1\n");
  });

  test.each([
    ["on", "on"],
    ["-1", "-1"],
    ["4MB", "4MB"],
    ["0.5", "0.5"],
    ["md5-x_1", "md5-x_1"],
    ["", "''"],
    ["a.b", "'a.b'"],
    ["1.5GB", "'1.5GB'"],
    ["1e5", "'1e5'"],
    ["2020-01-01", "'2020-01-01'"],
    ["/srv/x", "'/srv/x'"],
    ["it's", "'it''s'"],
    ["a\\nb", "'a\\\\nb'"],
    ["x # y", "'x # y'"],
    ["$user, public", "'$user, public'"],
    ["Zürich", "'Z\xc3\xbcrich'"],
  ])("writes %j as %s", (value, written) => {
    expect(editConf("", { x: value })).toBe(`x = ${written}\n`);
  });

  test("keeps a value apart from a name it stands next to", () => {
    expect(editConf("x'a'", { x: "b" })).toBe("x'b'");
    expect(editConf("x+1", { x: "2" })).toBe("x'2'");
  });

  test.each(["a\nb", "a\rb", "a\0b", "\ud800"])("refuses the value %j without printing it", (value) => {
    expect(() => editConf("", { secret: value })).toThrow(SettingsError);
    expect(() => editConf("", { secret: value })).not.toThrow(value);
  });

  test.each(["", "a b", "a\nb", "1x", "a.b.c", "x=1", "include", "Include_Dir"])(
    "refuses the name %j",
    (name) => {
      expect(() => editConf("", { [name]: "1" })).toThrow(SettingsError);
      expect(() => editConf("", { [name]: null })).toThrow(SettingsError);
    },
  );

  test("refuses a name given twice", () => {
    expect(() => editConf("", { port: "1", Port: "2" })).toThrow(SettingsError);
  });
});

describe("bytes and text", () => {
  test.each(["", "Zürich", "\ufeffx", "日本 😀"])("%j comes back", (text) => {
    expect(bytesToText(textToBytes(text))).toBe(text);
  });

  test("bytes that are no UTF-8 are read as latin1", () => {
    expect(bytesToText("Z\xfcrich")).toBe("Zürich");
  });
});
