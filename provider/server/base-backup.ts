import { CommandError, InstanceExistsError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { DesiredStandby } from "../plan/desired-standby";
import { printPassfile } from "../postgresql/passfile";
import { baseBackup as argv } from "../postgresql/programs";
import { accessFiles, occupied, walOutside } from "./init";
import { outside } from "./outside";
import { findLogs, ownFiles } from "./own-files";
import { primaryFunctions, wordsOf } from "./primary";
import { renaming } from "./rename";
import { type Placement, placeTablespaces } from "./standby-tablespaces";
import { describe, stateDirectory, type Target } from "./target";

/** Seconds until somebody should look at it; it goes on. */
const limit = 86_400;

/**
 * Built beside and published by a rename, as initdb's: until then there is no standby. Its access files are its own
 * from the start; postgresql.conf is the primary's where that lies in the data directory.
 */
export async function baseBackup(target: Target, session: Session, desired: Desired): Promise<void> {
  const { standby } = desired;
  if (!standby) return;
  await writePassfile(session, standby);
  const { hba, ident } = accessFiles(desired);
  const spaces = await placeTablespaces(target, desired);
  await copyPrimary(target, session, standby, "publish", [hba, ident], spaces, walOutside(target, desired));
}

/** The same beside an instance whose files of configuration the copy gets; nothing of it is touched. */
export function copyBeside(target: Target, session: Session, standby: DesiredStandby): Promise<void> {
  return copyPrimary(target, session, standby, "beside", ["", ""], []);
}

/** Mode 0600 by the umask of every shell of ours. */
export async function writePassfile(session: Session, standby: DesiredStandby | null): Promise<void> {
  if (standby?.password === undefined) await session.remove("passfile");
  else await session.write("passfile", printPassfile(standby.password));
}

async function copyPrimary(
  target: Target,
  session: Session,
  standby: DesiredStandby,
  mode: "publish" | "beside",
  access: readonly [hba: string, ident: string],
  tablespaces: readonly Placement[],
  walDirectory?: string,
): Promise<void> {
  const { dataDirectory, binDirectory } = target;
  const { conninfo, slot, where } = standby;
  const directory = `${stateDirectory(target)}/new`;
  const result = await session.step({
    name: "base backup",
    script,
    args: [
      ...[dataDirectory, directory, binDirectory, conninfo, slot ?? "", mode],
      ...[String(access[0].length), stateDirectory(target), walDirectory ?? ""],
      tablespaces.map(({ to }) => to).join("\n"),
      ...argv({ binDirectory, conninfo, directory, slot, walDirectory, tablespaces }),
    ],
    // On standard input: an option of a record may be a secret.
    stdin: Buffer.from(access.join(""), "latin1"),
    seconds: limit,
  });
  if (result.exitCode === 0) return;
  const words = wordsOf(result.stderr);
  if (result.exitCode === occupied) {
    throw new InstanceExistsError(
      `dataDirectory: ${dataDirectory} on ${target.host.name} cannot be put in place:\n${words}`,
    );
  }
  throw new CommandError(`base backup of ${where} for ${describe(target)} failed:\n${words}`, {
    command: "pg_basebackup",
    exitCode: result.exitCode,
    stderr: result.stderr,
    hint: "Nothing of it was kept, no slot either.",
  });
}

/** Lines that would lead a standby to the primary's own files, or to its past. */
const foreign =
  "data_directory|config_file|hba_file|ident_file|external_pid_file|primary_conninfo|primary_slot_name|" +
  "promote_trigger_file|recovery_target[a-z_]*";

/** pg_basebackup puts each tablespace into an empty folder alone: what is there is known, and can be taken away again. */
const script = `data=$1 new=$2 bin=$3 conninfo=$4 slot=$5 mode=$6 size=$7 own=$8 wal=$9 spaces=\${10}; shift 10
${primaryFunctions}${outside}${renaming}${ownFiles}
each_space() { [ -z "$spaces" ] || printf '%s\n' "$spaces" | while IFS= read -r dir; do "$1" "$dir" || exit; done; }
give_up() { code=$1; give_up_spaces; rm -rf "$new"; give_up_wal "$wal"; [ -z "$made" ] || drop_slot "$slot"; exit "$code"; }
if [ "$mode" = publish ] && [ -d "$data" ]; then rmdir "$data" || exit ${occupied}; fi
give_up_spaces
rm -rf "$new"
begin_wal "$wal" || exit ${occupied}
each_space begin_space || { give_up_spaces; give_up_wal "$wal"; exit 1; }
[ -z "$slot" ] || make_slot "$slot" || { give_up_spaces; give_up_wal "$wal"; exit 1; }
"$@" </dev/null >&2 || give_up 1
for link in "$new"/pg_tblspc/*; do
  [ -L "$link" ] || continue
  noted "space $(readlink "$link")" && continue
  [ -n "$unknown" ] || echo "the primary has tablespaces, of which its role was not told here: it needs a session in the database postgres there (hba)" >&2
  unknown=yes; readlink "$link" >&2
done
[ -z "$unknown" ] || give_up 1
cd "$new" || give_up 1
rm -f recovery.signal
if [ "$mode" = beside ]; then
  ${findLogs}  own_files "$data" . || give_up 1
else
  cat >access && head -c "$size" access >pg_hba.conf && tail -c "+$((size + 1))" access >pg_ident.conf &&
    rm -f access || give_up 1
  echo "# Do not edit this file manually! It will be overwritten by the ALTER SYSTEM command." >postgresql.auto.conf
  [ -e postgresql.conf ] || echo "# Written by pulumi-pginstance: the primary's lies elsewhere." >postgresql.conf
  LC_ALL=C awk '{ name = tolower($0); sub(/^[ \\t]+/, "", name) }
    name ~ /^(${foreign})[ \\t=]/ { print "#" $0; next } { print }' postgresql.conf >postgresql.conf.new &&
    mv -f postgresql.conf.new postgresql.conf || give_up 1
  sockets=$("$bin/postgres" -D "$new" -C unix_socket_directories) || give_up 1
  [ -w "\${sockets%%,*}" ] || echo "unix_socket_directories = '/tmp'" >>postgresql.conf || give_up 1
fi
: >standby.signal || give_up 1
sync postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf standby.signal . 2>/dev/null || sync
[ "$mode" = publish ] || exit 0
[ ! -e "$data" ] || { echo "$data was made by somebody else meanwhile" >&2; give_up ${occupied}; }
sync "$new/pg_tblspc" 2>/dev/null || sync
each_space kept_space || give_up 1
keep_wal "$wal" && rename_to "$new" "$data" || give_up 1
kept_wal "$wal"
sync "$(dirname "$data")" 2>/dev/null || sync
`;
