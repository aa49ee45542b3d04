import { InstanceStateError } from "../errors";
import type { Host } from "../host/host";
import { sectionFunction, sections } from "../host/shell";
import { bytesToText } from "../postgresql/conf";
import { noFiles, readConfTree } from "../postgresql/conf-tree";
import { parseControlFile } from "../postgresql/controldata";
import { parsePostmasterPid } from "../postgresql/pidfile";
import type { Observed } from "../schema/observed";
import { locate } from "./files";
import { type Marker, parseMarker } from "./marker";
import { isAlive, readFiles, serverState } from "./observe";
import { othersFunctions } from "./others";
import { scoping } from "./scope";
import { stageFile } from "./upgrade/journal";

/** A data directory with a marker of ours beside it, one in our own place without, or a cluster of another maker. */
export interface Listed {
  readonly dataDirectory: string;
  /** As Debian calls it; empty: no name but what the directories tell. */
  readonly name: string;
  /** What PG_VERSION says; empty: it says nothing. */
  readonly version: string;
  readonly marker: Marker | undefined;
  /** Where the programs were of which the server was started last; null: it never was. */
  readonly binDirectory: string | null;
  readonly port: number | null;
  readonly server: Observed["server"] | "absent" | "unknown";
  readonly problem: string | undefined;
}

/** Where to look: below the owner's own place for these versions, and below these folders. */
export interface Places {
  readonly owner: string;
  readonly versions: readonly string[];
  readonly under: readonly string[];
  /** Whether clusters of other makers are looked for, too. To be without a marker is no problem then. */
  readonly others: boolean;
}

/** All that there are, in one script and one round trip. */
export async function listInstances(
  host: Host,
  { owner, versions, under, others }: Places,
): Promise<readonly Listed[]> {
  const output = sections();
  const result = await host.run({
    name: "list",
    script,
    args: [output.nonce, others ? "others" : "ours", String(versions.length), ...versions, ...under],
    user: owner,
  });
  if (result.exitCode !== 0) {
    throw new InstanceStateError(`list: ${owner} cannot look there on ${host.name}: ${result.stderr.trim()}`);
  }
  const parts = output.parse(result.stdout);
  const count = Number(parts.get("count")?.toString("latin1"));
  return Array.from({ length: count }, (_, index) =>
    read((name) => parts.get(`${name} ${index + 1}`), others),
  );
}

function read(part: (name: string) => Buffer | undefined, others: boolean): Listed {
  const bytes = (name: string) => part(name)?.toString("latin1") ?? "";
  const text = (name: string) => bytesToText(bytes(name)).trim();
  const dataDirectory = text("path");
  const version = text("version");
  const control = parseControlFile(part("control") ?? Buffer.alloc(0));
  // Its name may still lead to the marker of what it became.
  const isKept = !control && text("kept") !== "";
  const marker = isKept ? undefined : parseMarker(text("marker"));
  const pid = parsePostmasterPid(bytes("pid"));
  const isUp = pid && isAlive(pid, text("process"), [dataDirectory, text("resolved")]);
  const { settings } = readFiles(
    dataDirectory,
    readConfTree(`${dataDirectory}/postgresql.conf`, bytes("conf"), noFiles).entries,
    bytes("auto"),
  );
  const isCluster = text("kind") === "directory" && version !== "";
  const server = isCluster ? serverState(isUp ? pid : undefined, control, bytes("pid")) : "unknown";
  const another = marker?.systemIdentifier && control && control.systemIdentifier !== marker.systemIdentifier;
  const isAbsent = text("kind") === "absent";
  const problems: readonly (readonly [unknown, string])[] = [
    [isAbsent && text("left") !== "", `is not there: ${text("left")} was interrupted`],
    [isAbsent && marker?.phase === "ready", "is gone, and was complete: its disk may not be mounted"],
    [isAbsent, "is not there: a create or a deletion was interrupted"],
    [text("kind") === "denied", `cannot be read by its owner`],
    [version === "", "holds no PostgreSQL instance"],
    [isKept, "is kept from an upgrade, and never starts again: remove it once nobody needs it"],
    [!control, "has no readable global/pg_control"],
    [text("marker") !== "" && !marker, "has a marker that cannot be read"],
    [!marker && !others, "has no marker of this provider"],
    [another, "is another cluster than was made there"],
  ];
  // Another hand may have started it at another port.
  const inFiles = Number(settings.port?.value ?? 5432);
  return {
    dataDirectory,
    name: text("name"),
    binDirectory: /^(\/.+)\/postgres(?= |$)/.exec(text("opts"))?.[1] ?? null,
    version,
    marker,
    port: isCluster ? (!marker && isUp && pid.port) || inFiles : null,
    server: isAbsent ? "absent" : server,
    problem: problems.find(([is]) => is)?.[1],
  };
}

