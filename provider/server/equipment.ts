import type { Host } from "../host/host";
import { sectionFunction, sections } from "../host/shell";
import { binDirectories, requiredPrograms, standbyPrograms } from "../postgresql/programs";
import { upgradePrograms } from "../postgresql/upgrade-programs";
import { type Major, majors, parseServerVersion, type ServerVersion } from "../postgresql/version";
import { requireToBe } from "./facts";

/** What a host has for instances of one owner, who looks. */
export interface Equipment {
  /** Empty: there is none. */
  readonly home: string;
  readonly isHomeWritable: boolean;
  /** Bytes free where the home is; null: not known. */
  readonly room: number | null;
  /** What locks are made of; empty: there is nothing. */
  readonly lock: string;
  /** What speaks with a server's socket; empty: there is nothing. */
  readonly relay: string;
  /** Folders with a `postgres` in them that the owner can run. */
  readonly programs: readonly Programs[];
  /** Where programs were looked for. */
  readonly looked: readonly string[];
}

export interface Programs {
  readonly directory: string;
  /** undefined: it is no PostgreSQL. */
  readonly version: ServerVersion | undefined;
  /** Of all programs that anything here needs, those that are not there. */
  readonly missing: readonly string[];
}

/** What cannot be done without some programs, as the property says that stands for it. */
export const uses: Readonly<Record<string, readonly string[]>> = {
  standby: standbyPrograms,
  "standby.rejoin": ["pg_rewind"],
  upgrade: upgradePrograms.to,
  finalDump: ["pg_dumpall", "pg_dump", "psql"],
  dataChecksums: ["pg_checksums"],
};

const everyProgram = [...new Set([...requiredPrograms, ...Object.values(uses).flat()])];

/**
 * @param binDirectory the one place to look for programs
 * @throws UnsupportedError where nobody can become the owner
 */
export async function lookAtEquipment(
  host: Host,
  owner: string,
  { version, binDirectory }: { readonly version?: Major; readonly binDirectory?: string },
): Promise<Equipment> {
  const usual = (version ? [version] : majors).flatMap(binDirectories);
  const looked = binDirectory ? [binDirectory] : [...new Set(usual)];
  const output = sections();
  const { stdout } = await host.run({
    name: "equipment",
    script,
    args: [output.nonce, binDirectory ? "there" : "anywhere", ...looked],
    user: owner,
  });
  const parts = output.parse(stdout);
  const text = (name: string) => parts.get(name)?.toString("utf8").trim() ?? "";
  requireToBe(owner, text("name"), host);
  const room = text("room");
  return {
    home: text("home"),
    isHomeWritable: text("writable") !== "",
    room: /^\d+$/.test(room) ? Number(room) * 1024 : null,
    lock: text("lock"),
    relay: text("relay"),
    programs: [...parts.keys()]
      .filter((name) => name.startsWith("bin "))
      .map((name) => readPrograms(name.slice("bin ".length), text(name))),
    looked: binDirectory ? looked : [...looked, "pg_config", "PATH"],
  };
}

function readPrograms(directory: string, text: string): Programs {
  const [version = "", ...missing] = text.split("\n");
  return { directory, version: parseServerVersion(version), missing };
}

/** In the order in which host/relay.ts looks. A folder that is found twice is looked at again, and counts once. */
const script = `${sectionFunction}
where=$1; shift
section name; id -un
has() { command -v "$1" >/dev/null 2>&1; }
look() {
  [ -x "$1/postgres" ] || return
  section "bin $1"; "$1/postgres" --version
  for program in ${everyProgram.join(" ")}; do [ -x "$1/$program" ] || echo "$program"; done
}
exec 2>/dev/null
for dir in "$@"; do look "$dir"; done
if [ "$where" = anywhere ]; then
  ! has pg_config || look "$(pg_config --bindir)"
  ! has postgres || look "$(dirname "$(command -v postgres)")"
fi
section lock
if [ "$PGINSTANCE_FLOCK" = yes ]; then echo flock; elif has perl; then echo perl; elif has flock; then echo flock; fi
section relay
if has perl; then echo perl; elif has python3; then echo python3; elif has socat; then echo socat
elif has nc && nc -h 2>&1 | grep -q -e -U; then echo nc; fi
cd && { section home; pwd; section writable; [ ! -w . ] || echo yes; section room; df -Pk . | awk 'NR == 2 { print $4 }'; }
exit 0
`;
