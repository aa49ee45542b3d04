import { CommandError, WaitTimeoutError } from "../errors";
import { type Session, timedOut } from "../host/session";
import { locking, newNonce } from "../host/shell";
import { locate } from "./files";
import { mend } from "./outside";
import { serverFunctions } from "./service";
import { describe, stateDirectory, type Target } from "./target";

/** What goes on with a server in the foreground. */
export interface Attachment {
  /** Seconds until it must take sessions. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  readonly output?: (line: string) => void;
  readonly ready?: () => void;
}

/** A server that takes sessions, for as long as somebody holds it. */
export interface Attached {
  /** Kept until it has stopped. */
  readonly ended: Promise<void>;
}

/**
 * Runs the server as a child of a shell of ours, which ends it when its own input ends: with this process, with the
 * connection. Returns when the server takes sessions; the session's lock is needed until then.
 */
export async function attach(target: Target, session: Session, options: Attachment): Promise<Attached> {
  const { signal, timeout, output = toStandardError, ready } = options;
  const place = [target.binDirectory, target.dataDirectory, stateDirectory(target)];
  const shell = await target.host.reserve(target.owner);
  const word = newNonce();
  const last: string[] = [];
  let isStarted: (pid: string) => void = () => undefined;
  const started = new Promise<string>((resolve) => {
    isStarted = resolve;
  });
  const running = shell.follow(
    { name: "foreground", script: foreground, args: [...place.slice(0, 2), word] },
    (line) => {
      if (line.startsWith(`${word} `)) return isStarted(line.slice(word.length + 1));
      last.push(line);
      if (last.length > 20) last.shift();
      output(line);
    },
  );
  const stop = () => {
    const script = `${serverFunctions}stop_server INT 300`;
    target.host
      .run({ name: "stop", script, args: place, user: target.owner, seconds: 310 })
      .catch(() => undefined);
  };
  signal?.addEventListener("abort", stop, { once: true });
  const ended = running
    .then(({ exitCode }) => {
      if (exitCode !== 0 && !signal?.aborted) throw exited(target, exitCode, last);
    })
    .finally(() => {
      signal?.removeEventListener("abort", stop);
      shell.release();
    });
  // Heard of where it is awaited, below or by the caller.
  ended.catch(() => undefined);
  const pid = await Promise.race([started, ended]);
  if (signal?.aborted) stop();
  if (pid === undefined) return { ended };
  const args = [...place, String(timeout), pid];
  const { exitCode, stderr } = await session.step({
    name: "start",
    script: awaiting,
    args,
    seconds: timeout + 10,
  });
  if (exitCode === timedOut) {
    throw new WaitTimeoutError(`start of ${describe(target)}`, timeout, stderr.trim(), {
      hint: "The server is still at work; it stops when this process ends.",
    });
  }
  if (exitCode === 0) ready?.();
  else await ended;
  return { ended };
}

const toStandardError = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function exited(target: Target, exitCode: number, last: readonly string[]): CommandError {
  const words = last.map((line) => `  ${line}`).join("\n");
  return new CommandError(
    `start: the server of ${describe(target)} exited (${exitCode}). Its last words:\n${words}`,
    {
      command: "postgres",
      exitCode,
      logTail: last.join("\n"),
    },
  );
}

/**
 * Whoever ends the shell ends its input; the watcher, which nothing else ends, then stops the server. A builtin reads,
 * so that no process of its own outlives it. It runs in the shell's own process: the names of that are taken.
 */
const foreground = `bin=$1 data=$2 word=$3
${locking}${mend}${locate}mend
locate
exec 3<&0
setsid "$bin/postgres" -D "$data" \${elsewhere:+"--config-file=$elsewhere"} </dev/null 3<&- 9>&- & server=$!
echo "$word $server"
{ trap '' HUP INT TERM; while read -r line; do :; done; kill -INT "$server"; } <&3 9>&- &
watcher=$!
exec 3<&-
wait "$server"; code=$?
kill -KILL "$watcher"; wait "$watcher" 2>/dev/null
(exit $code)
`;

const awaiting = `${serverFunctions}log=/dev/null size=0 pid=$5
await_start "$4" -
`;
