import fc from "fast-check";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  confEntries,
  confErrors,
  confLines,
  editConf,
  parseConf,
  textToBytes,
} from "../../../provider/postgresql/conf";
import { postgresCheck } from "../../../provider/postgresql/programs";
import { type TestServer, testServer } from "./test-server";

let server: TestServer;
let client: Client;
beforeAll(async () => {
  // SQL_ASCII hands bytes through as they are.
  server = await testServer("15", { encoding: "SQL_ASCII" });
  await server.start();
  client = await server.connect();
});
afterAll(() => server?.remove());

interface Reading {
  readonly entries: readonly (readonly [line: number, name: string, value: string])[];
  readonly syntaxError?: number;
}

/** How the server reads the text: pg_file_settings reads the file anew at each query, up to its first syntax error. */
async function theirs(text: string): Promise<Reading> {
  await server.write("postgresql.conf", text);
  const { rows } = await client.query<{ line: number; name?: Buffer; value: Buffer; error?: string }>(
    `SELECT sourceline AS line, convert_to(name, 'SQL_ASCII') AS name, convert_to(setting, 'SQL_ASCII') AS value, error
       FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.conf' ORDER BY seqno`,
  );
  return {
    entries: rows.flatMap(({ line, name, value }) =>
      name
        ? [
            [
              line,
              name.toString("latin1").replace(/[A-Z]/g, (c) => c.toLowerCase()),
              value.toString("latin1"),
            ] as const,
          ]
        : [],
    ),
    syntaxError: rows.find(({ error }) => error === "syntax error")?.line,
  };
}

function ours(text: string): Reading {
  const document = parseConf(text);
  const [error] = confErrors(document);
  // PostgreSQL counts one line too few where the file itself ends within a setting.
  const atEnd =
    error?.line === document.lines.length && !text.endsWith("\n") && error.message.endsWith("end of line");
  return {
    entries: confEntries(document)
      .filter(({ line }) => line < (error?.line ?? Number.POSITIVE_INFINITY))
      .map(({ line, name, value }) => [line, name, value]),
    syntaxError: error && (atEnd ? error.line - 1 : error.line),
  };
}

async function expectSameReading(text: string) {
  expect({ text, ...ours(text) }).toEqual({ text, ...(await theirs(text)) });
}

