import { CommandError, InstanceStateError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import { timedOut } from "../host/session";
import { locking } from "../host/shell";
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
 */
export function pgCtl(target: Target): Service {
  const own = stateDirectory(target);
  const place = [target.binDirectory, target.dataDirectory, own];
  const run = async (session: Session, name: string, action: string, limits: string[], seconds: number) => {
    const args = [...place, ...limits];
    const result = await session.step({ name, script: functions + action, args, seconds: seconds + 10 });
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
      run(session, "start", 'start_server "$4" "$5"', [String(seconds), triggersArgument(note)], seconds),
    stop: (session, mode, seconds) =>
      run(session, "stop", 'stop_server "$4" "$5"', [signals[mode], String(seconds)], seconds),
    restart: (session, mode, { start, stop }, note) => {
      const args = [signals[mode], String(stop), String(start), triggersArgument(note)];
      return run(session, "restart", restart, args, start + stop);
    },
    reload: (session) => run(session, "reload", reload, [], 10),
  };
}

/** `-`, which no digest is: what is recorded stays. */
const triggersArgument = (note?: StartNote): string => (note ? (note.restartTriggers ?? "") : "-");

const signals = { smart: "TERM", fast: "INT", immediate: "QUIT" } as const satisfies Record<StopMode, string>;

/** Exit codes of the scripts below. */
const codes = { exited: 3, putBack: 4, notPutBack: 5, notRunning: 6 } as const;

/** $1 programs, $2 data directory, $3 our directory. The lock's descriptor 9 is closed for the server. */
const functions = `${locking}bin=$1 data=$2 own=$3
limit() { deadline=$(($(date +%s) + $1)); }
late() { [ "$(date +%s)" -ge "$deadline" ]; }
server_pid() { head -n 1 "$data/postmaster.pid" 2>/dev/null; }
alive() {
  kill -0 "$1" 2>/dev/null || return 1
  [ -r "/proc/$1/stat" ] || return 0
  read -r stat <"/proc/$1/stat"; stat=\${stat##*) }
  [ "\${stat%% *}" != Z ]
}
started() {
  if [ "$1" != - ]; then printf '%s' "$1" >"$own/triggers.new" && mv -f "$own/triggers.new" "$own/triggers"; fi
  rm -rf "$own/unapplied" "$own/previous"
}
start_server() {
  log=$own/postgresql.log
  size=$(wc -c <"$log" 2>/dev/null || echo 0)
  setsid "$bin/postgres" -D "$data" </dev/null >>"$log" 2>&1 8>&- 9>&- &
  pid=$!
  limit "$1"
  while :; do
    status=$(sed -n 8p "$data/postmaster.pid" 2>/dev/null)
    case $status in
      ready* | standby*) if [ "$(server_pid)" = "$pid" ]; then started "$2"; return 0; fi ;;
    esac
    alive "$pid" || { tail -c "+$((size + 1))" "$log" | tail -n 20 >&2; return ${codes.exited}; }
    late && { echo "status \${status:-unknown}" >&2; tail -n 3 "$log" >&2; return ${timedOut}; }
    sleep 0.02
  done
}
stop_server() {
  pid=$(server_pid)
  [ -n "$pid" ] && alive "$pid" || return 0
  kill "-$1" "$pid" || return 1
  limit "$2"
  while alive "$pid"; do
    late && { echo "still stopping; $(ps -o args= --ppid "$pid" 2>/dev/null | head -n 3)" >&2; return ${timedOut}; }
    sleep 0.02
  done
}
put_back() {
  [ -e "$own/previous/postgresql.conf" ] || return 1
  for file in postgresql.conf postgresql.auto.conf; do
    [ -e "$own/previous/$file" ] && cp -p "$own/previous/$file" "$data/$file.new" && mv -f "$data/$file.new" "$data/$file"
  done
  cp -p "$own/previous/originals.json" "$own/originals.json" 2>/dev/null || rm -f "$own/originals.json"
  rm -f "$own/unapplied"
}
`;

const restart = `stop_server "$4" "$5" || exit
start_server "$6" "$7"; code=$?
[ $code -eq ${codes.exited} ] || exit $code
put_back || exit ${codes.exited}
start_server "$6" - && exit ${codes.putBack}
exit ${codes.notPutBack}
`;

const reload = `pid=$(server_pid)
[ -n "$pid" ] && alive "$pid" || exit ${codes.notRunning}
kill -HUP "$pid"
`;

/** The server's own words, and what is so now. */
function failure(target: Target, name: string, exitCode: number, log: string): Error {
  const instance = describe(target);
  const quoted = log.trim().replace(/^/gm, "  ");
  if (exitCode === codes.notRunning) return new InstanceStateError(`${name}: ${instance} does not run`);
  const outcome: Readonly<Record<number, string>> = {
    [codes.putBack]: `postgresql.conf is back as it was, and ${instance} runs again.`,
    [codes.notPutBack]: `postgresql.conf is back as it was, but ${instance} does not start with it either.`,
  };
  return new CommandError(`${name}: the server of ${instance} exited. Its log says:\n${quoted}`, {
    command: name,
    exitCode,
    stderr: log,
    logTail: log,
    hint: outcome[exitCode] ?? `The whole log is ${logFile(target)}.`,
  });
}

/** After a reload that shut us out: the files go back without any SQL. False when there is nothing to put back. */
export async function putBack(session: Session, target: Target): Promise<boolean> {
  const args = [target.binDirectory, target.dataDirectory, stateDirectory(target)];
  const script = `${functions}put_back || exit 1\n${reload}`;
  const result = await session.step({ name: "put back", script, args, seconds: 20 });
  return result.exitCode === 0;
}
