import { ConnectionError, InstanceStateError, UnsupportedError } from "../errors";
import type { Host } from "../host/host";
import { sectionFunction, sections } from "../host/shell";
import { equalLocales } from "../postgresql/locale";
import { binDirectories, requiredPrograms } from "../postgresql/programs";
import { type Major, parseServerVersion } from "../postgresql/version";

/** What a host decides where the program does not. */
export interface HostFacts {
  readonly owner: string;
  readonly home: string;
  readonly memory: number;
  readonly locales: readonly string[];
  readonly binDirectory: string;
  /** Process 1 is systemd. */
  readonly hasSystemd: boolean;
}

export interface Wish {
  readonly version: Major;
  readonly owner?: string;
  /** The one place to look. */
  readonly binDirectory?: string;
  /** The first place to look, and the answer when there is none any more: not everything needs the programs. */
  readonly usualBinDirectory?: string;
}

/** What was found on a host holds for a run, and a long program looks again; what was missing is looked for again. */
const known = new WeakMap<Host, Map<string, Promise<HostFacts>>>();

/**
 * Finds the owner, its home, the programs of the major, and what the host has: in one script, where the owner is known.
 * @throws UnsupportedError naming what is missing, where it was looked for, and the remedy
 */
export function gatherFacts(host: Host, wish: Wish): Promise<HostFacts> {
  const ofHost = known.get(host) ?? new Map<string, Promise<HostFacts>>();
  known.set(host, ofHost);
  const key = JSON.stringify(wish);
  const before = ofHost.get(key);
  if (before) return before;
  const gathered = lookAround(host, wish);
  ofHost.set(key, gathered);
  const forget = () => ofHost.delete(key);
  gathered.then(() => setTimeout(forget, keptFor).unref(), forget);
  return gathered;
}

/** Milliseconds. */
const keptFor = 600_000;

/** The one that is declared, or the usual one. */
export async function findOwner(host: Host, declared?: string): Promise<string> {
  return refuseRoot(host, declared ?? (await usualOwner(host)));
}

async function lookAround(host: Host, wish: Wish): Promise<HostFacts> {
  const owner = await findOwner(host, wish.owner);
  return { owner, ...(await asOwner(host, owner, () => askOwner(host, owner, wish))) };
}

/**
 * What is asked of a host as the owner.
 * @throws UnsupportedError when there is no such user; that nobody can become it says less
 */
export async function asOwner<T>(host: Host, owner: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UnsupportedError || isBecome(error)) await requireUser(host, owner);
    throw error;
  }
}

/** A way to become another may lead nowhere: `none` stays what it was. */
export function requireToBe(owner: string, is: string, host: Host): void {
  if (is === owner) return;
  throw new UnsupportedError(`become: cannot run as ${owner} on ${host.name}, only as ${is}`, {
    hint: `Declare owner: "${is}", or another method to become ${owner}.`,
  });
}

const isBecome = (error: unknown): boolean => error instanceof ConnectionError && error.phase === "become";

/** `postgres` where there is such a user, else the login. */
async function usualOwner(host: Host): Promise<string> {
  const script = "id -u postgres >/dev/null 2>&1 && echo postgres || id -un";
  const { stdout } = await host.run({ name: "facts", script });
  return stdout.toString("utf8").trim();
}

function refuseRoot(host: Host, owner: string): string {
  if (owner !== "root") return owner;
  throw new UnsupportedError(`owner: PostgreSQL refuses to run as root, on ${host.name} too`, {
    hint: "Make a user postgres (useradd --system --create-home postgres), or declare another owner.",
  });
}

/** Why nobody can become that user, where that is the reason. */
async function requireUser(host: Host, owner: string): Promise<void> {
  const { exitCode } = await host.run({ name: "facts", script: 'id -u "$1"', args: [owner] });
  if (exitCode === 0) return;
  throw new UnsupportedError(`owner: ${host.name} has no user ${owner}`, {
    hint: `Make it (useradd --system --create-home ${owner}), or declare another owner.`,
  });
}

