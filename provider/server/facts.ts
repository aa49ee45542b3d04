import { InstanceStateError, UnsupportedError } from "../errors";
import type { Become, Host } from "../host/host";
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
}

export interface Wish {
  readonly version: Major;
  readonly owner?: string;
  /** The one place to look. */
  readonly binDirectory?: string;
  /** The first place to look, and the answer when there is none any more: not everything needs the programs. */
  readonly usualBinDirectory?: string;
  readonly become?: Become;
}

/**
 * Finds the owner, its home, the programs of the major, and what the host has; in two short scripts.
 * @throws UnsupportedError naming what is missing, where it was looked for, and the remedy
 */
export async function gatherFacts(host: Host, wish: Wish): Promise<HostFacts> {
  const login = await askLogin(host, wish.owner);
  const owner = chooseOwner(host, wish, login);
  const found = await askOwner(host, owner, wish);
  return { owner, home: login.home ?? "/nonexistent", memory: login.memory, ...found };
}

interface Login {
  readonly name: string;
  readonly uid: number;
  readonly memory: number;
  /** Of the wished owner, else of `postgres`, else of the login; undefined when that user does not exist. */
  readonly home: string | undefined;
  readonly candidate: string;
  readonly exists: boolean;
}

const loginScript = `${sectionFunction}
section name; id -un
section uid; id -u
section memory; awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo 2>/dev/null || sysctl -n hw.memsize
owner=$1
[ -n "$owner" ] || { owner=postgres; id -u postgres >/dev/null 2>&1 || owner=$(id -un); }
section candidate; echo "$owner"
section exists; id -u "$owner" 2>/dev/null
section home; eval echo "~$owner"
`;

async function askLogin(host: Host, owner: string | undefined): Promise<Login> {
  const output = sections();
  const result = await host.run({ name: "facts", script: loginScript, args: [output.nonce, owner ?? ""] });
  const parts = output.parse(result.stdout);
  const text = (name: string) => parts.get(name)?.toString("utf8").trim() ?? "";
  const home = text("home");
  return {
    name: text("name"),
    uid: Number(text("uid")),
    memory: Number(text("memory")) || 0,
    candidate: text("candidate"),
    exists: text("exists") !== "",
    home: home.startsWith("/") ? home : undefined,
  };
}

function chooseOwner(host: Host, wish: Wish, login: Login): string {
  if (!login.exists) {
    throw new UnsupportedError(`owner: ${host.name} has no user ${login.candidate}`, {
      hint: `Make it (useradd --system --create-home ${login.candidate}), or declare another owner.`,
    });
  }
  if (login.candidate === "root") {
    throw new UnsupportedError(
      `owner: PostgreSQL refuses to run as root, and ${host.name} has no user postgres`,
      {
        hint: "Make one (useradd --system --create-home postgres), or declare the owner.",
      },
    );
  }
  const owner = wish.owner ?? login.candidate;
  if (wish.become?.method === "none" && owner !== login.name) {
    throw new UnsupportedError(`become: "none" keeps the login ${login.name}, but ${owner} owns the server`, {
      hint: `Declare owner: "${login.name}", or another method to become ${owner}.`,
    });
  }
  return owner;
}

/** Runs as the owner: a program that only the login can read is of no use. */
const ownerScript = `${sectionFunction}
version=$1; shift
look() {
  [ -x "$1/postgres" ] || return
  section "bin $1"; "$1/postgres" --version
  for program in ${requiredPrograms.join(" ")}; do [ -x "$1/$program" ] || echo "missing $program"; done
}
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

async function askOwner(
  host: Host,
  owner: string,
  wish: Wish,
): Promise<Pick<HostFacts, "locales" | "binDirectory">> {
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
  if (!parts.has("locales")) {
    throw new UnsupportedError(`become: cannot run as ${owner} on ${host.name}: ${lastLine(result.stderr)}`, {
      hint: `Allow the login to become ${owner} without a password (sudo -n), or declare another owner.`,
    });
  }
  const found = [...parts]
    .filter(([name]) => name.startsWith("bin "))
    .map(([name, text]) => judge(name, text, wish));
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
  const locales = parts.get("locales")?.toString("utf8").split("\n").filter(Boolean) ?? [];
  return { binDirectory, locales };
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

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

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
