import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";
import { managerChange } from "./service";
import type { Step, StepKind } from "./step";

/** What only a stopped server lets be done. Each is itself the request for the downtime: restartOnChanges does not matter. */
export const offlineKinds = [
  "setChecksums",
  "moveWal",
  "moveTablespace",
  "setServiceManager",
] as const satisfies readonly StepKind[];

export type OfflineStep = Extract<Step, { kind: (typeof offlineKinds)[number] }>;

export function isOffline(step: Step): step is OfflineStep {
  return offlineKinds.some((kind) => kind === step.kind);
}

type Wanted = Pick<Desired, "inputs" | "service">;
type Row = (observed: Observed, wanted: Wanted) => OfflineStep[];

/** In the order in which they are taken. */
const rows: readonly Row[] = [checksums, wal, tablespaceMoves, managerChange];

/** A new instance is made right from the start. */
export function offlineSteps(observed: Observed, wanted: Wanted): OfflineStep[] {
  return observed.existence === "absent" ? [] : rows.flatMap((row) => row(observed, wanted));
}

/** Undeclared, they stay as they were found. */
function checksums(observed: Observed, { inputs: { dataChecksums: wanted } }: Wanted): OfflineStep[] {
  const differs =
    wanted !== undefined && observed.dataChecksums !== null && wanted !== observed.dataChecksums;
  return differs ? [{ kind: "setChecksums", enable: wanted }] : [];
}

function wal({ walDirectory: from }: Observed, { inputs: { walDirectory: to } }: Wanted): OfflineStep[] {
  return to === undefined || to === from ? [] : [{ kind: "moveWal", from, to }];
}

function tablespaceMoves(
  { tablespaces }: Observed,
  { inputs: { tablespaces: wanted = {} } }: Wanted,
): OfflineStep[] {
  return Object.entries(wanted).flatMap(([tablespace, to]) => {
    const found = tablespaces[tablespace];
    if (found === undefined || found.location === to) return [];
    return [{ kind: "moveTablespace" as const, tablespace, oid: found.oid, from: found.location, to }];
  });
}

/** Pages with checksums and pages without do not replicate into each other: the whole family changes while it is down. */
export function standbysInTheWay(observed: Observed, steps: readonly Step[]): string | undefined {
  if (observed.standbys.length === 0 || !steps.some(({ kind }) => kind === "setChecksums")) return undefined;
  return (
    `standbys are attached (${observed.standbys.join(", ")}), whose data has to change with this one's: ` +
    'stop each of them first (state: "stopped"), change this instance, then each of them, and start them again'
  );
}
