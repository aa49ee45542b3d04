import { type Made, schemaVersion } from "../schema/state";
import { logFile } from "../server/target";
import type { Opened } from "./open";
import { keysOf } from "./way";

/** The outputs beside the inputs. */
export function madeOf(
  { target, desired, facts, accepted }: Opened,
  observed: Made["observed"],
  declared: readonly string[],
  phase: Made["phase"],
): Made {
  return {
    schemaVersion,
    phase,
    declared: [...declared],
    observed,
    dataDirectory: target.dataDirectory,
    binDirectory: target.binDirectory,
    owner: target.owner,
    systemIdentifier: observed.systemIdentifier,
    serverVersion: observed.serverVersion,
    role: observed.role,
    logFile: logFile(target),
    unit: observed.service?.unit ?? null,
    hostKeys: keysOf(desired.inputs, accepted),
    pendingRestart: Object.keys(observed.pending).length > 0,
    pendingRestartReasons: observed.pending,
    resolvedSettings: { ...desired.resolved },
    hostMemory: facts.memory,
  };
}
