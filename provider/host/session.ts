import { CommandError, LockedError, WaitTimeoutError } from "../errors";
import { type Holder, isGone, newHolder } from "./holder";
import type { Command, CommandResult, Host, Shell } from "./host";
import { locking, sectionFunction, sections } from "./shell";

/**
 * The right to change what a folder stands for, and the journal of what is done under it.
 *
 * Two kernel-held locks, so that no clock decides: `lock` is held by the session's own shell and ends with it;
 * `step.lock` is held by the step's own wrapper, which outlives a lost session. Whoever comes next waits for that
 * step to end before looking at the host, and then sees either what it finished or where it died.
 */
export class Session {
  private constructor(
    /** The same host through the session's shell: what is run as its user needs no other. */
    readonly host: Host,
    private folder: string,
    readonly user: string,
    private readonly shell: Shell,
    private readonly holder: Holder,
    /** The step of an earlier session that this one found running and waited for. */
    readonly joined: string | undefined,
  ) {}

  /**
   * Makes the folder (and its parents, which the file `made` then lists) and takes its lock.
   * @throws LockedError when another session holds it; but for its last moments it is not waited for.
   */
  static async open(host: Host, directory: string, user: string): Promise<Session> {
    const session = await Session.#open(host, directory, user, true);
    if (session) return session;
    throw new CommandError(`cannot make ${directory} on ${host.name}`, { command: "lock" });
  }

  /** Takes the lock of a folder that is there; undefined where it is not. */
  static openExisting(host: Host, directory: string, user: string): Promise<Session | undefined> {
    return Session.#open(host, directory, user, false);
  }

  /** A shell whose connection was dead already, unnoticed, has locked nothing: another is asked, once. */
  static async #open(
    host: Host,
    directory: string,
    user: string,
    make: boolean,
    isAgain = false,
  ): Promise<Session | undefined> {
    const shell = await host.reserve(user);
    const holder = newHolder();
    let session: Session | undefined;
    try {
      const locked = await lock(host, shell, { directory, user, holder, make });
      if (locked) {
        session = new Session(throughShell(host, shell, user), directory, user, shell, holder, locked.joined);
      }
      return session;
    } catch (error) {
      const wasLate = error instanceof CommandError && error.timedOut;
      if (isAgain || wasLate || !shell.lost) throw error;
    } finally {
      if (!session) {
        holder.end();
        await unlock(shell);
      }
    }
    return Session.#open(host, directory, user, make, true);
  }

  get directory(): string {
    return this.folder;
  }

  /** It was renamed: its locks have gone with it, and the old name may go. */
  renamed(directory: string): void {
    this.folder = directory;
  }

  /** Why the lock is gone; undefined while it is held. */
  get lost(): Error | undefined {
    return this.shell.lost;
  }

  /** Runs a short script to its end, without a wrapper: what a cut leaves of it must not matter. */
  run(command: Omit<Command, "user">): Promise<CommandResult> {
    return this.shell.run(command);
  }

  /** Runs a script to its end in a wrapper that a lost session does not stop. A non-zero exit is a result. */
  async step(command: Omit<Command, "user">): Promise<CommandResult> {
    const seconds = command.seconds ?? 60;
    const output = sections();
    const result = await this.#launch(command, stepScript, output.nonce, seconds);
    const parts = output.parse(result.stdout);
    const stderr = parts.get("stderr")?.toString("utf8") ?? result.stderr;
    if (result.exitCode === timedOut) {
      throw new WaitTimeoutError(
        `${command.name} on ${this.host.name}`,
        seconds,
        stderr.trim() || "still at work",
        {
          hint: "Nothing was stopped: it goes on, and the next `pulumi up` waits for it.",
        },
      );
    }
    const exitCode = Number.parseInt(parts.get("exit")?.toString("latin1") ?? "", 10);
    if (result.exitCode !== 0 || Number.isNaN(exitCode)) {
      throw new CommandError(`${command.name}: its wrapper died on ${this.host.name}: ${stderr.trim()}`, {
        command: command.name,
        exitCode: result.exitCode,
        stderr,
        hint: goOn,
      });
    }
    return { exitCode, stdout: parts.get("stdout") ?? Buffer.alloc(0), stderr };
  }

  /** Has a step begin, and waits no longer: whoever comes next waits for its end, as after a lost session. */
  async begin(command: Omit<Command, "user">): Promise<void> {
    const { exitCode, stderr } = await this.#launch(command, beginScript, sections().nonce, 0);
    if (exitCode === 0) return;
    throw new CommandError(`${command.name} did not begin on ${this.host.name}: ${stderr.trim()}`, {
      command: command.name,
      exitCode,
      stderr,
      hint: goOn,
    });
  }

  #launch(
    command: Omit<Command, "user">,
    script: string,
    nonce: string,
    seconds: number,
  ): Promise<CommandResult> {
    const { name, stdin = "", args = [] } = command;
    const size = String(Buffer.byteLength(stdin));
    const all = [nonce, this.directory, name, String(seconds), size, command.script, ...args];
    return this.shell.run({ name, script, args: all, stdin, seconds: seconds + 30 });
  }

  /** Writes a file of the folder, whole or not at all. */
  write(file: string, content: string): Promise<void> {
    return this.#must(`write ${file} in`, writeScript, [file, String(Buffer.byteLength(content))], content);
  }

  /** Whether the folder has a file. */
  async has(file: string): Promise<boolean> {
    const script = 'if [ -e "$1/$2" ]; then echo yes; else echo no; fi';
    const { stdout } = await this.run({ name: `look for ${file}`, script, args: [this.directory, file] });
    return stdout.toString("latin1").trim() === "yes";
  }

  /** Removes files and folders of the folder. */
  remove(...names: string[]): Promise<void> {
    return this.#must(`remove ${names.join(", ")} from`, 'cd "$1" && shift && rm -rf -- "$@"', names);
  }

  /** Removes the folder, and the parents that were made for it as far as they are empty. */
  forget(): Promise<void> {
    return this.#must("remove", forgetScript);
  }

  /** A short script on the folder, that has no outcome but being done. */
  async #must(what: string, script: string, args: readonly string[] = [], stdin = ""): Promise<void> {
    const { host, directory } = this;
    const result = await this.shell.run({ name: what, script, args: [directory, ...args], stdin });
    if (result.exitCode === 0) return;
    const why = result.stderr.trim();
    throw new CommandError(`cannot ${what} ${directory} on ${host.name}: ${why}`, {
      command: what,
      exitCode: result.exitCode,
      stderr: result.stderr,
    });
  }

  /** Gives the lock back: when this returns, the next session can have it. */
  close(): Promise<void> {
    this.holder.end();
    return unlock(this.shell);
  }
}

