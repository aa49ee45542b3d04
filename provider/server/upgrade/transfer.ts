import { CommandError, InstanceStateError, WaitTimeoutError } from "../../errors";
import type { Session } from "../../host/session";
import { timedOut } from "../../host/session";
import type { Desired } from "../../plan/desired";
import type { Upgrade } from "../../plan/upgrade";
import { type PgUpgradeOptions, pgUpgrade } from "../../postgresql/upgrade-programs";
import { renaming } from "../rename";
import { serverCodes, serverFunctions, signals, triggersArgument } from "../service";
import { startingStep } from "../starter";
import { describe, stateDirectory, type Target } from "../target";
import { isUnfinished, type Journal, type Journaled } from "./journal";
import { pgUpgradeFunctions } from "./prepare";

/** Exit codes of the scripts below. */
const codes = { returned: 40, stuck: 41, noReturn: 42, notStarted: 43, unclean: 44, stopping: 45 } as const;

/**
 * From the stop of the old server to the start of the new one, in one step: a lost connection leaves nothing half-way.
 * What fails before the mode's point of no return ends with the old server running as before.
 */
export async function transfer(
  target: Target,
  session: Session,
  step: Upgrade,
  journal: Journal,
  options: PgUpgradeOptions,
  desired: Desired,
): Promise<void> {
  const { start, stop, upgrade } = desired.timeouts;
  const result = await startingStep(target, session, {
    name: "pg_upgrade",
    script: functions + transferScript,
    args: [
      ...placeOf(target, journal, start),
      ...[signals.fast, String(stop), triggersArgument(desired)],
      ...pgUpgrade(options),
    ],
    seconds: upgrade,
  });
  if (result.exitCode !== 0) throw failure(target, step, result.exitCode, result.stderr, desired.timeouts);
}

/**
 * What a run that died left is taken back, or brought to where the plan goes on: which of both, its journal says.
 * @returns whether there was anything to do
 */
export async function recover(
  target: Target,
  session: Session,
  journal: Journaled | undefined,
  timeouts: Desired["timeouts"],
): Promise<boolean> {
  if (!journal || !isUnfinished(journal)) return false;
  const result = await startingStep(target, session, {
    name: "recovery of the upgrade",
    script: functions + recoverScript,
    args: placeOf(target, journal, timeouts.start),
    seconds: timeouts.start + 600,
  });
  if (result.exitCode !== 0 && result.exitCode !== codes.returned) {
    throw failure(target, journal, result.exitCode, result.stderr, timeouts);
  }
  return true;
}

const placeOf = (target: Target, journal: Journal, start: number): string[] => [
  ...[target.binDirectory, target.dataDirectory, stateDirectory(target)],
  ...[journal.binDirectory, journal.dataDirectory, journal.oldCluster, journal.mode, journal.to],
  String(start),
  journal.tablespaces.join("\n"),
];

/**
 * $1 to $3 as for a server: old programs, old data directory, state directory. $4 new programs, $5 where the new cluster
 * goes, $6 where the old one stays, $7 mode, $8 new major, $9 seconds for a start, then the tablespaces.
 */
const functions = `${serverFunctions}${renaming}reach_systemd
new_bin=$4 place=$5 old=$6 mode=$7 to=$8 wait=$9; shift 9
tablespaces=$1; shift
new=$own/new old_bin=$bin
${pgUpgradeFunctions}
flush() { sync "$1" 2>/dev/null || sync; }
note() { echo "$1" >"$own/upgrade.stage.new" && flush "$own/upgrade.stage.new" && mv -f "$own/upgrade.stage.new" "$own/upgrade.stage"; }
end_server() { data=$1; stop_server INT 300; code=$?; data=$was; return $code; }
was=$data
discard() {
  end_server "$new"
  # pg_upgrade fails where somebody else's are there, so these are its own.
  [ "$1" != all ] || printf '%s\\n' "$tablespaces" | while read -r space; do
    [ -z "$space" ] || rm -rf "$space/PG_$to"_*
  done
  rm -rf "$new" "$own/originals.json.upgrade" "$own/upgrade.json" "$own/upgrade.stage"
}
# swap has moved files by then; the others only disabled the old cluster.
is_past() { [ "$mode" = swap ] && [ -e "$data/global/pg_control.old" ]; }
# It says so last, when the new cluster is whole.
is_through() { grep -q "^Upgrade Complete" "$own/upgrade/output" 2>/dev/null; }
go_back() {
  end_server "$new"; end_server "$data"
  [ ! -e "$data/global/pg_control.old" ] || mv "$data/global/pg_control.old" "$data/global/pg_control" || return 1
  discard all
  start_server "$wait" -
}
publish() {
  if [ "$place" = "$data" ]; then [ -e "$old" ] || rename_to "$data" "$old" || return 1
  else
    up=$(dirname "$place")
    while [ ! -d "$up" ]; do made="$made$up
"; up=$(dirname "$up"); done
    mkdir -p "$(dirname "$place")" && printf '%s' "$made" >>"$own/made" || return 1
  fi
  [ ! -e "$new" ] || rename_to "$new" "$place" || return 1
  flush "$(dirname "$place")"; flush "$(dirname "$data")"
}
unpublish() {
  mv "$place" "$new" && { [ "$place" != "$data" ] || mv "$old" "$data"; }
}
# The state directory goes with the data; the way there by its old name stays, for whoever remembers that.
settle() {
  if [ "$place.pginstance" != "$own" ] && [ ! -L "$own" ]; then
    echo "$own" >>"$own/links" || return 1
    mv "$own" "$place.pginstance" && ln -s "$place.pginstance" "$own" || return 1
  fi
  [ ! -e "$own/originals.json.upgrade" ] || mv "$own/originals.json.upgrade" "$own/originals.json"
  rm -rf "$own/previous" "$own/upgrade"
  note finishing
}
`;

