import { CommandError, InstanceStateError } from "../errors";
import type { Session } from "../host/session";
import { describe, stateDirectory, type Target } from "./target";

export interface OfflineWork {
  readonly name: string;
  /** With $data and $own set; its own arguments from $1. */
  readonly script: string;
  readonly args: readonly string[];
  /** What failed, when it does, as in "pg_checksums --enable". */
  readonly what: string;
}

/**
 * Works on the files of a server that was shut down cleanly. Of any other it touches nothing, whoever started or killed
 * it since it was looked at.
 * @throws InstanceStateError when it runs, or was not shut down cleanly
 */
export async function offline(target: Target, session: Session, work: OfflineWork): Promise<void> {
  const { name, script, args, what } = work;
  const result = await session.step({
    name,
    script: requireClean + script,
    args: [target.dataDirectory, stateDirectory(target), ...args],
    seconds: day,
  });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim();
  if (result.exitCode === unclean) {
    throw new InstanceStateError(`${what}: ${describe(target)} ${words}. Its files were not touched.`, {
      hint: "Run `pulumi refresh`, then `pulumi up` again: it stops the server cleanly first.",
    });
  }
  throw new CommandError(`${what} of ${describe(target)} failed:\n${words.replace(/^/gm, "  ")}`, {
    command: name,
    exitCode: result.exitCode,
    stderr: result.stderr,
    hint: "The server is stopped. Run `pulumi up` again when the reason is gone: it goes on from there.",
  });
}

/** Large data takes hours; whoever comes after the limit waits for it, too. */
const day = 86400;

const unclean = 21;

/** The state in pg_control (postgresql/controldata.ts): shut down, or shut down in recovery. */
const requireClean = `data=$1 own=$2; shift 2
[ ! -e "$data/postmaster.pid" ] || { echo "runs, or was killed" >&2; exit ${unclean}; }
case $(od -An -tu4 -j16 -N4 "$data/global/pg_control" | tr -d ' ') in
  1 | 2) ;;
  *) echo "was not shut down cleanly" >&2; exit ${unclean} ;;
esac
`;
