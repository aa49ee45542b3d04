import { randomBytes } from "node:crypto";

/**
 * Runs before every script, whoever's shell environment it is: a known PATH, English messages without touching the
 * locale of what is made (LC_ALL=C would become the cluster's), no PG* variable, private files, a readable directory.
 */
export const preamble = `umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin
unset LC_ALL LC_CTYPE LANG LANGUAGE PGDATA PGHOST PGPORT PGUSER PGPASSWORD PGPASSFILE PGOPTIONS PGSSLMODE PGSERVICE
unset ENV BASH_ENV CDPATH IFS
LC_MESSAGES=C
export PATH LC_MESSAGES
cd /
`;

/** Looks once what every script of a shell would have to look for: util-linux's has an option of this name. */
export const lookForFlock = "case $(flock --help 2>&1) in *--timeout*) export PGINSTANCE_FLOCK=yes ;; esac\n";

/**
 * Locks and sessions where util-linux is missing: perl does the same on the same descriptor (macOS). The flock of busybox
 * (Alpine) cannot wait for a time, and is asked until that is over.
 */
export const locking = `lock() {
  [ "$PGINSTANCE_FLOCK" != yes ] || { flock "$@"; return; }
  command -v perl >/dev/null 2>&1 || { lock_again "$@"; return; }
  perl -MFcntl=:flock -e '$fd = pop; open F, ">>&=$fd" or die $!;
    exit(flock(F, LOCK_EX|LOCK_NB) ? 0 : 1) if $ARGV[0] eq "-n";
    $SIG{ALRM} = sub { exit 1 }; alarm $ARGV[1]; exit(flock(F, LOCK_EX) ? 0 : 1)' -- "$@"
}
lock_again() {
  [ "$1" != -n ] || { flock "$@"; return; }
  until=$(($(date +%s) + $2))
  until flock -n "$3"; do [ "$(date +%s)" -le "$until" ] || return 1; sleep 0.02; done
}
command -v setsid >/dev/null 2>&1 || setsid() { exec perl -MPOSIX=setsid -e 'setsid(); exec @ARGV' -- "$@"; }
`;

/** The one function that quotes for a shell. */
export function quote(word: string): string {
  if (word.includes("\0")) throw new TypeError("a NUL byte cannot be passed to a program");
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a shell's printf makes these bytes of, NUL among them, which no argument can have. */
export function printfFormat(bytes: Uint8Array): string {
  const plain = /[\w ,.()]/;
  const print = (byte: number) => {
    const character = String.fromCharCode(byte);
    return plain.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`;
  };
  return Array.from(bytes, print).join("");
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

export function newNonce(): string {
  return randomBytes(16).toString("hex");
}

export function sections(): Sections {
  const nonce = newNonce();
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
