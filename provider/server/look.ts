import { CommandError } from "../errors";
import { packing, unpack } from "../host/packed";
import { relay } from "../host/relay";
import { printfFormat, sectionFunction, sections } from "../host/shell";
import { printExchange } from "./exchange";
import { locate } from "./files";
import { questions } from "./questions";
import { taking } from "./readable";
import { scoping } from "./scope";
import { describe, type Target, unitFile } from "./target";
import { journalFile, stageFile } from "./upgrade/journal";

/** Until a server must have answered. */
const sessionSeconds = 15;

const script = `${sectionFunction}${packing}${relay}${locate}${taking}${scoping}
part() { section "$number $1"; }
# Short texts without a process for each.
show() { [ -r "$1" ] && while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$1"; }
ask() {
  # The server would read the same files, and wait for a pipe without end.
  [ -z "$taken" ] || return
  { read -r _; read -r _; read -r _; read -r port; read -r sockets; read -r _; read -r _; read -r status; } <"$data/postmaster.pid"
  case $status in ready*) ;; *) return ;; esac
  part sql
  said=$( { printf "$request" | relay "$sockets/.s.PGSQL.$port" ${sessionSeconds} "$size" >&3; } 2>&1); code=$?
  part relay; echo "$said"
  part relayed; echo $code
}
look_at() {
  taken= code=0
  part place; printf '%s\\n' "$data"
  part directory
  if [ -d "$data" ]; then { [ -e "$data/PG_VERSION" ] || [ -n "$(ls -A "$data" 2>&1)" ]; } && echo directory || echo empty
  elif [ -e "$data" ] || [ -L "$data" ]; then echo other
  else up=$(dirname "$data"); while [ ! -e "$up" ]; do up=$(dirname "$up"); done; [ -x "$up" ] && echo absent || echo "denied $up"; fi
  part version; show "$data/PG_VERSION"
  part marker; show "$own/marker.json"
  part originals; show "$own/originals.json"
  part unapplied; show "$own/unapplied"
  part triggers; show "$own/triggers"
  part passfile; show "$own/passfile"
  part rejoining; [ -d "$own/rejoin" ] && echo yes
  part hushed; show "$own/hushed"
  part journal; show "$own/${journalFile}"
  part stage; show "$own/${stageFile}"
  part machine; if [ -s /etc/machine-id ]; then show /etc/machine-id; else uname -n; fi
  part binaries
  [ ! -d "$data" ] || { [ "$bin" = "$known" ] || { known=$bin binaries=$("$bin/postgres" --version); }; printf '%s\\n' "$binaries"; }
  part unit; show "$own/${unitFile}"
  if [ -s "$own/${unitFile}" ]; then
    read_unit
    part unitfile; [ -L "$etc/$unit" ] || show "$etc/$unit"
    part unitstate
    [ "$scope" != user ] || lingers || echo unlingering
    for link in "$etc/$unit" "$run/$unit"; do [ ! -L "$link" ] || echo masked; done
    for link in "$etc"/*.wants/"$unit"; do [ ! -L "$link" ] || echo enabled; done
    for file in "$etc/$unit.d"/*.conf "$etc.control/$unit.d"/*.conf "$run/$unit.d"/*.conf "$run.control/$unit.d"/*.conf; do [ ! -e "$file" ] || echo "$file"; done
  fi
  part standby; [ -e "$data/standby.signal" ] && echo standby
  locate
  part files; printf '%s\\n' "$conf" "$hba" "$ident"
  part conf; take "$conf"
  part auto; take "$data/postgresql.auto.conf"
  part hba; take "$hba"
  part ident; take "$ident"
  part troubles; troubles
  part wal; link=$data/pg_wal
  [ -e "$link" ] || [ -L "$link" ] || link=$data/pg_wal.old
  if [ -L "$link" ]; then to=$(readlink "$link"); case $to in /*) ;; *) to=$(cd -P "$link" && pwd -P); cd / ;; esac; echo "\${to%/}"
  elif [ -d "$link" ]; then echo "$data/pg_wal"; fi
  part tablespaces
  for link in "$data"/pg_tblspc/*; do
    [ ! -L "$link" ] || echo "\${link##*/} $(readlink "$link")"
  done
  part outside; show "$own/outside"
  part control; head -c 8192 "$data/global/pg_control"
  part pid; show "$data/postmaster.pid"
  read -r pid <"$data/postmaster.pid" || pid=
  part resolved; cd -P "$data" && pwd -P; cd /
  part process
  case $pid in '' | *[!0-9]*) return ;; esac
  if [ -d /proc/self ]; then
    read -r stat <"/proc/$pid/stat" && { stat=\${stat##*) }; echo "\${stat%% *}"; readlink "/proc/$pid/cwd"; part cgroup; show "/proc/$pid/cgroup"; }
  else ps -o state= -p "$pid" | cut -c1; lsof -a -p "$pid" -d cwd -Fn | sed -n 's/^n//p'; fi
  ask 3>&1
}
# One hand takes every other place; of what nobody asked for, until one keeps us waiting.
look_at_all() {
  hand=$1 number=0 code=0; shift
  while [ $# -gt 0 ]; do
    number=$((number + 1)) data=$1 own=$1.pginstance bin=$2 size=$3 request=\${4:-$request}; shift 4
    [ $((number % 2)) = "$hand" ] || continue
    [ "$code" = 0 ] || [ $number -le "$asked" ] || break
    look_at
  done
}
is_of_stack() { while read -r line; do case $line in *'"stack": "'"$stack"'"'*) return ;; esac; done <"$own/marker.json"; return 1; }
stack=$1; shift
asked=$(($# / 4)) words=
for word; do
  words="$words
$word
" data=$bin bin=$size size=$request request=$word
done
# Of the same stack, and beside the last that was asked for.
if [ -n "$stack" ]; then
  for own in "$(dirname "$data")"/*.pginstance; do
    data=\${own%.pginstance}
    case $words in *"
$data
"*) continue ;; esac
    ! is_of_stack || set -- "$@" "$data" "$bin" "$size" ""
  done
fi
# The half of the time for many: what the other hand finds is kept until the first is through.
if [ $# = 4 ]; then packed look_at_all 1 "$@"
else packed look_at_all 0 "$@" | tail -c 99999999 | { packed look_at_all 1 "$@" </dev/null; cat; }; fi
exit 0
`;

