import { CommandError } from "../../errors";
import type { CommandResult } from "../../host/host";
import type { Session } from "../../host/session";
import type { Observation } from "../observe";
import { serverFunctions } from "../service";
import { stateDirectory, type Target } from "../target";
import { writeJournal } from "./journal";

/** Of the default path: a parent that was made for it, and is empty then. */
const functions = `unmake_parent() { ! grep -qxF "$(dirname "$1")" "$own/made" 2>/dev/null || rmdir "$(dirname "$1")" 2>/dev/null; }
`;

/** What somebody started again is not removed, and what is another instance by now is left alone. */
const removeScript = `${serverFunctions}${functions}shift 3
for old in "$@"; do
  [ ! -e "$old.pginstance/marker.json" ] || [ -L "$old.pginstance" ] || continue
  [ -f "$old/PG_VERSION" ] || [ -e "$old.removed" ] || continue
  if pid=$(data=$old; server_pid) && alive "$pid"; then echo "the server of $old runs ($pid): stop it first" >&2; exit 1; fi
  rm -rf "$old.removed" && { [ ! -e "$old" ] || mv "$old" "$old.removed"; } && rm -rf "$old.removed" || exit 1
  unmake_parent "$old"
done
exit 0
`;

const linksScript = `own=$1
${functions}[ -f "$own/links" ] || exit 0
while IFS= read -r link; do
  [ ! -L "$link" ] || rm -f "$link" || exit 1
  unmake_parent "$link"
done <"$own/links"
exit 0
`;

/**
 * Removes the names that the state directory had before upgrades moved it. They stay with the instance, as a state that
 * was not written may know it by one of them.
 */
export async function removeLinks(target: Target, session: Session): Promise<void> {
  const args = [stateDirectory(target)];
  const { exitCode, stderr } = await session.run({ name: "remove links", script: linksScript, args });
  if (exitCode === 0) return;
  throw cannotRemove("links to the state directory", target, { exitCode, stderr });
}

/** Removes what upgrades left; what is not there any more is no error. */
export async function removeOldClusters(
  target: Target,
  session: Session,
  { journal, observed }: Observation,
): Promise<void> {
  const cutOff = journal?.stage === "publishing" ? [journal.oldCluster] : [];
  const kept = [...(observed.upgrade?.kept ?? []), ...cutOff].filter((path) => path !== target.dataDirectory);
  if (!journal || kept.length === 0) return;
  const args = [target.binDirectory, target.dataDirectory, stateDirectory(target), ...kept];
  const { exitCode, stderr } = await session.step({
    name: "remove old",
    script: removeScript,
    args,
    seconds: 3600,
  });
  if (exitCode === 0)
    return writeJournal(session, { ...journal, keptBefore: [], isOldRemoved: true }, journal.stage);
  throw cannotRemove(kept.join(", "), target, { exitCode, stderr });
}

function cannotRemove(
  what: string,
  { host }: Target,
  { exitCode, stderr }: Pick<CommandResult, "exitCode" | "stderr">,
): CommandError {
  const message = `cannot remove ${what} on ${host.name}: ${stderr.trim()}`;
  return new CommandError(message, { command: "remove old", exitCode, stderr });
}
