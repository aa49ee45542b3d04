import { CommandError, InstanceExistsError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import type { AccessFile } from "../postgresql/access";
import { initdb } from "../postgresql/programs";
import { outside } from "./outside";
import { renaming } from "./rename";
import { describe, stateDirectory, type Target } from "./target";

/**
 * Built beside and published by a rename: PG_VERSION and a readable pg_control do not prove a finished initdb. The
 * access files are in it from the start, so that the server never runs with others.
 */
export async function init(
  target: Target,
  session: Session,
  desired: Desired,
  locale: string,
): Promise<void> {
  const { inputs } = desired;
  const walDirectory = walOutside(target, desired);
  const argv = initdb({
    binDirectory: target.binDirectory,
    dataDirectory: `${stateDirectory(target)}/new`,
    superuser: target.superuser,
    locale,
    encoding: inputs.encoding ?? "UTF8",
    dataChecksums: inputs.dataChecksums ?? true,
    walDirectory,
    major: target.version,
  });
  const hba = printFile(desired.access?.hba);
  const place = [target.dataDirectory, stateDirectory(target), walDirectory ?? ""];
  const result = await session.step({
    name: "initdb",
    script: initScript,
    args: [...place, String(hba.length), ...argv],
    // On standard input: an option of a record may be a secret.
    stdin: Buffer.from(hba + printFile(desired.access?.ident), "latin1"),
    seconds: 600,
  });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim().replace(/^/gm, "  ");
  if (result.exitCode === occupied) {
    throw new InstanceExistsError(
      `dataDirectory: ${target.dataDirectory} on ${target.host.name} cannot be put in place:\n${words}`,
    );
  }
  throw new CommandError(`initdb of ${describe(target)} failed:\n${words}`, {
    command: "initdb",
    exitCode: result.exitCode,
    stderr: result.stderr,
    hint: "Nothing of it was kept.",
  });
}

/** As bytes, one a character. */
function printFile(file: AccessFile | undefined): string {
  return `${file?.header ?? ""}${(file?.records ?? []).map(({ line }) => line).join("")}`;
}

/** Where the WAL of a new instance goes, when not into its data directory. */
export function walOutside({ dataDirectory }: Target, { inputs }: Desired): string | undefined {
  return inputs.walDirectory === `${dataDirectory}/pg_wal` ? undefined : inputs.walDirectory;
}

/** What a new instance begins with: the provider's own way in, and the declared records; as bytes, one a character. */
export function accessFiles({ access }: Desired): { hba: string; ident: string } {
  return { hba: printFile(access?.hba), ident: printFile(access?.ident) };
}

export const occupied = 17;

/**
 * Debian's server wants its sockets where only postgres may make them; for another owner they go to /tmp. initdb writes
 * that place into the file, as a comment.
 */
const initScript = `data=$1 own=$2 new=$2/new wal=$3 size=$4; shift 4
${outside}${renaming}
[ ! -d "$data" ] || rmdir "$data" || exit ${occupied}
rm -rf "$new"
begin_wal "$wal" || exit ${occupied}
"$@" </dev/null >&2 || { code=$?; rm -rf "$new"; give_up_wal "$wal"; exit $code; }
cat >"$new/access" && head -c "$size" "$new/access" >"$new/pg_hba.conf" &&
  tail -c "+$((size + 1))" "$new/access" >"$new/pg_ident.conf" && rm -f "$new/access" || exit 1
sockets=$(sed -n "s/^#*unix_socket_directories = '\\([^',]*\\).*/\\1/p" "$new/postgresql.conf")
[ -w "$sockets" ] || echo "unix_socket_directories = '/tmp'" >>"$new/postgresql.conf" || exit 1
sync "$new/postgresql.conf" "$new/pg_hba.conf" "$new/pg_ident.conf" 2>/dev/null || sync
[ ! -e "$data" ] || { echo "$data was made by somebody else meanwhile" >&2; exit ${occupied}; }
keep_wal "$wal" || exit 1
rename_to "$new" "$data" && kept_wal "$wal" || exit 1
sync "$(dirname "$data")" 2>/dev/null || sync
`;
