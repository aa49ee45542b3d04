import { hostname, userInfo } from "node:os";
import type { Duplex } from "node:stream";
import { CommandError, LockedError, WaitTimeoutError } from "../errors";
import type { Command, CommandResult, Host } from "./host";
import { locking, sectionFunction, sections } from "./shell";

/**
 * The right to change what a folder stands for, and the journal of what is done under it.
 *
 * Two kernel-held locks, so that no clock decides: `lock` is held by a small process of the session's and ends with
 * it; `step.lock` is held by the step's own wrapper, which outlives a lost session. Whoever comes next waits for that
 * step to end before looking at the host, and then sees either what it finished or where it died.
 */
export class Session {
  private constructor(
    readonly host: Host,
    readonly directory: string,
    readonly user: string,
    private readonly holder: Duplex,
    /** The step of an earlier session that this one found running and waited for. */
    readonly joined: string | undefined,
  ) {
    holder.once("close", () => {
      this.#lost = true;
    });
  }

  /** Whether the process that holds the lock is gone; then somebody else may have it. */
  #lost = false;

  #requireLock(): void {
    if (!this.#lost) return;
    throw new LockedError("nobody", `the lock of ${this.directory} on ${this.host.name} was lost`, {
      hint: "Run `pulumi up` again: it looks at the host and goes on from there.",
    });
  }

  /**
   * Makes the folder (and its parents, which the file `made` then lists) and takes its lock.
   * @throws LockedError when another session holds it; it is not waited for.
   */
  static async open(host: Host, directory: string, user: string): Promise<Session> {
    const holder = `${userInfo().username}@${hostname()} (process ${process.pid})`;
    const stream = await host.stream({ name: "lock", script: openScript, args: [directory, holder], user });
    const answer = await firstLine(stream, host, directory);
    if (answer.startsWith("locked ")) {
      stream.destroy();
      throw new LockedError(
        answer.slice(7),
        `${directory} on ${host.name} is being changed by ${answer.slice(7)}`,
        {
          hint: "Wait until it ends, then run `pulumi up` again.",
        },
      );
    }
    if (answer !== "held") {
      stream.destroy();
      throw new CommandError(`cannot use ${directory} on ${host.name} as ${user}: ${answer.slice(7)}`, {
        command: "lock",
        hint: `Give ${user} a folder that it may write to, or another dataDirectory.`,
      });
    }
    try {
      return new Session(host, directory, user, stream, await join(host, directory, user));
    } catch (error) {
      await released(stream);
      throw error;
    }
  }

  /** Runs a script to its end in a wrapper that a lost session does not stop. A non-zero exit is a result. */
  async step(command: Omit<Command, "user">): Promise<CommandResult> {
    this.#requireLock();
    const seconds = command.seconds ?? 60;
    const output = sections();
    const result = await this.host.run({
      name: command.name,
      script: stepScript,
      args: [
        output.nonce,
        this.directory,
        command.name,
        String(seconds),
        String(Buffer.byteLength(command.stdin ?? "")),
        command.script,
        ...(command.args ?? []),
      ],
      stdin: command.stdin,
      user: this.user,
      seconds: seconds + 30,
    });
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
        hint: "Run `pulumi up` again: it looks at the host and goes on from there.",
      });
    }
    return { exitCode, stdout: parts.get("stdout") ?? Buffer.alloc(0), stderr };
  }

  /** Writes a file of the folder, whole or not at all. */
  write(file: string, content: string): Promise<void> {
    return this.#must(`write ${file} in`, writeScript, [file, String(Buffer.byteLength(content))], content);
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
    this.#requireLock();
    const { host, directory, user } = this;
    const result = await host.run({ name: what, script, args: [directory, ...args], stdin, user });
    if (result.exitCode === 0) return;
    const why = result.stderr.trim();
    throw new CommandError(`cannot ${what} ${directory} on ${host.name}: ${why}`, {
      command: what,
      exitCode: result.exitCode,
      stderr: result.stderr,
    });
  }

  /** Gives the lock back: when this returns, the next session can have it. */
  async close(): Promise<void> {
    await released(this.holder);
  }
}

/** The exit code of a wait that reached its limit, in every script of ours. */
export const timedOut = 99;

