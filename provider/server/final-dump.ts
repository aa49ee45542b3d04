import { CommandError, InstanceStateError, UnsupportedError } from "../errors";
import { type Session, timedOut } from "../host/session";
import { binDirectories } from "../postgresql/programs";
import { majors } from "../postgresql/version";
import { renaming } from "./rename";
import { serverFunctions } from "./service";
import { startingStep } from "./starter";
import { describe, stateDirectory, type Target } from "./target";

/**
 * Everything that an instance held, before it is removed: pg_dumpall of the stopped server, started for that alone on a
 * private socket, so that nothing can be written after it was read. One step does all of it: whatever fails or is
 * interrupted, the server runs again if it ran before.
 * @returns the file
 * @throws UnsupportedError, InstanceStateError before anything was stopped
 */
export async function finalDump(
  target: Target,
  session: Session,
  directory: string,
  seconds: { start: number; stop: number },
): Promise<string> {
  const programs = await requireRoom(target, session, directory);
  const place = [target.binDirectory, target.dataDirectory, stateDirectory(target)];
  const names = [directory, target.name, target.version, target.superuser, programs];
  const limits = [String(seconds.stop), String(seconds.start)];
  const { exitCode, stdout, stderr } = await startingStep(target, session, {
    name: "final dump",
    script: dump,
    args: [...place, ...names, ...limits],
    seconds: day,
  });
  if (exitCode === 0) return stdout.toString("utf8").trim();
  const again = exitCode === notAgain ? "The server could not be started again." : "It is as it was.";
  const late = exitCode === timedOut ? "the server did not stop or start in time" : "it failed";
  throw new CommandError(
    `finalDump: ${late} for ${describe(target)}, into ${directory}:\n${stderr.trim().replace(/^/gm, "  ")}`,
    {
      command: "pg_dumpall",
      exitCode,
      stderr,
      hint: `Nothing was removed, and no file was left. ${again} Mend the reason, or declare finalDump: "skip".`,
    },
  );
}

/** Large data takes hours; whoever comes after the limit waits for it, too. */
const day = 86400;
const notAgain = 41;
const refusals: Readonly<Record<string, (target: Target, words: string) => Error>> = {
  programs: (target, words) =>
    new UnsupportedError(
      `finalDump: no pg_dumpall with pg_dump and psql for PostgreSQL ${target.version} on ${target.host.name}. Looked at ${words}`,
      { hint: `Install them (Debian: postgresql-client-${target.version}), or declare finalDump: "skip".` },
    ),
  directory: (target, words) =>
    new InstanceStateError(`finalDump: ${target.owner} cannot write to ${words} on ${target.host.name}`, {
      hint: "Make it, let the owner write there, or declare another.",
    }),
  inside: (_, words) =>
    new InstanceStateError(`finalDump: ${words} is removed with the instance; declare a directory outside`),
  room: (target, words) =>
    new InstanceStateError(`finalDump: not enough room on ${target.host.name}: ${words}`, {
      hint: "Make room, or declare another directory. Nothing was stopped.",
    }),
};

/** @returns where the programs are: this major's, else a newer one's, which reads older servers */
async function requireRoom(target: Target, session: Session, directory: string): Promise<string> {
  const newer = majors.slice(majors.indexOf(target.version));
  const places = [target.binDirectory, ...newer.flatMap(binDirectories)];
  const { exitCode, stdout, stderr } = await session.run({
    name: "room for the final dump",
    script: room,
    args: [target.dataDirectory, stateDirectory(target), directory, target.version, ...new Set(places)],
    seconds: 600,
  });
  const [word = "", ...rest] = stdout.toString("utf8").trim().split("\n");
  const refusal = refusals[word];
  if (refusal) throw refusal(target, rest.join(", "));
  if (exitCode === 0 && word === "ok") return rest.join("\n");
  throw new CommandError(`finalDump: cannot look at ${directory} on ${target.host.name}: ${stderr.trim()}`, {
    command: "final dump",
    exitCode,
    stderr,
  });
}

/** The databases as they lie on disk: a dump has no indexes, and is seldom larger. Kilobytes. */
const room = `data=$1 own=$2 to=$3 version=$4; shift 4
found=
for bin in "$@"; do
  [ -x "$bin/pg_dumpall" ] && [ -x "$bin/pg_dump" ] && [ -x "$bin/psql" ] || continue
  major=$("$bin/pg_dumpall" --version | sed -n 's/^.*PostgreSQL) \\([0-9]*\\).*/\\1/p')
  [ "\${major:-0}" -ge "$version" ] && { found=$bin; break; }
done
[ -n "$found" ] || { echo programs; printf '%s\\n' "$@"; exit 0; }
case $to/ in "$data"/* | "$own"/*) echo inside; echo "$to"; exit 0 ;; esac
mkdir -p "$to" 2>/dev/null; [ -d "$to" ] && [ -w "$to" ] && [ -x "$to" ] || { echo directory; echo "$to"; exit 0; }
real=$(cd -P "$to" && pwd -P)
for mine in "$data" "$own"; do
  mine=$(cd -P "$mine" 2>/dev/null && pwd -P) || continue
  case $real/ in "$mine"/*) echo inside; echo "$to"; exit 0 ;; esac
done
need=$(du -skL "$data/base" "$data/pg_tblspc" 2>/dev/null | awk '{ sum += $1 } END { print sum + 1024 }')
free=$(df -Pk "$to" | awk 'NR == 2 { print $4 }')
[ "$free" -ge "$need" ] || { echo room; echo "$to has $((free / 1024)) MB free, the databases are $((need / 1024)) MB"; exit 0; }
echo ok; echo "$found"
`;