/** Five folders deep is where the last of `<folder>/<version>/<name>/data` and the like lie. */
const script = `${sectionFunction}${locate}${scoping}${othersFunctions}
number=0 seen= others=$1 versions=$2; shift 2
nl='
'
show() { [ -r "$1" ] && while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$1"; }
show_instance() {
  data=$1 conf=$2 resolved=$(cd -P "$1" && pwd -P) || resolved=$data
  case $nl$seen in *"$nl$resolved$nl"*) return ;; esac
  [ -n "$conf" ] || locate
  seen=$seen$resolved$nl number=$((number + 1))
  section "path $number"; printf '%s\\n' "$data"
  section "name $number"; printf '%s\\n' "$3"
  section "kind $number"
  if [ -d "$data" ]; then [ -r "$data" ] && [ -x "$data" ] && echo directory || echo denied
  elif [ -e "$data" ]; then echo other; else echo absent; fi
  section "left $number"
  if [ -e "$data.pginstance/removed" ]; then echo "a deletion"
  elif grep -qx publishing "$data.pginstance/${stageFile}"; then echo "an upgrade"; fi
  section "version $number"; show "$data/PG_VERSION"
  section "marker $number"; show "$data.pginstance/marker.json"
  section "opts $number"; show "$data/postmaster.opts"
  section "conf $number"; [ ! -f "$conf" ] || cat "$conf"
  section "auto $number"; [ ! -f "$data/postgresql.auto.conf" ] || cat "$data/postgresql.auto.conf"
  section "kept $number"; [ ! -e "$data/global/pg_control.old" ] || echo kept
  section "control $number"; head -c 8192 "$data/global/pg_control"
  section "pid $number"; show "$data/postmaster.pid"
  section "resolved $number"; printf '%s\\n' "$resolved"
  section "process $number"
  read -r pid <"$data/postmaster.pid" || pid=
  case $pid in '' | *[!0-9]*) return ;; esac
  if [ -d /proc/self ]; then
    read -r stat <"/proc/$pid/stat" && { stat=\${stat##*) }; echo "\${stat%% *}"; readlink "/proc/$pid/cwd"; }
  else ps -o state= -p "$pid" | cut -c1; lsof -a -p "$pid" -d cwd -Fn | sed -n 's/^n//p'; fi
}
places=
while [ "$versions" -gt 0 ]; do places="$places $1"; versions=$((versions - 1)); shift; done
for folder in "$@"; do [ -r "$folder" ] && [ -x "$folder" ] || { echo "$folder is no folder that can be read" >&2; exit 1; }; done
exec 2>/dev/null
own=$(cd && pwd)/pginstance
for version in $places; do
  [ -d "$own/$version" ] || continue
  for entry in "$own/$version"/*; do
    case $entry in
      # A link is what the state directory was called before an upgrade.
      *.pginstance) [ -e "\${entry%.pginstance}" ] || [ -L "$entry" ] || show_instance "\${entry%.pginstance}" ;;
      *) [ ! -d "$entry" ] || show_instance "$entry" ;;
    esac
  done
done
# Those that a unit of ours starts, wherever they are.
for scope in system user; do
  in_scope $scope
  for unit in "$etc"/pginstance-*.service; do
    data=$(sed -n 's|^ExecStart=/bin/sh "\\(/.*\\)\\.pginstance/serve"$|\\1|p' "$unit")
    [ ! -O "$data.pginstance" ] || show_instance "$data"
  done
done
IFS=$nl; set -f
for folder in "$@"; do
  for marker in $(find "$folder" -maxdepth 5 -type f -path '*.pginstance/marker.json' -print | sort); do
    case $marker in "$own"/*) ;; *) show_instance "\${marker%.pginstance/marker.json}" ;; esac
  done
done
if [ "$others" = others ]; then
  set +f; show_others
  set -f; for folder in "$@"; do show_others_below "$folder" 5; done
fi
section count; echo "$number"
exit 0
`;
