import { CommandError } from "../errors";
import type { CommandResult } from "../host/host";
import type { Session } from "../host/session";
import { scoping, withoutLingering } from "./scope";
import { describe, stateDirectory, type Target, unitFile } from "./target";

type StepCommand = Parameters<Session["step"]>[0];

/** Exit code of a step that has to ask systemd, and found nobody who would: it has done nothing yet. */
export const needsStarter = 48;

/**
 * A step that may start the server. Where a unit of the host does that, only root may ask systemd to, and the step runs as
 * the owner: it asks a process of root's that ends with it. So a lost connection stops neither. The owner's own systemd is
 * asked by the step itself, where it stays: that of a user who does not linger ends with the last login, as is ours.
 */
export async function startingStep(
  target: Target,
  session: Session,
  command: StepCommand,
): Promise<CommandResult> {
  for (let attempt = 0; ; attempt++) {
    const result = await session.step(command);
    if (result.exitCode !== needsStarter) return result;
    if (attempt === attempts) {
      throw new CommandError(`${command.name}: whom ${describe(target)} asks to ask systemd went away`, {
        command: command.name,
        exitCode: result.exitCode,
        stderr: result.stderr,
        hint: "Nothing was done. Run `pulumi up` again.",
      });
    }
    await openStarter(target, session);
  }
}

/** On a slow connection the step may come too late for who was there to be asked. */
const attempts = 3;

/** The same, for a step that is not waited for: it cannot say what it needs. */
export async function beginStarting(target: Target, session: Session, command: StepCommand): Promise<void> {
  await openStarter(target, session);
  return session.begin(command);
}

async function openStarter(target: Target, session: Session): Promise<void> {
  const own = stateDirectory(target);
  const { stdout, exitCode } = await session.run({ name: "unit", script: whomToAsk, args: [own] });
  if (exitCode !== 0) throw withoutLingering(target);
  const unit = stdout.toString("utf8").trim();
  if (unit === "") return;
  const args = [unit, target.owner, target.unit ?? ""];
  const made = await target.host.run({ name: "systemd", script: starter, args, user: "root", seconds: 30 });
  const place = made.stdout.toString("utf8").trim();
  if (made.exitCode !== 0 || place === "") {
    throw new CommandError(
      `start: cannot ask systemd for ${unit} of ${describe(target)}: ${made.stderr.trim()}`,
      {
        command: "systemctl start",
        exitCode: made.exitCode,
        stderr: made.stderr,
        hint: `Nothing was done. If that is its unit, declare it as service.unit; else correct ${own}/${unitFile}, which names it.`,
      },
    );
  }
  await session.write("starter", `${place}\n`);
}

/** The unit of the host, or nobody. */
const whomToAsk = `${scoping}own=$1; read_unit
if [ "$scope" = user ]; then lingers; else echo "$unit"; fi`;

/** Of $unit. Says in one line what came of it; without single quotes, which are around root's part. */
const startUnit = `start_unit() {
  systemctl $manager reset-failed "$unit" 2>/dev/null
  said=$(systemctl $manager start "$unit" 2>&1); code=$?
  [ $code -eq 0 ] || said="$said
$(journalctl $manager --unit="$unit" --no-pager --output=cat --lines=10 2>/dev/null)"
  printf "%s %s\\n" "$code" "$(printf %s "$said" | tr "\\n" "\\037")"
}
`;

/**
 * Root's part. The owner can write any name where the unit's stands, so a unit is started that runs as the owner, or one
 * of PostgreSQL's packages, or the declared one. The pipes are in a directory of root's, so that the owner can put nothing
 * in their place; the one word that is heard starts the one unit. It ends when nobody holds the first pipe any more, or
 * nobody came for it for some seconds.
 */
