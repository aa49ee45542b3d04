import { CommandError, InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import type { Step } from "../plan/step";
import { createTablespace as createStatement, findTablespace } from "../postgresql/sql";
import { query } from "./connect";
import { addressOf, type Observation } from "./observe";
import { offline } from "./offline";
import { outside } from "./outside";
import { describe, stateDirectory, type Target } from "./target";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;

/** The copy is complete and on disk before the link is switched; what was there stays until `removeOld`. */
export function moveWal(target: Target, session: Session, { to }: Of<"moveWal">): Promise<void> {
  return offline(target, session, {
    name: "move WAL",
    script: outside + moveWalScript,
    args: [to],
    what: `moving the WAL to ${to}`,
  });
}

export function moveTablespace(
  target: Target,
  session: Session,
  { tablespace, oid, to }: Of<"moveTablespace">,
): Promise<void> {
  return offline(target, session, {
    name: "move tablespace",
    script: outside + moveTablespaceScript,
    args: [oid, to],
    what: `moving tablespace ${tablespace} to ${to}`,
  });
}

/** The directory is made where it is missing, and then CREATE TABLESPACE looks at it. */
export async function createTablespace(
  target: Target,
  session: Session,
  { tablespace, location }: Of<"createTablespace">,
  { postmaster }: Observation,
): Promise<void> {
  const what = `tablespace ${tablespace}`;
  if (!postmaster) throw new InstanceStateError(`${what}: ${describe(target)} does not run`);
  await step(target, session, { name: "make directory", script: 'make "$1"', args: [location], what });
  const address = addressOf(target, postmaster);
  const [known] = await query(address, [findTablespace(tablespace)]);
  if (known?.length === 0) await query(address, [createStatement(tablespace, location)], 300);
}

/** Removes what a move left, and what an interrupted one had begun. What is in use by now is no copy any more. */
export function removeOld(target: Target, session: Session): Promise<void> {
  return step(target, session, {
    name: "remove old",
    script: removeOldScript,
    args: [],
    what: "removing what a move left",
  });
}

async function step(
  target: Target,
  session: Session,
  { name, script, args, what }: { name: string; script: string; args: readonly string[]; what: string },
): Promise<void> {
  const result = await session.step({
    name,
    script: `data=$1 own=$2; shift 2\n${outside}${script}`,
    args: [target.dataDirectory, stateDirectory(target), ...args],
    seconds: 3600,
  });
  if (result.exitCode === 0) return;
  throw new CommandError(`${what} of ${describe(target)} failed: ${result.stderr.trim()}`, {
    command: name,
    exitCode: result.exitCode,
    stderr: result.stderr,
  });
}

const moveWalScript = `to=$1 now=$data/pg_wal
mend
from=$(place "$now")
[ "$from" != "$to" ] || exit 0
rm -rf "$now.new"
if [ "$to" = "$now" ]; then
  into=$now.new
  mkdir "$into" || exit 1
else
  into=$to
  ! noted "copy wal $to" || empty_wal "$to"
  [ -z "$(ls -A "$to" 2>/dev/null)" ] || { echo "$to is not empty" >&2; exit 1; }
  note "copy wal $to" && make "$to" || exit 1
fi
[ "$from" = "$now" ] || note "copy wal $from" || exit 1
if ! cp -Rp "$from/." "$into/"; then
  [ "$into" != "$to" ] || { empty_wal "$to"; unmake "$to"; unnote "copy wal $to"; }
  rm -rf "$now.new"
  exit 1
fi
flush "$into"
if [ "$into" = "$to" ]; then note "wal $to" && ln -s "$to" "$now.new" || exit 1; fi
mv "$now" "$now.old" && mv "$now.new" "$now" && flush "$data"
`;

const moveTablespaceScript = `link=$data/pg_tblspc/$1 to=$2
mend
from=$(readlink "$link") || { echo "$link is no link" >&2; exit 1; }
[ "$from" != "$to" ] || exit 0
part=$(folder "$data")
! noted "copy tablespace $to" || rm -rf "$to/$part"
[ ! -e "$to/$part" ] || { echo "$to holds $part already" >&2; exit 1; }
note "copy tablespace $to" && make "$to" && note "copy tablespace $from" || exit 1
if ! cp -Rp "$from/$part" "$to/"; then
  rm -rf "$to/$part"; unmake "$to"; unnote "copy tablespace $to"; unnote "copy tablespace $from"
  exit 1
fi
flush "$to"
rm -f "$link.new"
ln -s "$to" "$link.new" && mv "$link" "$link.old" && mv "$link.new" "$link" && flush "$data"
`;

const removeOldScript = `mend
part=
[ ! -d "$data" ] || { part=$(folder "$data"); wal=$(place "$data/pg_wal"); }
used() { for link in "$data"/pg_tblspc/*; do [ "$(readlink "$link")" != "$1" ] || return 0; done; return 1; }
rm -rf "$data/pg_wal.old"
[ "$wal" = "$data/pg_wal" ] || rm -rf "$data/pg_wal.new"
for link in "$data"/pg_tblspc/*.old "$data"/pg_tblspc/*.new; do [ ! -L "$link" ] || rm -f "$link"; done
grep "^copy " "$notes" 2>/dev/null | while IFS= read -r line; do
  dir=\${line#copy * }
  case $line in
    "copy wal "*) [ "$dir" = "$wal" ] || { empty_wal "$dir"; unmake "$dir"; unnote "wal $dir"; } ;;
    *) [ -z "$part" ] || used "$dir" || { rm -rf "$dir/$part"; unmake "$dir"; } ;;
  esac
  unnote "$line"
done
exit 0
`;
