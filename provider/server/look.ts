import { CommandError } from "../errors";
import { relay } from "../host/relay";
import { sectionFunction, sections } from "../host/shell";
import { printExchange } from "./exchange";
import { locate } from "./files";
import { questions } from "./questions";
import { taking } from "./readable";
import { describe, stateDirectory, type Target, unitFile } from "./target";
import { journalFile, stageFile } from "./upgrade/journal";

const script = `${sectionFunction}${relay}${locate}${taking}data=$1 own=$2 bin=$3 asked=$4
# Short texts without a process for each.
show() { [ -r "$1" ] && while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$1"; }
section directory
if [ -d "$data" ]; then [ -n "$(ls -A "$data" 2>&1)" ] && echo directory || echo empty
elif [ -e "$data" ] || [ -L "$data" ]; then echo other
else up=$(dirname "$data"); while [ ! -e "$up" ]; do up=$(dirname "$up"); done; [ -x "$up" ] && echo absent || echo "denied $up"; fi
section version; show "$data/PG_VERSION"
section marker; show "$own/marker.json"
section originals; show "$own/originals.json"
section unapplied; show "$own/unapplied"
section triggers; show "$own/triggers"
section passfile; show "$own/passfile"
section rejoining; [ -d "$own/rejoin" ] && echo yes
section hushed; show "$own/hushed"
section journal; show "$own/${journalFile}"
section stage; show "$own/${stageFile}"
section machine; if [ -s /etc/machine-id ]; then show /etc/machine-id; else uname -n; fi
section binaries; [ ! -d "$data" ] || "$bin/postgres" --version
section unit; show "$own/${unitFile}"
if [ -s "$own/${unitFile}" ]; then
  read -r unit <"$own/${unitFile}"; etc=/etc/systemd/system run=/run/systemd/system
  section unitfile; [ -L "$etc/$unit" ] || show "$etc/$unit"
  section unitstate
  for link in "$etc/$unit" "$run/$unit"; do [ ! -L "$link" ] || echo masked; done
  for link in "$etc"/*.wants/"$unit"; do [ ! -L "$link" ] || echo enabled; done
  for file in "$etc/$unit.d"/*.conf "$etc.control/$unit.d"/*.conf "$run/$unit.d"/*.conf "$run.control/$unit.d"/*.conf; do [ ! -e "$file" ] || echo "$file"; done
fi
section standby; [ -e "$data/standby.signal" ] && echo standby
locate
section files; printf '%s\\n' "$conf" "$hba" "$ident"
section conf; take "$conf"
section auto; take "$data/postgresql.auto.conf"
section hba; take "$hba"
section ident; take "$ident"
section troubles; troubles
section wal; link=$data/pg_wal
[ -e "$link" ] || [ -L "$link" ] || link=$data/pg_wal.old
if [ -L "$link" ]; then to=$(readlink "$link"); case $to in /*) ;; *) to=$(cd -P "$link" && pwd -P); cd / ;; esac; echo "\${to%/}"
elif [ -d "$link" ]; then echo "$data/pg_wal"; fi
section tablespaces
for link in "$data"/pg_tblspc/*; do
  [ ! -L "$link" ] || echo "\${link##*/} $(readlink "$link")"
done
section outside; show "$own/outside"
section control; head -c 8192 "$data/global/pg_control"
section pid; show "$data/postmaster.pid"
read -r pid <"$data/postmaster.pid" || pid=
section resolved; cd -P "$data" && pwd -P; cd /
section process
case $pid in '' | *[!0-9]*) exit 0 ;; esac
ask() {
  # The server would read the same files, and wait for a pipe without end.
  [ -z "$taken" ] || return
  { read -r _; read -r _; read -r _; read -r port; read -r sockets; read -r _; read -r _; read -r status; } <"$data/postmaster.pid"
  case $status in ready*) ;; *) return ;; esac
  section sql
  said=$( { relay "$sockets/.s.PGSQL.$port" 15 "$asked" >&3; } 2>&1); code=$?
  section relay; echo "$said"
  section relayed; echo $code
}
if [ -d /proc/self ]; then
  read -r stat <"/proc/$pid/stat" && { stat=\${stat##*) }; echo "\${stat%% *}"; readlink "/proc/$pid/cwd"; section cgroup; show "/proc/$pid/cgroup"; }
else ps -o state= -p "$pid" | cut -c1; lsof -a -p "$pid" -d cwd -Fn | sed -n 's/^n//p'; fi
ask 3>&1
exit 0
`;

/** What one script finds, section by section. */
export async function look(target: Target): Promise<ReadonlyMap<string, Buffer>> {
  const output = sections();
  const request = printExchange({
    user: target.superuser,
    database: "postgres",
    statements: questions(target),
  });
  const result = await target.host.run({
    name: "observe",
    script,
    args: [
      output.nonce,
      target.dataDirectory,
      stateDirectory(target),
      target.binDirectory,
      String(request.length),
    ],
    stdin: request,
    user: target.owner,
  });
  const parts = output.parse(result.stdout);
  if (!parts.has("process")) {
    throw new CommandError(`cannot look at ${describe(target)} as ${target.owner}: ${result.stderr.trim()}`, {
      command: "observe",
      exitCode: result.exitCode,
      stderr: result.stderr,
      hint: "The state is unchanged: not seeing an instance does not mean that it is gone.",
    });
  }
  return parts;
}
