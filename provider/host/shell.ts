import { randomBytes } from "node:crypto";
import type { Become } from "./host";

/**
 * Runs before every script, whoever's shell environment it is: a known PATH, English messages without touching the
 * locale of what is made (LC_ALL=C would become the cluster's), no PG* variable, private files, a readable directory.
 */
const preamble = `umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin
unset LC_ALL LANG LANGUAGE PGDATA PGHOST PGPORT PGUSER PGPASSWORD PGPASSFILE PGOPTIONS PGSSLMODE PGSERVICE
LC_MESSAGES=C
export PATH LC_MESSAGES
cd /
`;

/**
 * Locks and sessions where util-linux is missing (macOS), or busybox stands in for it, whose flock cannot wait for a
 * time: perl does the same on the same descriptor.
 */
export const locking = `lock() {
  case $(flock --help 2>&1) in *--wait*) flock "$@"; return ;; esac
  perl -MFcntl=:flock -e '$fd = pop; open F, ">>&=$fd" or die $!;
    exit(flock(F, LOCK_EX|LOCK_NB) ? 0 : 1) if $ARGV[0] eq "-n";
    $SIG{ALRM} = sub { exit 1 }; alarm $ARGV[1]; exit(flock(F, LOCK_EX) ? 0 : 1)' -- "$@"
}
command -v setsid >/dev/null 2>&1 || setsid() { exec perl -MPOSIX=setsid -e 'setsid(); exec @ARGV' -- "$@"; }
`;

/** The argv that runs a script with arguments. */
export function shell(script: string, args: readonly string[] = []): string[] {
  return ["sh", "-c", preamble + script, "pginstance", ...args];
}

/** The words before an argv that make it run as another user. */
export function becoming(
  user: string | undefined,
  login: { name: string; uid: number },
  become: Become,
): string[] {
  if (user === undefined || user === login.name || become.method === "none") return [];
  const method = become.method ?? (login.uid === 0 ? "runuser" : "sudo");
  return method === "runuser" ? ["runuser", "-u", user, "--"] : ["sudo", "-n", "-u", user, "--"];
}

/**
 * Several byte-exact outputs in one: `section NAME` starts one, and what is printed until the next belongs to it. The
 * nonce cannot be guessed, so no file's content can end a section.
 */
export interface Sections {
  readonly nonce: string;
  parse(output: Buffer): ReadonlyMap<string, Buffer>;
}

/** Shell function for scripts whose first argument is the nonce. */
export const sectionFunction = `nonce=$1; shift
section() { printf '\\n--%s %s\\n' "$nonce" "$1"; }
`;

export function sections(): Sections {
  const nonce = randomBytes(16).toString("hex");
  const mark = Buffer.from(`\n--${nonce} `);
  return {
    nonce,
    parse(output) {
      const found = new Map<string, Buffer>();
      let at = output.indexOf(mark);
      while (at >= 0) {
        const nameEnd = output.indexOf("\n", at + mark.length);
        const next = output.indexOf(mark, nameEnd);
        const name = output.toString("latin1", at + mark.length, nameEnd);
        found.set(name, output.subarray(nameEnd + 1, next < 0 ? output.length : next));
        at = next;
      }
      return found;
    },
  };
}
