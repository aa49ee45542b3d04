import { CommandError } from "../../errors";
import type { Session } from "../../host/session";
import type { Observation } from "../observe";
import { stateDirectory, type Target } from "../target";
import { writeJournal } from "./journal";

/** Of the default path: the folder by which the state directory was reached before, and a parent that is empty then. */
const removeScript = `own=$1; shift
for old in "$@"; do
  [ -f "$old/PG_VERSION" ] || [ -e "$old.removed" ] || continue
  rm -rf "$old.removed" && { [ ! -e "$old" ] || mv "$old" "$old.removed"; } && rm -rf "$old.removed" || exit 1
  [ ! -L "$old.pginstance" ] || rm -f "$old.pginstance"
  up=$(dirname "$old")
  ! grep -qxF "$up" "$own/made" 2>/dev/null || rmdir "$up" 2>/dev/null
done
exit 0
`;

/** Removes what upgrades left; what is not there any more is no error. */
export async function removeOldClusters(
  target: Target,
  session: Session,
  { journal, observed }: Observation,
): Promise<void> {
  const cutOff = journal?.stage === "publishing" ? [journal.oldCluster] : [];
  const kept = [...(observed.upgrade?.kept ?? []), ...cutOff].filter((path) => path !== target.dataDirectory);
  if (!journal || kept.length === 0) return;
  const args = [stateDirectory(target), ...kept];
  const { exitCode, stderr } = await session.step({
    name: "remove old",
    script: removeScript,
    args,
    seconds: 3600,
  });
  if (exitCode === 0)
    return writeJournal(session, { ...journal, keptBefore: [], isOldRemoved: true }, journal.stage);
  throw new CommandError(`cannot remove ${kept.join(", ")} on ${target.host.name}: ${stderr.trim()}`, {
    command: "remove old",
    exitCode,
    stderr,
  });
}
