import { CommandError } from "../errors";
import type { Session } from "../host/session";
import { stateDirectory, type Target } from "./target";

/**
 * Removes a stopped instance. The rename comes first: from then on it is gone, and what an interruption leaves is
 * recognised as ours. What a symbolic link leads to is left alone.
 */
export async function removeData(target: Target, session: Session): Promise<void> {
  const result = await session.step({
    name: "remove",
    script:
      '[ ! -e "$1" ] || { rm -rf "$2/removed" && mv "$1" "$2/removed"; } || exit 1\nrm -rf "$2/removed" "$2/new"',
    args: [target.dataDirectory, stateDirectory(target)],
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
}