const goOn = "Run `pulumi up` again: it looks at the host and goes on from there.";

/** With the step of an earlier session that was waited for; undefined when there is no folder, and none is to be made. */
async function lock(host: Host, shell: Shell, place: Place, evicted = ""): Promise<Locked | undefined> {
  const { directory, user, holder, make } = place;
  const result = await shell.hold({
    name: "lock",
    script: lockScript,
    args: [directory, `${holder.words}\n${holder.marks}`, String(joinSeconds), evicted, make ? "make" : ""],
    seconds: joinSeconds + 30,
  });
  const [first = "", marks = "", pid = ""] = result.stdout.toString("utf8").trim().split("\n");
  const [word, rest] = splitWord(first);
  if (word === "locked" && evicted === "" && isGone(marks)) return lock(host, shell, place, pid);
  if (word === "held") return { joined: rest || undefined };
  if (word === "absent") return undefined;
  if (word === "busy") {
    throw new WaitTimeoutError(`${rest} of an earlier run on ${host.name}`, joinSeconds, "still at work");
  }
  if (word === "locked") {
    throw new LockedError(rest, `${directory} on ${host.name} is being changed by ${rest}`, {
      hint: "Wait until it ends, then run `pulumi up` again.",
    });
  }
  throw new CommandError(
    `cannot use ${directory} on ${host.name} as ${user}: ${rest || result.stderr.trim()}`,
    {
      command: "lock",
      hint:
        `Make ${directory} for ${user} (as root: install -d -o ${user} -m 700 ${directory}); for a new instance, a ` +
        `dataDirectory in a folder that ${user} may write to does as well.`,
    },
  );
}

interface Place {
  readonly directory: string;
  readonly user: string;
  readonly holder: Holder;
  /** Whether the folder is made where it is missing. */
  readonly make: boolean;
}

interface Locked {
  readonly joined: string | undefined;
}

function splitWord(text: string): [word: string, rest: string] {
  const [word = "", ...rest] = text.split(" ");
  return [word, rest.join(" ")];
}

async function unlock(shell: Shell): Promise<void> {
  if (!shell.lost) {
    await shell.hold({ name: "unlock", script: "exec 9>&-", seconds: 10 }).catch(() => undefined);
  }
  shell.release();
}

/** The same host, where what is run as that user goes through this shell. */
export function throughShell(host: Host, shell: Shell, user: string): Host {
  return {
    name: host.name,
    run: (command) => ((command.user ?? user) === user ? shell.run(command) : host.run(command)),
    reserve: (other) => host.reserve(other),
  };
}

/** The exit code of a wait that reached its limit, in every script of ours. */
export const timedOut = 99;