describe("the server reads as we do", () => {
  test.each([
    ["an empty file", ""],
    ["no equals sign", "work_mem 4MB\nport\t5432\ncluster_name'x'\nlog_min_duration_statement+1\n"],
    ["capitals, digits and dots in names", "Work_MEM=4MB\nx2.Y3 = 1\n_a.b_ = 'c'\n"],
    ["bytes beyond ASCII in names and values", "caf\xe9.\xc0 = \xff\ncluster_name = 'Z\xfcrich \xc3\xbc'\n"],
    [
      "escapes",
      "a.b = 'it''s \\'\\b\\f\\n\\r\\t\\\\\\q\\101\\60\\0601\\777\\8\\1'\na.c = '\\0'\na.d = 'ab\\0cd'\n",
    ],
    ["raw NUL in quotes", "a.b = 'ab\0cd'\na.c = 'a\\n\0'\na.d = 'a\\\0'\na.e = 'a''\0b'\n"],
    ["# in quotes and behind values", "a.b = 'x # y' # z 'q'\na.c = x#y\n#a.d = 1\n  # a.e = 2\n"],
    ["no last line end", "a.b = 1\na.c = 2"],
    ["CRLF", "a.b = 1\r\n\r\na.c = 'x' \r\n# c\r\na.d=\r1\r\n"],
    [
      "numbers",
      "a.b = 0x1F\na.c = 0x1fkB\na.d = -.5e-3\na.e = .\na.f = +1.\na.g = 1min\na.h = 0x\na.i = -0xZ\n",
    ],
    ["unquoted strings", "a.b = Europe/Zurich\na.c = x-y.z:1/_\na.d = a.b.c\na.e = a.1\n"],
    ["the same name again", "port = 1\nPORT = 2\nport = 3\n"],
    ["bad names and values", "no_such_setting = 1\nport = x\nwork_mem = 4XB\n"],
    ["a byte order mark", "\xef\xbb\xbfport = 1\nwork_mem = 1MB\n"],
    [
      "10,000 lines",
      Array.from({ length: 10_000 }, (_, n) => (n % 10 ? `# ${n}\n` : `x.y${n} = '${n}' # ${n}\n`)).join(""),
    ],
  ])("%s", async (_, text) => {
    await expectSameReading(text);
  });

  test.each([
    "a.b = a.b",
    "a.b = /srv/x",
    "a.b = x, y",
    "a.b = 1.5GB",
    "a.b = 1e5",
    "a.b == 1",
    "1a = 1",
    "a.b.c = 1",
    "a.b = 'x",
    "a.b = 'x\\'",
    "a.b = 'a''",
    "a.b = 'x\\",
    "a.b =",
    "a.b",
    "a.b = 1 2",
    "= 1",
    "a.b\f= 1",
    "a.b = -",
    "a-b = 1",
    "a.b = x\0",
    "a.b = $user",
  ])("%j is a syntax error on its line", async (line) => {
    expect(ours(`${line}\n`).syntaxError).toBe(1);
    for (const text of [`${line}\n`, `x.y = 1\n${line}\r\nx.z = 1\n`, `x.y = 1\n\n${line}`])
      await expectSameReading(text);
  });

  test("include directives", async () => {
    const text =
      "a.b = 1\ninclude 'extra.conf'\nInclude_If_Exists = 'none.conf'\ninclude_dir'conf.d'\na.c = 1\n";
    expect(confLines(text).filter(({ directive }) => directive)).toHaveLength(3);
    await server.write("extra.conf", "extra.x = 1\n");
    await expectSameReading(text);
    const { rows } = await client.query(
      "SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%/extra.conf'",
    );
    expect(rows).toEqual([{ name: "extra.x" }]);
  });

  const piece = fc.constantFrom(
    ...[
      "work_mem",
      "Port",
      "x.Y",
      "\xe9",
      "=",
      " ",
      "\t",
      "'",
      "''",
      "'x y'",
      "'#'",
      "\\",
      "\\'",
      "\\061",
      "#",
      "\r",
    ],
    ...["\n", "\n", "\nq.r = ", "-1", "+", "0x1f", "4MB", "1.5", "e3", ".", ",", "/", ":", "on", "\f", "\0"],
  );
  // Of a raw NUL behind the opening quote the server makes whatever its memory held before.
  const soup = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("").replace(/'\0+/g, "'"));
  const setting = fc
    .tuple(fc.constantFrom("a.b", "Port", "x"), fc.constantFrom(" = ", "=", " ", ""), soup)
    .map((parts) => parts.join(""));

  test("generated files", async () => {
    const line = fc.oneof(
      soup,
      setting,
      setting.map((text) => text.replace(/[\0\n]/g, "")),
    );
    for (const lines of fc.sample(fc.array(line, { maxLength: 8 }), 400))
      await expectSameReading(lines.join("\n"));
  });

  test("what an edit wrote", async () => {
    const value = fc
      .oneof(soup, fc.string(), fc.string({ unit: "binary" }))
      .filter((candidate) => !/[\0\r\n]|\p{Surrogate}/u.test(candidate));
    const before = "a.b = 1 # one\n  A.C'x'\t# two\r\nwork_mem 4MB # three";
    for (const values of fc.sample(fc.array(value, { minLength: 4, maxLength: 4 }), 200)) {
      const [b = "", c = "", d = "", e = ""] = values;
      const edited = editConf(before, { "a.b": b, "a.c": c, "a.d": d, "a.e": e });
      const { entries, syntaxError } = await theirs(edited);
      expect({ edited, entries, syntaxError }).toEqual({
        edited,
        entries: [
          [1, "a.b", textToBytes(b)],
          [2, "a.c", textToBytes(c)],
          [3, "work_mem", "4MB"],
          [4, "a.d", textToBytes(d)],
          [5, "a.e", textToBytes(e)],
        ],
        syntaxError: undefined,
      });
    }
  });
});

describe("postgres -C with a candidate file beside the running server", () => {
  const check = async (text: string) => {
    await server.write("candidate.conf", text);
    const { binDirectory, dataDirectory } = server;
    const configFile = `${dataDirectory}/candidate.conf`;
    const [, ...argv] = postgresCheck({ binDirectory, dataDirectory, configFile, name: "max_connections" });
    return server.run("postgres", ...argv);
  };

  test("prints what the file sets", async () => {
    expect(await check(editConf("", { max_connections: "37" }))).toBe("37\n");
  });

  test("refuses what we call a syntax error, with its line", async () => {
    const text = "port = 1\nunix_socket_directories = /srv/x\n";
    const [error] = confErrors(parseConf(text));
    await expect(check(text)).rejects.toMatchObject({
      stderr: expect.stringContaining(`line ${error?.line}, near token "/"`),
    });
  });
});
