/** What a postgresql.conf says, line by line: as the server reads it, and as we do. */
import { normalize } from "node:path";
import type { Client } from "pg";
import { confErrors, confLines, parseConf } from "../../../provider/postgresql/conf";
import { type ConfTree, readConfTree } from "../../../provider/postgresql/conf-tree";

/** `file:line name = "value"` in the order in which they are read, then `file:line` and what is wrong there. */
export type ConfReading = readonly string[];

/** All that there is to include, by absolute path: texts, and the names of the files in directories. */
export interface Included {
  readonly texts: ReadonlyMap<string, string>;
  readonly directories: ReadonlyMap<string, readonly string[]>;
}

const lowerCase = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const entry = (file: string, line: number, name: string, value: string) =>
  `${normalize(file)}:${line} ${name} = ${JSON.stringify(value)}`;
const problem = (file: string, line: number, what: string) => `${normalize(file)}:${line} ${what}`;

interface Row {
  readonly file: string;
  readonly line: number;
  readonly name: string | null;
  readonly value: string;
  readonly error: string;
}

/**
 * pg_file_settings reads the files anew at each query, each up to its first syntax error.
 * @param mark the name of the setting that stands before each of the readings
 */
export async function theirConf(client: Client, mark: string): Promise<string[][]> {
  const { rows } = await client.query<Row>(
    `SELECT sourcefile AS file, sourceline AS line, name, setting AS value, error FROM pg_file_settings
      WHERE sourcefile NOT LIKE '%/postgresql.auto.conf' ORDER BY seqno`,
  );
  const readings: Row[][] = [];
  for (const row of rows) {
    if (row.name === mark) readings.push([]);
    else readings.at(-1)?.push(row);
  }
  return readings.map((reading) => [
    ...reading.flatMap(({ file, line, name, value }) =>
      name === null ? [] : [entry(file, line, lowerCase(name), value)],
    ),
    ...reading
      .flatMap(({ file, line, name, error }) =>
        name === null ? [problem(file, line, error === "syntax error" ? "is wrong" : "finds nothing")] : [],
      )
      .sort(),
  ]);
}

type Missing = ConfTree["missing"][number];

export function ourConf(file: string, text: string, included: Included): string[] {
  const texts = new Map<string, string>();
  const directories = new Map<string, readonly string[]>();
  const problems: string[] = [];
  const missed = new Set<string>();
  const readUntilError = (path: string, content: string) => {
    const line = errorLine(content);
    if (line !== undefined) problems.push(problem(path, line, "is wrong"));
    return beforeError(content);
  };
  const read = ({ directive, path }: Missing) => {
    const place = normalize(path);
    const names = directive === "include_dir" ? included.directories.get(place) : undefined;
    const content = directive === "include_dir" ? undefined : included.texts.get(place);
    if (names === undefined && content === undefined && directive !== "include_if_exists") missed.add(path);
    if (directive === "include_dir") directories.set(path, names?.map((name) => `${path}/${name}`) ?? []);
    else texts.set(path, readUntilError(place, content ?? ""));
  };
  const isRead = ({ directive, path }: Missing) =>
    (directive === "include_dir" ? directories : texts).has(path);
  const right = readUntilError(file, text);
  let tree = readConfTree(file, right, { texts, directories });
  while (tree.missing.length > 0) {
    for (const one of tree.missing) if (!isRead(one)) read(one);
    tree = readConfTree(file, right, { texts, directories });
  }
  for (const { directive, value, line } of confLines(right)) {
    const isStrict = directive === "include" || directive === "include_dir";
    const isMissed = [...missed].some((path) => path.endsWith(`/${value}`));
    if (isStrict && isMissed) problems.push(problem(file, line, "finds nothing"));
  }
  return [...tree.entries.map((one) => entry(one.file, one.line, one.name, one.value)), ...problems.sort()];
}

function beforeError(text: string): string {
  const { lines } = parseConf(text);
  const [error] = confErrors({ lines });
  return lines
    .slice(0, error ? error.line - 1 : lines.length)
    .map((line) => line.text)
    .join("");
}

/** PostgreSQL counts one line too few where the file itself ends within a setting. */
function errorLine(text: string): number | undefined {
  const document = parseConf(text);
  const [error] = confErrors(document);
  if (error === undefined) return undefined;
  const isLast = error.line === document.lines.length && !text.endsWith("\n");
  return isLast && error.message.endsWith("end of line") ? error.line - 1 : error.line;
}
