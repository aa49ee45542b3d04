/**
 * A file of ssh_config(5), as far as it is read without asking anybody or running anything: which of its lines are for a
 * host. The parser is ssh-config's; what it makes of Match, of Include, of the case of keywords and of which value comes
 * first is not ssh's, so that is done here.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { type Line, LineType, parse } from "ssh-config";
import { expanded, problemOf } from "./credentials";
import { matches } from "./known-hosts";

/** One line that says something. */
export interface Entry {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** In lower case. */
  readonly keyword: string;
  /** As it is written there. */
  readonly spelling: string;
  readonly words: readonly string[];
  /** Of Host and Match: what is under it. */
  readonly block: readonly Entry[];
}

/** What is wrong with a file, and where. */
export class ConfigFileError extends Error {}

export const at = ({ file, line }: Pick<Entry, "file" | "line">, reason: string) =>
  new ConfigFileError(`${file}:${line}: ${reason}`);

/** Whom the lines are for. What the program declares counts as on ssh's command line. */
export interface Wanted {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
}

/** The lines for a host, by keyword: the first of each, and all of those that add up. */
export type Found = ReadonlyMap<string, readonly Entry[]>;

const adding = ["identityfile", "certificatefile"];
/** Whichever of the two comes first is the way. */
const sameOption: Readonly<Record<string, string>> = { proxycommand: "proxy", proxyjump: "proxy" };

/** @throws ConfigFileError for what is wrong, or cannot be read without running something */
export async function readConfigFile(path: string, wanted: Wanted): Promise<Found> {
  const found = new Map<string, readonly Entry[]>();
  const context = { wanted, found, isFinal: false, wantsFinal: false };
  const entries = await read(resolve(path));
  await walk(entries, context, 0);
  if (context.wantsFinal) await walk(entries, { ...context, isFinal: true }, 0);
  return found;
}

interface Context {
  readonly wanted: Wanted;
  readonly found: Map<string, readonly Entry[]>;
  readonly isFinal: boolean;
  /** Whether something asked for a second pass. */
  wantsFinal: boolean;
}

const deepest = 16;

async function walk(entries: readonly Entry[], context: Context, depth: number): Promise<void> {
  for (const entry of entries) {
    const { keyword, words, block } = entry;
    if (keyword === "host") {
      if (isForHost(words, context.wanted.host)) await walk(block, context, depth);
    } else if (keyword === "match") {
      if (isMatch(entry, context)) await walk(block, context, depth);
    } else if (keyword === "include") {
      if (depth >= deepest) throw at(entry, `more than ${deepest} files include each other`);
      for (const file of (await Promise.all(words.map(included))).flat()) {
        await walk(await read(file), context, depth + 1);
      }
    } else {
      const option = sameOption[keyword] ?? keyword;
      const before = context.found.get(option) ?? [];
      const isRepeated = before.some((one) => one.words.join() === entry.words.join());
      if (before.length === 0 || (adding.includes(option) && !isRepeated)) {
        context.found.set(option, [...before, entry]);
      }
    }
  }
}

function isForHost(patterns: readonly string[], host: string): boolean {
  const matching = patterns.filter((pattern) => matches(pattern.replace(/^!/, ""), host));
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith("!"));
}

/** Criteria with commas; one that is excluded excludes all. */
const isListed = (list: string, name: string) => isForHost(list.split(","), name);

/** What `Match` compares with the words behind a criterion. */
const subjects: Readonly<Record<string, (context: Context) => string>> = {
  host: ({ wanted, found }) => hostNameOf(wanted.host, found),
  originalhost: ({ wanted }) => wanted.host,
  user: ({ wanted, found }) => wanted.user ?? found.get("user")?.[0]?.words[0] ?? userInfo().username,
  localuser: () => userInfo().username,
};

/** Every criterion, from the left; those behind one that fails are not looked at. */
function isMatch(entry: Entry, context: Context): boolean {
  const words = [...entry.words];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const criterion = word.replace(/^!/, "").toLowerCase();
    const isNegated = word.startsWith("!");
    if (criterion === "final") context.wantsFinal = true;
    const isSo = holds(entry, criterion, words, context);
    if (isSo === isNegated) return false;
  }
  return true;
}

function holds(entry: Entry, criterion: string, words: string[], context: Context): boolean {
  if (criterion === "all") return true;
  if (criterion === "final" || criterion === "canonical") return context.isFinal;
  const subject = subjects[criterion];
  if (!subject) throw at(entry, `Match ${criterion} is not read here`);
  return isListed(words.shift() ?? "", subject(context));
}

export function hostNameOf(host: string, found: Found): string {
  const [name = host] = found.get("hostname")?.[0]?.words ?? [];
  return name.replaceAll(/%[h%]/g, (token) => (token === "%h" ? host : "%"));
}

/** The files that an Include names, in order; one that is not there is none. Relative ones lie in ~/.ssh. */
async function included(word: string): Promise<string[]> {
  const path = word.startsWith("~/") ? expanded(word, process.env) : resolve(homedir(), ".ssh", word);
  let found = ["/"];
  for (const part of path.split("/").filter((one) => one !== "")) {
    found = (await Promise.all(found.map((folder) => inside(folder, part)))).flat();
  }
  return found.filter((file) => existsSync(file));
}

async function inside(folder: string, pattern: string): Promise<string[]> {
  if (!/[*?]/.test(pattern)) return [join(folder, pattern)];
  const names = await readdir(folder).catch(() => []);
  const isHidden = (name: string) => name.startsWith(".") && !pattern.startsWith(".");
  const fitting = names.filter((name) => !isHidden(name) && matches(pattern, name)).sort();
  return fitting.map((name) => join(folder, name));
}

async function read(file: string): Promise<Entry[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new ConfigFileError(`${file} ${problemOf(error)}`);
  });
  try {
    return entriesOf(parse(text), file);
  } catch (error) {
    if (error instanceof ConfigFileError) throw error;
    throw new ConfigFileError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** The parser keeps every line break, so that lines can be counted. */
function entriesOf(lines: readonly Line[], file: string): Entry[] {
  let line = 1;
  const numbered = (some: readonly Line[]): Entry[] =>
    some.flatMap((one) => {
      line += breaksIn(one.before);
      const first = line;
      if (one.type !== LineType.DIRECTIVE) {
        line += breaksIn(one.after);
        return [];
      }
      if (/\s/.test(one.param) || one.value.length === 0) throw at({ file, line: first }, "has no value");
      const words = typeof one.value === "string" ? [one.value] : one.value.map(({ val }) => val);
      line += breaksIn(one.after);
      const block = "config" in one ? numbered(one.config) : [];
      const spelling = one.param;
      return [{ file, line: first, keyword: spelling.toLowerCase(), spelling, words, block }];
    });
  return numbered(lines);
}

const breaksIn = (text: string) => text.split("\n").length - 1;
