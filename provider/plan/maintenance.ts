import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/state";
import type { Desired } from "./desired";
import type { Step, StepKind } from "./step";

/** What only a stopped server lets be done. Each is itself the request for the downtime: restartOnChanges does not matter. */
export const offlineKinds = [
  "setChecksums",
  "moveWal",
  "moveTablespace",
] as const satisfies readonly StepKind[];

export type OfflineStep = Extract<Step, { kind: (typeof offlineKinds)[number] }>;

export function isOffline(step: Step): step is OfflineStep {
  return offlineKinds.some((kind) => kind === step.kind);
}

type Row = (observed: Observed, inputs: InstanceInputs) => OfflineStep[];

/** In the order in which they are taken. */
const rows: readonly Row[] = [checksums, wal, tablespaceMoves];

/** A new instance is made right from the start. */
export function offlineSteps(observed: Observed, { inputs }: Pick<Desired, "inputs">): OfflineStep[] {
  return observed.existence === "absent" ? [] : rows.flatMap((row) => row(observed, inputs));
}

/** Undeclared, they stay as they were found. */
function checksums(observed: Observed, { dataChecksums: wanted }: InstanceInputs): OfflineStep[] {
  const differs =
    wanted !== undefined && observed.dataChecksums !== null && wanted !== observed.dataChecksums;
  return differs ? [{ kind: "setChecksums", enable: wanted }] : [];
}

function wal({ walDirectory: from }: Observed, { walDirectory: to }: InstanceInputs): OfflineStep[] {
  return to === undefined || to === from ? [] : [{ kind: "moveWal", from, to }];
}

function tablespaceMoves(
  { tablespaces }: Observed,
  { tablespaces: wanted = {} }: InstanceInputs,
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
