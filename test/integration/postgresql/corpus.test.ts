/**
 * The parsers of PostgreSQL's files against PostgreSQL itself, on lines as odd as people write them and on the files that
 * each major comes with: what a server says is there is what we say is there, line by line.
 */
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessEntries } from "../../../provider/postgresql/access";
import { lexAccess } from "../../../provider/postgresql/access-lexer";
import { parseConf, printConf } from "../../../provider/postgresql/conf";
import { printHba } from "../../../provider/postgresql/hba";
import { parseHbaRecord, parseIdentRecord } from "../../../provider/postgresql/hba-record";
import { printIdent } from "../../../provider/postgresql/ident";
import { hbaFiles, hbaLines, identLines, namedFiles } from "../../support/corpus/access";
import { confLines, includedConf } from "../../support/corpus/conf";
import { majors } from "../../support/servers";
import {
  type HbaReading,
  type IdentReading,
  ourHba,
  ourIdent,
  placedRecords,
  shown,
  theirHba,
  theirIdent,
} from "./access-reading";
import { ourConf, theirConf } from "./conf-reading";
import { type TestServer, testServer } from "./test-server";

const lines = (table: Readonly<Record<string, readonly string[]>>): string[] => Object.values(table).flat();
const count = (texts: readonly string[]) => texts.join("\n").match(/[^\n]+/g)?.length ?? 0;

const tally: object[] = [];
afterAll(() => console.table(tally));

test.each([
  ["postgresql.conf", lines(confLines)],
  ["pg_hba.conf", lines(hbaLines)],
])("there are 150 different lines of %s", (_, all) => {
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(150);
});

test("every text prints as it was", () => {
  const texts = [...lines(confLines), ...lines(hbaLines), ...lines(identLines), ...Object.values(hbaFiles)];
  for (const text of texts.flatMap((one) => [one, `${one}\n`, `${one}\r\n`])) {
    expect(printConf(parseConf(text))).toBe(text);
    expect(printAccess(text)).toBe(text);
  }
});

const printAccess = (text: string) =>
  lexAccess(text)
    .map((line) => line.text)
    .join("");