/**
 * Runs in the session's shell, whose descriptor 9 is the lock. A shell whose connection was lost holds it until the
 * step that it waits for has ended: so that step is waited for first, and then the shell's last moments.
 */
const lockScript = `${locking}
make_folder() {
  [ -d "$1" ] && return
  parent=$(dirname "$1") made= up=$(dirname "$1")
  while [ ! -d "$up" ]; do made="$made$up
"; up=$(dirname "$up"); done
  mkdir -p "$parent" || return 1
  if problem=$(mkdir "$1" 2>&1); then printf '%s' "$made" >"$1/made"; elif [ ! -d "$1" ]; then echo "$problem" >&2; return 1; fi
}
# What somebody else put there, a link too, may be swapped at any time.
is_own() { [ -O "$1" ] && { [ ! -L "$1" ] || [ -n "$(find "$1" -prune -user "$(id -u)")" ]; }; }
await_step() {
  [ -e "$1/step.lock" ] || return 0
  exec 8>>"$1/step.lock"
  lock -n 8 && return 0
  joined=$(cat "$1/step.name")
  lock -w "$2" 8
}
take_lock() {
  joined=
  [ -d "$1" ] || [ "$5" = make ] || { echo absent; return; }
  if ! problem=$(make_folder "$1" 2>&1); then echo "failed $problem"; return; fi
  is_own "$1" || { echo "failed $1 belongs to somebody else, and is not used"; return; }
  if ! problem=$( (: >>"$1/lock") 2>&1); then echo "failed cannot open its lock: $problem"; return; fi
  exec 9>>"$1/lock"
  # The shell of a holder that is no more, on a connection of which the host has not heard the end.
  [ -z "$4" ] || case $(ls -l "/proc/$4/fd" 2>/dev/null) in *"$1/lock"*) kill "$4" ;; esac
  if ! lock -n 9; then
    await_step "$1" "$3"; waited=$?; exec 8>&-
    lock -w 2 9 || { exec 9>&-; echo "locked $(cat "$1/holder" 2>/dev/null)"; return; }
  fi
  await_step "$1" "$3"; waited=$?; exec 8>&-
  if [ $waited -ne 0 ]; then exec 9>&-; echo "busy $joined"; return; fi
  printf '%s\\n%s\\n' "$2" $$ >"$1/holder"
  echo "held $joined"
}
take_lock "$@"
`;

/** A session that dies while it writes closes its pipe: what came until then is not what was meant. */
const complete = `complete() { [ $(wc -c <"$1") -eq "$2" ] || { rm -f "$1"; echo "its input was cut off" >&2; return 1; }; }
`;

const writeScript = `${complete}cat >"$1/$2.new" && complete "$1/$2.new" "$3" && mv -f "$1/$2.new" "$1/$2"`;

const beginScript = `${sectionFunction}${locking}${complete}
dir=$1 name=$2 limit=$3 size=$4 body=$5; shift 5
exec 9>>"$dir/step.lock" || exit 1
lock -n 9 || { echo "another step still runs" >&2; exit 75; }
rm -f "$dir/step.exit"
printf '%s\\n' "$name" >"$dir/step.name" && cat >"$dir/step.in" && complete "$dir/step.in" "$size" || exit 1
setsid sh -c 'dir=$1 body=$2; shift 2
  sh -c "$body" step "$@" <"$dir/step.in" >"$dir/step.out" 2>"$dir/step.err"
  code=$?; rm -f "$dir/step.in"; echo $code >"$dir/step.exit.new"; mv "$dir/step.exit.new" "$dir/step.exit"
' wrapper "$dir" "$body" "$@" </dev/null >/dev/null 2>&1 &
exec 9>&-
`;

const stepScript = `${beginScript}exec 8>>"$dir/step.lock"
lock -w "$limit" 8; reached=$?
section stdout; cat "$dir/step.out"
section stderr; cat "$dir/step.err"
section exit; cat "$dir/step.exit" 2>/dev/null
[ $reached -eq 0 ] || exit ${timedOut}
`;

/**
 * The deepest first. Parents that others still live in are left to the next of us there to remove: one at a time on a
 * host, or that one may have read already what it is to remove.
 */
const forgetScript = `${locking}exec 7</
lock -w 10 7
made=$(cat "$1/made" 2>/dev/null)
rm -rf "$1" || exit 1
printf '%s\\n' "$made" | sort -ru | while read -r up; do
  [ -d "$up" ] || continue
  rmdir "$up" 2>/dev/null && continue
  for heir in "$up"/*/made "$up"/*/*/made; do
    [ -f "$heir" ] && { printf '%s\\n' "$made" >>"$heir"; break; }
  done
  break
done
exit 0
`;

/** Longer than any step of ours may take before somebody should look at it. */
const joinSeconds = 3600;