/** Runs as the owner: a program that only the login can read is of no use. */
const ownerScript = `${sectionFunction}
version=$1; shift
look() {
  [ -x "$1/postgres" ] || return
  section "bin $1"; "$1/postgres" --version
  for program in ${requiredPrograms.join(" ")}; do [ -x "$1/$program" ] || echo "missing $program"; done
}
section name; id -un
section home; cd && pwd
section memory; awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo 2>/dev/null || sysctl -n hw.memsize
section systemd; [ -d /run/systemd/system ] && echo yes
section locales; locale -a 2>/dev/null
for dir in "$@"; do look "$dir"; done
[ "$version" = - ] && exit 0
for name in pg_config postgres; do
  path=$(command -v "$name") || continue
  dir=$(dirname "$path"); [ "$name" = pg_config ] && dir=$(pg_config --bindir)
  look "$dir"
done
exit 0
`;

async function askOwner(host: Host, owner: string, wish: Wish): Promise<Omit<HostFacts, "owner">> {
  const usual = wish.usualBinDirectory ? [wish.usualBinDirectory] : [];
  const places = wish.binDirectory
    ? [wish.binDirectory]
    : [...new Set([...usual, ...binDirectories(wish.version)])];
  const output = sections();
  const result = await host.run({
    name: "facts",
    script: ownerScript,
    args: [output.nonce, wish.binDirectory ? "-" : wish.version, ...places],
    user: owner,
  });
  const parts = output.parse(result.stdout);
  const text = (name: string) => parts.get(name)?.toString("utf8").trim() ?? "";
  requireToBe(owner, text("name"), host);
  const found = [...parts]
    .filter(([name]) => name.startsWith("bin "))
    .map(([name, section]) => judge(name, section, wish));
  // Another one that is declared must be there; the one that served so far need not.
  const last = places.find((place) => place === wish.usualBinDirectory);
  const binDirectory = found.find((place) => place.problem === undefined)?.directory ?? last;
  if (binDirectory === undefined) {
    const seen = found.map((place) => `${place.directory} (${place.problem})`);
    const looked = [...seen, ...places.filter((place) => !found.some((other) => other.directory === place))];
    throw new UnsupportedError(
      `binDirectory: no PostgreSQL ${wish.version} on ${host.name} that ${owner} can run. Looked at ${looked.join(", ")}` +
        (wish.binDirectory ? "" : ", pg_config and PATH"),
      { hint: `Install it (Debian: apt-get install postgresql-${wish.version}), or declare binDirectory.` },
    );
  }
  const home = text("home").startsWith("/") ? text("home") : "/nonexistent";
  const locales = text("locales").split("\n").filter(Boolean);
  const hasSystemd = text("systemd") !== "";
  return { binDirectory, hasSystemd, locales, home, memory: Number(text("memory")) || 0 };
}

function judge(section: string, text: Buffer, wish: Wish): { directory: string; problem?: string } {
  const directory = section.slice("bin ".length);
  const lines = text.toString("utf8").trim().split("\n");
  const version = parseServerVersion(lines[0] ?? "");
  if (version?.major !== wish.version)
    return { directory, problem: `is ${version?.version ?? "no PostgreSQL"}` };
  const missing = lines
    .filter((line) => line.startsWith("missing "))
    .map((line) => line.slice("missing ".length));
  return missing.length > 0 ? { directory, problem: `lacks ${missing.join(", ")}` } : { directory };
}

/**
 * The locale of a new instance: the declared one if the host has it, else C.UTF-8 where it exists, else C.
 * @throws InstanceStateError naming the host's locales
 */
export function chooseLocale(
  host: Host,
  facts: HostFacts,
  wished: string | undefined,
  encoding: string,
): string {
  const has = (name: string) =>
    equalLocales(name, "C") || facts.locales.some((known) => equalLocales(known, name));
  if (wished === undefined) return encoding === "UTF8" && has("C.UTF-8") ? "C.UTF-8" : "C";
  if (has(wished)) return wished;
  throw new InstanceStateError(`locale: ${host.name} has no locale ${JSON.stringify(wished)}`, {
    hint: `It has ${facts.locales.join(", ")}. Debian makes more with dpkg-reconfigure locales.`,
  });
}