describe.each(majors)("PostgreSQL %s", (major) => {
  let server: TestServer;
  let client: Client;
  const samples: Record<string, readonly string[]> = {};
  const at = (name: string) => join(server.dataDirectory, name);

  beforeAll(async () => {
    // One byte is one character there, as it is here.
    server = await testServer(major, { encoding: "LATIN1" });
    await server.start();
    client = await server.connect();
    for (const name of ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"])
      samples[name] = await shipped(name);
    await put(namedFiles);
  });
  afterAll(() => server?.remove());

  /** As the major's share directory has it, and as initdb wrote it. */
  const shipped = async (name: string) => {
    const { rows } = await client.query<{ texts: string[] }>(
      `SELECT ARRAY[convert_from(pg_read_binary_file(setting || '/' || $1 || '.sample'), 'LATIN1'),
                    convert_from(pg_read_binary_file($1), 'LATIN1')] AS texts
         FROM pg_config() WHERE name = 'SHAREDIR'`,
      [name],
    );
    return rows[0]?.texts ?? [];
  };
  /** Also with their comments for lines of the file. */
  const samplesOf = (name: string, comment: RegExp) =>
    (samples[name] ?? []).flatMap((text) => [text, text.replace(comment, "")]);

  const put = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(at(name)), { recursive: true });
      await server.write(name, text);
      if (name.includes("/")) await chmod(dirname(at(name)), 0o755);
      await chmod(at(name), 0o644);
    }
  };

  /** What is read in each of the texts. */
  function expectSame<T>(
    kind: string,
    texts: readonly string[],
    ours: readonly T[][],
    theirs: readonly T[][],
  ) {
    const divergences = texts.flatMap((text, number) => {
      const [we, they] = [ours[number] ?? [], theirs[number] ?? []];
      return [...we, ...they.slice(we.length)].flatMap((_, at) =>
        isDeepStrictEqual(we[at], they[at]) ? [] : [{ text: text.slice(0, 100), we: we[at], they: they[at] }],
      );
    });
    tally.push({ major, kind, lines: count(texts), divergences: divergences.length });
    expect(divergences).toEqual([]);
    expect([ours.length, theirs.length]).toEqual([texts.length, texts.length]);
  }

  test("reads each postgresql.conf as we do, with what it includes", async () => {
    const texts = [
      ...lines(confLines).flatMap((line) => [`${line}\n`, `${line.replaceAll("\n", "\r\n")}\r\n`, line]),
      ...samplesOf("postgresql.conf", /^#(?=\w+ = )/gm),
    ];
    const included = Object.entries(includedConf).map(([name, text]) => [`corpus/${name}`, text] as const);
    await put({
      ...Object.fromEntries([...included, ...texts.map((text, number) => [`corpus/${number}.conf`, text])]),
      "postgresql.conf": texts.map((_, n) => `corpus.number = ${n}\ninclude 'corpus/${n}.conf'\n`).join(""),
    });
    const files = {
      texts: new Map(included.map(([name, text]) => [at(name), text])),
      directories: new Map([[at("corpus/more.d"), ["a.conf", "b.conf"]]]),
    };
    const ours = texts.map((text, number) => ourConf(at(`corpus/${number}.conf`), text, files));
    expectSame("postgresql.conf", texts, ours, await theirConf(client, "corpus.number"));
  });

  const hbaTexts = () => [
    `${lines(hbaLines).join("\n")}\n`,
    ...Object.values(hbaFiles),
    ...samplesOf("pg_hba.conf", /^# ?/gm),
  ];
  const readHba = async (text: string) => {
    await put({ "pg_hba.conf": text });
    return theirHba(client, major);
  };

  test("reads each pg_hba.conf as we do", async () => {
    const texts = hbaTexts();
    const ours: HbaReading[][] = [];
    const theirs: HbaReading[][] = [];
    for (const text of texts) {
      const rows = await readHba(text);
      const taken = linesOf(rows.filter(({ method }) => method !== undefined));
      theirs.push(rows.map((row) => (row.options ? { ...row, options: shown(row.options) } : row)));
      ours.push(
        placedRecords(text, major, rows).map((record) =>
          taken.has(record.line) ? ourHba(record, namedFiles) : { line: record.line },
        ),
      );
    }
    expectSame("pg_hba.conf", texts, ours, theirs);
  });

  test.each<[how: string, print: (line: string) => string]>([
    ["in one spelling", (line) => accessEntries(line)[0]?.text ?? ""],
    ["as they are declared", (line) => printHba([parseHbaRecord(line)]).split("\n")[1] ?? ""],
  ])("takes the records of pg_hba.conf that we print %s for the same", async (how, print) => {
    const text = hbaTexts().join("\n");
    const before = (await readHba(text)).filter(({ method }) => method !== undefined);
    // What a program declares is UTF-8 in the file; the records here need not be.
    const records = placedRecords(text, major).filter(
      ({ line, ...record }) => linesOf(before).has(line) && /^[\t-~]*$/.test(record.text),
    );
    const printed = records.map((record) => print(record.text));
    const same = records.map(({ line }, n) => ({ ...before.find((row) => row.line === line), line: n + 1 }));
    expectSame(
      `pg_hba.conf, printed ${how}`,
      [printed.join("\n")],
      [same],
      [await readHba(printed.join("\n"))],
    );
  });

  const readIdent = async (text: string) => {
    await put({ "pg_ident.conf": text });
    return theirIdent(client, major);
  };

  // PostgreSQL 14 has no view of it.
  if (major === "14") return;
  test("reads each pg_ident.conf as we do, and what we print of it", async () => {
    const texts = [`${lines(identLines).join("\n")}\n`, ...samplesOf("pg_ident.conf", /^# ?/gm)];
    const ours: IdentReading[][] = [];
    const theirs: IdentReading[][] = [];
    const printed: string[] = [];
    const wanted: IdentReading[][] = [];
    const again: IdentReading[][] = [];
    for (const text of texts) {
      const rows = await readIdent(text);
      const taken = linesOf(rows.filter(({ fields }) => fields !== undefined));
      const records = placedRecords(text, major, rows);
      const good = records.filter(({ line }) => taken.has(line));
      theirs.push(rows);
      ours.push(records.map((record) => (taken.has(record.line) ? ourIdent(record) : { line: record.line })));
      const [, ...lines] = printIdent(good.map((record) => parseIdentRecord(record.text))).split("\n");
      printed.push(lines.join("\n"));
      again.push(await readIdent(lines.join("\n")));
      wanted.push(good.map((record, index) => ({ ...ourIdent(record), line: index + 1 })));
    }
    expectSame("pg_ident.conf", texts, ours, theirs);
    expectSame("pg_ident.conf, printed", printed, wanted, again);
  });
});

const linesOf = (rows: readonly { readonly line: number }[]) => new Set(rows.map(({ line }) => line));
