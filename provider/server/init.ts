import { CommandError, InstanceExistsError } from "../errors";
import type { Session } from "../host/session";
import type { Desired } from "../plan/desired";
import { initialHba, printHba } from "../postgresql/hba";
import { initialIdent, printIdent } from "../postgresql/ident";
import { initdb } from "../postgresql/programs";
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
  const argv = initdb({
    binDirectory: target.binDirectory,
    dataDirectory: `${stateDirectory(target)}/new`,
    superuser: target.superuser,
    locale,
    encoding: inputs.encoding ?? "UTF8",
    dataChecksums: inputs.dataChecksums ?? true,
    major: target.version,
  });
  const { hba, ident } = accessFiles(target, desired);
  const place = [target.dataDirectory, `${stateDirectory(target)}/new`, target.binDirectory];
  const result = await session.step({
    name: "initdb",
    script: initScript,
    args: [...place, hba, ident, ...argv],
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

/** As long as an instance was never ready, its access files are those of the declaration: a wrong one can be mended. */
export async function writeAccess(target: Target, session: Session, desired: Desired): Promise<void> {
  const { hba, ident } = accessFiles(target, desired);
  const result = await session.step({
    name: "access",
    script: accessScript,
    args: [target.dataDirectory, hba, ident],
    seconds: 60,
  });
  if (result.exitCode === 0) return;
  throw new CommandError(`cannot write pg_hba.conf of ${describe(target)}: ${result.stderr.trim()}`, {
    command: "access",
    exitCode: result.exitCode,
    stderr: result.stderr,
  });
}

/** What a new instance begins with: the provider's own way in, and the declared records. */
export function accessFiles({ superuser, owner }: Target, { auth }: Desired): { hba: string; ident: string } {
  return {
    hba: printHba(initialHba({ superuser, auth }), comment),
    ident: printIdent(initialIdent({ owner, superuser }), comment),
  };
}

const comment =
  "Written by pulumi-pginstance when the instance was made. The first record is the provider's way in.";
export const occupied = 17;

/** Debian's server wants its sockets where only postgres may make them; for another owner they go to /tmp. */
const initScript = `data=$1 new=$2 bin=$3 hba=$4 ident=$5; shift 5
[ ! -d "$data" ] || rmdir "$data" || exit ${occupied}
rm -rf "$new"
"$@" >&2 || { code=$?; rm -rf "$new"; exit $code; }
printf '%s' "$hba" >"$new/pg_hba.conf" && printf '%s' "$ident" >"$new/pg_ident.conf" || exit 1
sockets=$("$bin/postgres" -D "$new" -C unix_socket_directories) || exit 1
[ -w "\${sockets%%,*}" ] || echo "unix_socket_directories = '/tmp'" >>"$new/postgresql.conf" || exit 1
sync "$new/postgresql.conf" "$new/pg_hba.conf" "$new/pg_ident.conf" 2>/dev/null || sync
[ ! -e "$data" ] || { echo "$data was made by somebody else meanwhile" >&2; exit ${occupied}; }
mv "$new" "$data" || exit 1
sync "$(dirname "$data")" 2>/dev/null || sync
`;

const accessScript = `write() {
  printf '%s' "$2" >"$1.new" && { sync "$1.new" 2>/dev/null || sync; } && mv -f "$1.new" "$1"
}
write "$1/pg_hba.conf" "$2" && write "$1/pg_ident.conf" "$3"
`;