const transferScript = `signal=$1 stop=$2 triggers=$3; shift 3
note transferring || exit 1
stop_server "$signal" "$stop" || exit ${codes.stopping}
state=$("$bin/pg_controldata" "$data" | sed -n 's/^Database cluster state: *//p')
case $state in
  "shut down" | "shut down in recovery") ;;
  *) echo "it is: $state" >&2; discard; start_server "$wait" - || exit ${codes.stuck}; exit ${codes.unclean} ;;
esac
if ! pg_upgrade "$@"; then
  explain
  is_past && exit ${codes.noReturn}
  go_back || exit ${codes.stuck}
  exit ${codes.returned}
fi
note publishing && publish || exit 1
bin=$new_bin data=$place
start_server "$wait" "$triggers"; code=$?
data=$was bin=$old_bin
case $code-$mode in
  0-*) ;;
  ${serverCodes.exited}-copy | ${serverCodes.exited}-clone)
    unpublish && go_back || exit ${codes.stuck}
    exit ${codes.returned} ;;
esac
settle || exit 1
[ $code -ne ${serverCodes.exited} ] || exit ${codes.notStarted}
exit $code
`;

const recoverScript = `case $(cat "$own/upgrade.stage") in
  preparing) discard ;;
  transferring)
    if ! is_past; then go_back || exit ${codes.stuck}
    elif is_through; then note publishing && publish && settle
    else exit ${codes.noReturn}; fi ;;
  publishing) publish && settle ;;
esac
`;

/** What was tried, in the server's own words, and what is so now. */
function failure(
  target: Target,
  { to, mode }: Pick<Upgrade, "to" | "mode">,
  exitCode: number,
  stderr: string,
  { start, stop }: Pick<Desired["timeouts"], "start" | "stop">,
): Error {
  const instance = describe(target);
  const quoted = stderr.trim().replace(/^/gm, "  ");
  const message = `upgrade of ${instance} to ${to} (${mode}) failed:\n${quoted}`;
  const outputs = `What pg_upgrade said is in ${stateDirectory(target)}/upgrade.`;
  if (exitCode === timedOut) {
    return new WaitTimeoutError(`upgrade of ${instance} to ${to}`, start, stderr.trim(), {
      hint: "Nothing was killed. Look again with `pulumi refresh`, then `pulumi up` goes on.",
    });
  }
  if (exitCode === codes.stopping) {
    return new WaitTimeoutError(`upgrade of ${instance}: its stop`, stop, stderr.trim(), {
      hint: "Nothing was killed, and nothing is upgraded. `pulumi up` starts the old server again, and goes on.",
    });
  }
  if (exitCode === codes.unclean) {
    return new InstanceStateError(`upgrade of ${instance}: it did not shut down cleanly:\n${quoted}`, {
      hint: `${instance} is again as it was before.`,
    });
  }
  const hints: Readonly<Record<number, string>> = {
    [codes.returned]: `${instance} is again as it was before; the new cluster was removed. ${outputs}`,
    [codes.stuck]: `The old cluster was put back, and does not start; its log is ${stateDirectory(target)}/postgresql.log.`,
    [codes.noReturn]:
      `The files were being moved, and there is no way back (mode swap): restore a backup of ${target.dataDirectory}. ` +
      outputs,
    [codes.notStarted]: `The data is upgraded and in place, and the old cluster must not be started any more: correct what the server says, and run \`pulumi up\` again.`,
  };
  const hint =
    hints[exitCode] ?? `Run \`pulumi up\` again: it looks at the host and goes on from there. ${outputs}`;
  return new CommandError(message, { command: "pg_upgrade", exitCode, stderr, hint });
}
