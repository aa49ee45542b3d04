import { CommandError, InstanceStateError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import { timedOut } from "../host/session";
import { locking } from "../host/shell";
import { backAsItWas, copies } from "./copies";
import { mend } from "./outside";
import { beginStarting, starting, startingStep } from "./starter";
import { describe, logFile, stateDirectory, type Target } from "./target";

export type StopMode = "smart" | "fast" | "immediate";

/** What a start has applied, recorded by the step itself: whoever dies after it would have it restarted again. */
export interface StartNote {
  readonly restartTriggers: string | null;
}

/** How a server is started and stopped on a host. Each returns when it is so, or says what the server said. */
export interface Service {
  start(session: Session, seconds: number, note?: StartNote): Promise<void>;
  stop(session: Session, mode: StopMode, seconds: number): Promise<void>;
  /** In one step: a lost connection does not leave the server stopped. */
  restart(
    session: Session,
    mode: StopMode,
    seconds: { start: number; stop: number },
    note?: StartNote,
  ): Promise<void>;
  /** SIGHUP, without SQL. */
  reload(session: Session): Promise<void>;
}

/**
 * What pg_ctl does, without its grid of 100 ms: the postmaster in a session of its own, its status read from line 8 of
 * postmaster.pid (src/include/utils/pidfile.h), signals as of
 * https://www.postgresql.org/docs/current/server-shutdown.html.
 * @param wait false: each returns as soon as it has begun; the next session waits for its end
 */
export function pgCtl(target: Target, wait = true): Service {
  const own = stateDirectory(target);
  const place = [target.binDirectory, target.dataDirectory, own];
  const run = async (session: Session, name: string, action: string, limits: string[], seconds: number) => {
    const args = [...place, ...limits];
    const command = { name, script: serverFunctions + action, args, seconds: seconds + 10 };
    if (!wait) return beginStarting(target, session, command);
    const result = await startingStep(target, session, command);
    if (result.exitCode === 0) return;
    if (result.exitCode === timedOut) {
      throw new WaitTimeoutError(`${name} of ${describe(target)}`, seconds, result.stderr.trim(), {
        hint: "The server is still at work; nothing was killed or put back. Look again with `pulumi refresh`.",
      });
    }
    throw failure(target, name, result.exitCode, result.stderr);
  };
  return {
    start: (session, seconds, note) =>
      run(
        session,
        "start",
        'reach_systemd; start_server "$4" "$5"',
        [String(seconds), triggersArgument(note)],
        seconds,
      ),
    stop: (session, mode, seconds) =>
      run(session, "stop", 'stop_server "$4" "$5"', [signals[mode], String(seconds)], seconds),
    restart: (session, mode, { start, stop }, note) => {
      const args = [signals[mode], String(stop), String(start), triggersArgument(note)];
      return run(session, "restart", restart, args, start + stop);
    },
    async reload(session) {
      const result = await session.run({
        name: "reload",
        script: serverFunctions + reload,
        args: place,
        seconds: 20,
      });
      if (result.exitCode !== 0) throw failure(target, "reload", result.exitCode, result.stderr);
    },
  };
}

/** `-`, which no digest is: what is recorded stays. */
export const triggersArgument = (note?: StartNote): string => (note ? (note.restartTriggers ?? "") : "-");

export const signals = { smart: "TERM", fast: "INT", immediate: "QUIT" } as const satisfies Record<
  StopMode,
  string
>;

/** Exit codes of the scripts below. */
export const serverCodes = { exited: 3, putBack: 4, notPutBack: 5, notRunning: 6, unreadable: 7 } as const;

/**
 * $1 programs, $2 data directory, $3 our directory. The lock's descriptor 9 is closed for the server. An id in
 * postmaster.pid is the server's only while that process works in the data directory: no other is ever signalled. The
 * clock has whole seconds, so a limit may be a second longer, never shorter.
 */
export const serverFunctions = `${locking}${copies}${mend}${starting}bin=$1 data=$2 own=$3
limit() { deadline=$(($(date +%s) + $1)); }
late() { [ "$(date +%s)" -gt "$deadline" ]; }
server_pid() {
  read -r found 2>/dev/null <"$data/postmaster.pid" || return 1
  case $found in '' | *[!0-9]*) return 1 ;; esac
  if [ -d /proc/self ]; then where=$(readlink "/proc/$found/cwd"); else where=$(lsof -a -p "$found" -d cwd -Fn 2>/dev/null | sed -n 's/^n//p'); fi
  [ "$where" = "$data" ] || [ "$where" = "$(cd -P "$data" && pwd -P)" ] || return 1
  echo "$found"
}
alive() {
  kill -0 "$1" 2>/dev/null || return 1
  [ -r "/proc/$1/stat" ] || return 0
  read -r stat <"/proc/$1/stat"; stat=\${stat##*) }
  [ "\${stat%% *}" != Z ]
}
started() {
  if [ "$1" != - ]; then printf '%s' "$1" >"$own/triggers.new" && mv -f "$own/triggers.new" "$own/triggers"; fi
  rm -f "$own/unapplied"
  keep started
}
start_server() {
  mend
  locate
  log=$own/postgresql.log
  size=$(wc -c 2>/dev/null <"$log" || echo 0)
  if [ -s "$own/unit" ]; then ask_systemd || return
  else
    setsid "$bin/postgres" -D "$data" \${elsewhere:+"--config-file=$elsewhere"} </dev/null >>"$log" 2>&1 8>&- 9>&- &
    pid=$!
  fi
  await_start "$1" "$2"
}
has_ended() {
  if [ -n "$answer" ]; then refused_by_systemd; else ! alive "$pid"; fi
}
# Of the process $pid, or of the one that systemd starts; $2 is what its start has applied.
await_start() {
  limit "$1"
  while :; do
    found= status=
    { read -r found; for line in 2 3 4 5 6 7 8; do read -r status; done; } 2>/dev/null <"$data/postmaster.pid"
    [ -z "$answer" ] || pid=$found
    # Of one and the same file: what a killed server left says "ready" too.
    case $found/$status in "$pid/ready"* | "$pid/standby"*) [ "$(server_pid)" != "$pid" ] || { heard_of_start; started "$2"; return 0; } ;; esac
    ! has_ended || { tail -c "+$((size + 1))" "$log" | tail -n 20 >&2; return ${serverCodes.exited}; }
    late && { echo "status \${status:-unknown}" >&2; tail -n 3 "$log" >&2; return ${timedOut}; }
    sleep 0.005
  done
}
# Whether a server would read its files: what somebody broke by hand shall not be found out while nobody is served.
read_files() {
  mend
  locate
  "$bin/postgres" -D "$data" \${elsewhere:+"--config-file=$elsewhere"} -C data_directory >/dev/null || return ${serverCodes.unreadable}
}
stop_server() {
  pid=$(server_pid)
  [ -n "$pid" ] && alive "$pid" || return 0
  kill "-$1" "$pid" || return 1
  limit "$2"
  while alive "$pid"; do
    late && { echo "still stopping; $(ps -o args= --ppid "$pid" 2>/dev/null | head -n 3)" >&2; return ${timedOut}; }
    sleep 0.005
  done
}
`;

/** A copy of before a write is of use only while that write is not applied. */
const restart = `reach_systemd
[ -z "$(server_pid)" ] || read_files || exit
[ -e "$own/unapplied" ] || rm -rf "$own/previous"
stop_server "$4" "$5" || exit
start_server "$6" "$7"; code=$?
for copy in previous started; do
  [ $code -eq ${serverCodes.exited} ] || break
  put_back $copy || continue
  start_server "$6" - && exit ${serverCodes.putBack}
  code=${serverCodes.exited} tried=yes
done
[ -n "$tried" ] && exit ${serverCodes.notPutBack}
exit $code
`;

const reload = `pid=$(server_pid)
[ -n "$pid" ] && alive "$pid" || exit ${serverCodes.notRunning}
kill -HUP "$pid"
`;

/** The server's own words, and what is so now. */
function failure(target: Target, name: string, exitCode: number, log: string): Error {
  const instance = describe(target);
  const quoted = log.trim().replace(/^/gm, "  ");
  if (exitCode === serverCodes.notRunning) return new InstanceStateError(`${name}: ${instance} does not run`);
  if (exitCode === serverCodes.unreadable) {
    return new CommandError(`${name}: ${instance} would not start with its files:\n${quoted}`, {
      ...{ command: name, exitCode, stderr: log },
      hint: "Nothing was stopped. Correct the file, and run this again.",
    });
  }
  const outcome: Readonly<Record<number, string>> = {
    [serverCodes.putBack]: backAsItWas(target, `and ${instance} runs again`),
    [serverCodes.notPutBack]: backAsItWas(target, `but ${instance} does not start with it either`),
  };
  return new CommandError(`${name}: the server of ${instance} exited. Its log says:\n${quoted}`, {
    command: name,
    exitCode,
    stderr: log,
    logTail: log,
    hint: outcome[exitCode] ?? `The whole log is ${logFile(target)}.`,
  });
}
