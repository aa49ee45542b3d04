import { InstanceStateError } from "../errors";
import { outside } from "./outside";
import { stateDirectory, type Target } from "./target";

export interface Place {
  /** As the program calls it, as in "walDirectory". */
  readonly property: string;
  /** `sockets` must be there; the others are made where they are missing. A `copy` is a tablespace of a base backup. */
  readonly kind: "wal" | "tablespace" | "copy" | "sockets";
  readonly directory: string;
  /** What is to be copied there: there must be room for it. */
  readonly from?: string | null;
}

/**
 * Whether a directory beyond the two of an instance can be what it shall be.
 * @throws InstanceStateError before anything was changed
 */
export async function requirePlace(target: Target, place: Place): Promise<void> {
  const words = await placeProblem(target, place);
  if (words === undefined) return;
  const { property, directory } = place;
  throw new InstanceStateError(`${property}: ${directory} on ${target.host.name} ${words}`, {
    hint: `Nothing was changed. Declare another ${property}, or make this one fit.`,
  });
}

/** What stands against a directory; undefined: nothing. */
export async function placeProblem(target: Target, place: Place): Promise<string | undefined> {
  const { kind, directory, from } = place;
  const result = await target.host.run({
    name: "place",
    script,
    args: [target.dataDirectory, stateDirectory(target), kind, directory, target.version, from ?? ""],
    user: target.owner,
  });
  if (result.exitCode === 0) return undefined;
  return result.stdout.toString("utf8").trim() || result.stderr.trim();
}

const script = `data=$1 own=$2 kind=$3 dir=$4 major=$5 from=$6
${outside}
refuse() { echo "$1"; exit 1; }
[ "$dir" != "$data/pg_wal" ] || { [ ! -L "$dir" ] && exit 0; dir=$data; kind=inside; }
case $kind:$dir/ in inside:*) ;; *:"$data"/* | *:"$own"/*) refuse "lies in the data directory or beside it" ;; esac
up=$dir
while [ ! -e "$up" ] && [ ! -L "$up" ]; do up=$(dirname "$up"); done
[ -d "$up" ] || refuse "cannot be: $up is no directory"
[ "$kind" != sockets ] || [ "$up" = "$dir" ] || refuse "does not exist"
{ [ -w "$up" ] && [ -x "$up" ]; } || refuse "cannot be used: $(id -un) may not write to $up"
if [ "$up" = "$dir" ]; then
  case $kind in
    wal) noted "copy wal $dir" || [ -z "$(ls -A "$dir")" ] || refuse "is not empty" ;;
    copy) noted "space $dir" || [ -z "$(ls -A "$dir")" ] || refuse "is not empty" ;;
    tablespace)
      for part in "$dir/PG_\${major}_"*; do
        noted "copy tablespace $dir" || [ ! -e "$part" ] || refuse "holds another tablespace already: $part"
      done ;;
  esac
fi
[ -n "$from" ] || exit 0
needed=$(du -sk "$from/" 2>/dev/null | cut -f 1) free=$(df -Pk "$up" | awk 'END { print $4 }')
[ "\${needed:-0}" -lt "\${free:-0}" ] || refuse "has too little room: $needed kB are to be copied, $free kB are free"
`;
