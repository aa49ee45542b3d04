import { CommandError } from "../errors";
import type { Session } from "../host/session";
import { noHalfDump } from "./final-dump";
import { outside } from "./outside";
import { stateDirectory, type Target } from "./target";

/**
 * Removes a stopped instance. The rename comes first: from then on it is gone, and what an interruption leaves is
 * recognised as ours. Of what symbolic links lead to only what is ours goes too: the WAL in a directory that was made
 * for it, and the data of this instance in tablespaces that are listed.
 * @returns directories of the instance that are left, because somebody else made them
 */
export async function removeData(
  target: Target,
  session: Session,
  tablespaces: readonly string[],
): Promise<readonly string[]> {
  const result = await session.step({
    name: "remove",
    script,
    args: [target.dataDirectory, stateDirectory(target), ...tablespaces],
    seconds: 3600,
  });
  if (result.exitCode !== 0) {
    throw new CommandError(
      `cannot remove ${target.dataDirectory} on ${target.host.name}: ${result.stderr.trim()}`,
      {
        command: "remove",
        exitCode: result.exitCode,
        stderr: result.stderr,
      },
    );
  }
  return result.stdout.toString("utf8").split("\n").filter(Boolean);
}

const script = `data=$1 own=$2 gone=$2/removed; shift 2
${outside}${noHalfDump}no_half_dump
give_up_spaces
[ ! -e "$data" ] || { rm -rf "$gone" && mv "$data" "$gone"; } || exit 1
for link in "$gone/pg_wal" "$gone/pg_wal.old" "$own/new/pg_wal"; do
  dir=$(readlink "$link") || continue
  if noted "wal $dir"; then note "copy wal $dir"; else noted "copy wal $dir" || echo "$dir"; fi
done
for link in "$gone"/pg_tblspc/*; do
  dir=$(readlink "$link") || continue
  for listed in "$@"; do
    [ "$listed" != "$dir" ] || note "copy tablespace $dir"
  done
done
part=
[ ! -e "$gone/global/pg_control" ] || part=$(folder "$gone")
grep "^copy " "$notes" 2>/dev/null | while IFS= read -r line; do
  dir=\${line#copy * }
  case $line in
    "copy wal "*) empty_wal "$dir" ;;
    *) [ -z "$part" ] || rm -rf "$dir/$part" ;;
  esac
  unmake "$dir"
done
rm -rf "$gone" "$own/new"
`;