const openScript = `${locking}
fail() { echo "failed $1"; exit 1; }
parent=$(dirname "$1")
if [ ! -d "$1" ]; then
  made= ; up=$parent
  while [ ! -d "$up" ]; do made="$made$up
"; up=$(dirname "$up"); done
  problem=$(mkdir -p "$parent" 2>&1) || fail "$problem"
  if problem=$(mkdir "$1" 2>&1); then printf '%s' "$made" >"$1/made"; elif [ ! -d "$1" ]; then fail "$problem"; fi
fi
(: >>"$1/lock") 2>/dev/null || fail "cannot open its lock"
exec 9>>"$1/lock"
lock -n 9 || { echo "locked $(head -n 1 "$1/holder" 2>/dev/null)"; exit 1; }
printf '%s\\n' "$2" >"$1/holder"
echo held
cat >/dev/null
exec 9>&-
`;

/** A session that dies while it writes closes its pipe: what came until then is not what was meant. */
const complete = `complete() { [ $(wc -c <"$1") -eq "$2" ] || { rm -f "$1"; echo "its input was cut off" >&2; return 1; }; }
`;

const writeScript = `${complete}cat >"$1/$2.new" && complete "$1/$2.new" "$3" && mv -f "$1/$2.new" "$1/$2"`;

const stepScript = `${sectionFunction}${locking}${complete}
dir=$1 name=$2 limit=$3 size=$4 body=$5; shift 5
exec 9>>"$dir/step.lock" || exit 1
lock -n 9 || { echo "another step still runs" >&2; exit 75; }
rm -f "$dir/step.exit"
printf '%s\\n' "$name" >"$dir/step.name" && cat >"$dir/step.in" && complete "$dir/step.in" "$size" || exit 1
setsid sh -c 'dir=$1 body=$2; shift 2
  sh -c "$body" step "$@" <"$dir/step.in" >"$dir/step.out" 2>"$dir/step.err"
  code=$?; rm -f "$dir/step.in"; echo $code >"$dir/step.exit.new"; mv "$dir/step.exit.new" "$dir/step.exit"
' wrapper "$dir" "$body" "$@" </dev/null >/dev/null 2>&1 &
exec 9>&- 8>>"$dir/step.lock"
lock -w "$limit" 8; reached=$?
section stdout; cat "$dir/step.out"
section stderr; cat "$dir/step.err"
section exit; cat "$dir/step.exit" 2>/dev/null
[ $reached -eq 0 ] || exit ${timedOut}
`;

const joinScript = `${locking}
[ -e "$1/step.lock" ] || exit 0
exec 8>>"$1/step.lock"
lock -n 8 && exit 0
cat "$1/step.name"
lock -w "$2" 8 || exit ${timedOut}
`;

/** Parents that others still live in are left to the next of us there to remove. */
const forgetScript = `made=$(cat "$1/made" 2>/dev/null)
rm -rf "$1" || exit 1
printf '%s\\n' "$made" | while read -r up; do
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

async function join(host: Host, directory: string, user: string): Promise<string | undefined> {
  const result = await host.run({
    name: "join",
    script: joinScript,
    args: [directory, String(joinSeconds)],
    user,
    seconds: joinSeconds + 30,
  });
  const name = result.stdout.toString("utf8").trim();
  if (result.exitCode === timedOut) {
    throw new WaitTimeoutError(`${name} of an earlier run on ${host.name}`, joinSeconds, "still at work");
  }
  return name === "" ? undefined : name;
}

/** The holder ends when its input does, and its output ends when it has let go. */
async function released(holder: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    if (holder.readableEnded || holder.destroyed) return resolve();
    const limit = setTimeout(resolve, 5_000);
    const ended = () => {
      clearTimeout(limit);
      resolve();
    };
    holder.once("end", ended).once("close", ended).end();
  });
  holder.destroy();
}

function firstLine(stream: Duplex, host: Host, directory: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const lost = () => {
      clearTimeout(limit);
      reject(new CommandError(`cannot lock ${directory} on ${host.name}: no answer`, { command: "lock" }));
    };
    const limit = setTimeout(lost, 30_000);
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const end = text.indexOf("\n");
      if (end < 0) return;
      clearTimeout(limit);
      resolve(text.slice(0, end));
    });
    stream.on("error", lost).once("close", lost);
  });
}