const starter = `case $1 in
  -* | */* | *[[:space:]]*) echo "$1 is no name of a unit" >&2; exit 1 ;;
  "$3" | postgresql*.service) ;;
  *) [ "$(systemctl show --property=User --value -- "$1")" = "$2" ] || { echo "$1 is no unit that runs as $2" >&2; exit 1; } ;;
esac
place=$(mktemp -d /run/pginstance.XXXXXX) && mkfifo -m 600 "$place/ask" "$place/answer" &&
  chown "$2" "$place/ask" "$place/answer" && chmod 755 "$place" || exit
setsid sh -c 'place=$1 unit=$2 manager=
${startUnit}setsid sh -c "sleep 15; : <>\\"\\$1/ask\\"" late "$place" & late=$!
exec 4<>"$place/answer"
while read -r word; do
  [ "$word" = start ] || continue
  start_unit >&4
done <"$place/ask"
kill -- "-$late" 2>/dev/null
rm -rf "$place"' starter "$place" "$1" </dev/null >/dev/null 2>&1 &
echo "$place"
`;

/**
 * The owner's part. \`reach_systemd\` is the first thing that a script does which may start the server. What a unit of ours
 * runs is written before each start: an upgrade changes the programs and the data, and no unit.
 */
export const starting = `${scoping}${startUnit}answer=
reach_systemd() {
  [ -s "$own/${unitFile}" ] || return 0
  read_unit
  [ "$scope" != user ] || { lingers || exit ${needsStarter}; return 0; }
  starter=
  [ ! -s "$own/starter" ] || { read -r starter <"$own/starter"; rm -f "$own/starter"; }
  [ -p "$starter/ask" ] && [ -w "$starter/ask" ] || exit ${needsStarter}
  exec 7<>"$starter/ask"
}
quoted() { printf "'"; printf %s "$1" | sed "s/'/'\\\\\\\\''/g"; printf "'"; }
write_serve() {
  cat >"$own/serve.new" <<END
# What the unit runs; written anew before each start.
bin=$(quoted "$bin") data=$(quoted "$data") log=$(quoted "$log") elsewhere=$(quoted "$elsewhere")
END
  cat >>"$own/serve.new" <<'END'
# A server that cannot tell systemd when it is ready is helped to; by nobody's child, for it has an eye on its own.
grep -q libsystemd "$bin/postgres" || (
  (
    until case $(sed -n 8p "$data/postmaster.pid" 2>/dev/null) in ready* | standby*) [ "$(head -n 1 "$data/postmaster.pid")" = $$ ] ;; *) false ;; esac; do
      kill -0 $$ 2>/dev/null || exit
      sleep 0.1
    done
    systemd-notify --ready
  ) &
)
exec "$bin/postgres" -D "$data" \${elsewhere:+"--config-file=$elsewhere"} </dev/null >>"$log" 2>&1
END
  mv -f "$own/serve.new" "$own/serve"
}
# Where SELinux is, a server that systemd starts is confined to what has its label, and what is made in there inherits it.
label() {
  { command -v selinuxenabled && selinuxenabled; } >/dev/null || return 0
  for place in "$data" "$own" "$data/pg_wal" "$data"/pg_tblspc/*; do
    [ -d "$place" ] || continue
    case $(ls -dZ "$place/.") in *:postgresql_*) ;; *) chcon -R -t postgresql_db_t "$place/." || : ;; esac
  done
}
ask_systemd() {
  answer=$own/answer
  write_serve && label && : >>"$log" && : >"$answer" || return
  (
    exec 7>&- 8>&- 9>&-
    if [ "$scope" = user ]; then said=$(start_unit)
    else read -r said <"$starter/answer" || said="1 whoever asks systemd has died"; fi
    printf '%s\\n' "$said" >"$answer.new" && mv -f "$answer.new" "$answer"
  ) &
  [ "$scope" = user ] || echo start >&7
}
# systemd hears of it at about the same time.
heard_of_start() {
  [ -z "$answer" ] || until [ -s "$answer" ] || late; do sleep 0.005; done
}
# The other part of a failure is in the server's log. A unit that does not tell when its server is ready (Type=simple) was
# started before that, and is asked until it has ended.
refused_by_systemd() {
  read -r code said 2>/dev/null <"$answer" || return
  if [ "$code" = 0 ]; then
    sleep 0.1
    ! systemctl $manager is-active --quiet "$unit" || return
    said="$unit has ended; journalctl --unit=$unit has its words"
  fi
  printf '%s\\n' "$said" | tr '\\037' '\\n' >&2
}
`;
