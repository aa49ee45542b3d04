/**
 * postgresql.conf with what it includes, as the server reads it: an included file stands in the place of its line.
 * https://www.postgresql.org/docs/current/config-setting.html#CONFIG-INCLUDES
 */
import { bytesToText, confLines, type IncludeDirective } from "./conf";

/** A setting as some file has it. */
export interface PlacedEntry {
  readonly name: string;
  /** Bytes, one a character. */
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

/** A file or a directory that a line names, by its absolute path. */
export interface Included {
  readonly directive: IncludeDirective;
  readonly path: string;
}

/** What has been read so far: texts of files, and the files of directories. What is not there is empty. */
export interface ConfFiles {
  readonly texts: ReadonlyMap<string, string>;
  readonly directories: ReadonlyMap<string, readonly string[]>;
}

export const noFiles: ConfFiles = { texts: new Map(), directories: new Map() };

export interface ConfTree {
  readonly entries: readonly PlacedEntry[];
  /** What has to be read before the entries are all that there are. */
  readonly missing: readonly Included[];
}

/** CONF_FILE_MAX_DEPTH in src/include/utils/conffiles.h: the server refuses what is nested deeper. */
const maxDepth = 10;

/** The settings in the order in which the server reads them: of equal names the last one counts. */
export function readConfTree(file: string, text: string, files: ConfFiles): ConfTree {
  const entries: PlacedEntry[] = [];
  const missing: Included[] = [];
  const readText = (path: string, content: string, depth: number) => {
    for (const { name, value, line, directive } of confLines(content)) {
      if (directive === undefined) entries.push({ name, value, file: path, line });
      else if (depth < maxDepth) follow({ directive, path: besides(path, bytesToText(value)) }, depth + 1);
    }
  };
  const readFile = (included: Included, depth: number) => {
    const content = files.texts.get(included.path);
    if (content === undefined) missing.push(included);
    else readText(included.path, content, depth);
  };
  const follow = (included: Included, depth: number) => {
    if (included.directive !== "include_dir") return readFile(included, depth);
    const listed = files.directories.get(included.path);
    if (listed === undefined) missing.push(included);
    for (const path of listed ?? []) readFile({ directive: "include", path }, depth);
  };
  readText(file, text, 0);
  return { entries, missing };
}

/** AbsoluteConfigLocation() in src/backend/utils/misc/conffiles.c: a slash at the end makes no difference. */
function besides(file: string, written: string): string {
  const path = written.replace(/(?<=.)\/+$/, "");
  return path.startsWith("/") ? path : `${file.slice(0, file.lastIndexOf("/"))}/${path}`;
}

/** Names whose last word another file has: a line of theirs in this one has to come after all that it includes. */
export function settledElsewhere(file: string, entries: readonly PlacedEntry[]): ReadonlySet<string> {
  const last = new Map(entries.map((entry) => [entry.name, entry.file]));
  return new Set([...last].filter(([, where]) => where !== file).map(([name]) => name));
}