/** What an interrupted dump left, which it noted: a folder with half a file, and the folder of its socket. Needs $own. */
export const noHalfDump = `no_half_dump() {
  [ -e "$own/dumping" ] || return 0
  while IFS= read -r half; do [ -z "$half" ] || rm -rf "$half"; done <"$own/dumping"
  rm -f "$own/dumping"
}
`;

/** A dump whose server was not started since, by what pg_control says, is not made twice. */
const dump = `${serverFunctions}${noHalfDump}${renaming}reach_systemd
to=$4 name=$5 version=$6 user=$7 programs=$8; shift 8
stop_limit=$1 start_limit=$2
# In a folder of its own, which only its owner may enter: others may write where dumps are kept, and put links there.
folder=$to/.$name-$version-$(printf %s "$data" | cksum | cut -d' ' -f1).partial partial=$folder/dump
mark() { cksum <"$data/global/pg_control"; }
if [ -e "$own/dumped" ] && { read -r control && read -r done; } <"$own/dumped" && [ "$control" = "$(mark)" ] && [ -e "$done" ]; then
  echo "$done"; exit 0
fi
ran=$(server_pid) && alive "$ran" || ran=
end_private() { [ -z "$private" ] || { kill -INT "$private" 2>/dev/null; wait "$private"; private=; }; }
give_up() {
  code=$?; [ $code -ne 0 ] || code=1
  end_private; no_half_dump; rm -f "$own/dump.log"
  [ -z "$ran" ] || start_server "$start_limit" - || code=${notAgain}
  exit $code
}
stop_server INT "$stop_limit" || exit
mend
locate
no_half_dump
if [ -e "$folder" ] || [ -L "$folder" ]; then echo "$folder is there already, and was not made by a dump of this instance" >&2; (exit 1); give_up; fi
echo "$folder" >"$own/dumping" && mkdir "$folder" || { rm -f "$own/dumping"; (exit 1); give_up; }
sockets=$(mktemp -d /tmp/pginstance-dump.XXXXXX) && echo "$sockets" >>"$own/dumping" || give_up
"$bin/postgres" -D "$data" \${elsewhere:+"--config-file=$elsewhere"} -c listen_addresses= -c unix_socket_directories="$sockets" -c unix_socket_permissions=0700 \\
  -c port=5432 -c ssl=off -c logging_collector=off -c log_destination=stderr -c autovacuum=off \\
  -c hot_standby=on </dev/null >"$own/dump.log" 2>&1 7>&- 8>&- 9>&- &
private=$!
limit "$start_limit"
until case $(sed -n 8p "$data/postmaster.pid" 2>/dev/null) in ready*) [ "$(server_pid)" = "$private" ] ;; *) false ;; esac; do
  alive "$private" || { wait "$private"; private=; tail -n 20 "$own/dump.log" >&2; false; give_up; }
  late && { tail -n 3 "$own/dump.log" >&2; (exit ${timedOut}); give_up; }
  sleep 0.05
done
closed=$(PGHOST=$sockets PGPORT=5432 "$programs/psql" -XAtw -U "$user" -d template1 -c \\
  "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> 'template0'" 2>&1) || { echo "$closed" >&2; (exit 1); give_up; }
[ -z "$closed" ] || { echo "pg_dumpall leaves out databases that take no connections: $closed" >&2; (exit 1); give_up; }
"$programs/pg_dumpall" --no-password --host="$sockets" --port=5432 --username="$user" --file="$partial" >&2 || give_up
[ "$(tail -c 200 "$partial" | grep -c 'PostgreSQL database cluster dump complete')" = 1 ] || { echo "the dump is not complete" >&2; (exit 1); give_up; }
chmod 600 "$partial" && { sync "$partial" 2>/dev/null || sync; } || give_up
end_private
while file=$to/$name-$version-$(date -u +%Y%m%dT%H%M%SZ).sql; [ -e "$file" ]; do sleep 1; done
rename_to "$partial" "$file" && { sync "$to" 2>/dev/null || sync; } || give_up
no_half_dump; rm -f "$own/dump.log"
{ mark; echo "$file"; } >"$own/dumped"
echo "$file"
`;