/** What is found of one instance, section by section. */
export type Look = ReadonlyMap<string, Buffer>;

/** Looks at one instance, in one round trip. */
export async function look(target: Target): Promise<Look> {
  const [found] = await lookAt([target]);
  return wholeLook(target, found);
}

/**
 * Looks at several instances of one owner on one host, in one round trip.
 * @param stack those of it are looked at as well that lie beside the last of them, as if they were asked of the same
 * @returns in the order of the targets; behind them what lies beside
 */
export async function lookAt(targets: readonly Target[], stack = ""): Promise<readonly Look[]> {
  const [first] = targets;
  if (first === undefined) return [];
  const output = sections();
  const requests = targets.map(requestTo);
  const places = targets.flatMap(({ dataDirectory, binDirectory }, at) => {
    const request = requests[at] ?? Buffer.alloc(0);
    const isAsBefore = requests[at - 1]?.equals(request) ?? false;
    return [dataDirectory, binDirectory, String(request.length), isAsBefore ? "" : printfFormat(request)];
  });
  const result = await first.host.run({
    name: "observe",
    script,
    args: [output.nonce, stack, ...places],
    user: first.owner,
    seconds: 45 + sessionSeconds * targets.length,
  });
  const looks = targets.map(() => new Map<string, Buffer>());
  for (const [section, content] of output.parse(unpack(result.stdout))) {
    const [number = "", name = ""] = section.split(" ");
    const look = looks[Number(number) - 1] ?? new Map();
    looks[Number(number) - 1] = look.set(name, content);
  }
  for (const look of looks) look?.set("stderr", Buffer.from(result.stderr));
  // Where one kept us waiting, the rest of what nobody asked for is missing.
  return looks.filter((look) => look !== undefined);
}

/** What the server is asked in the same look. */
export const requestTo = (target: Target): Buffer =>
  printExchange({ user: target.superuser, database: "postgres", statements: questions(target) });

/** @throws CommandError when it did not come to its end */
export function wholeLook(target: Target, found: Look = new Map()): Look {
  if (found.has("process")) return found;
  const stderr = found.get("stderr")?.toString("utf8").trim() ?? "";
  throw new CommandError(`cannot look at ${describe(target)} as ${target.owner}: ${stderr}`, {
    command: "observe",
    stderr,
    hint: "The state is unchanged: not seeing an instance does not mean that it is gone.",
  });
}
