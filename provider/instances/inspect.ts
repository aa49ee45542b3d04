import { InstanceNotFoundError, InstanceStateError } from "../errors";
import { type Drift, findDrift } from "../plan/drift";
import { type PlanLine, warning } from "../plan/line";
import { plan } from "../plan/plan";
import { stuckLines } from "../plan/standby-words";
import { unmanagedLines } from "../plan/unmanaged";
import { endOfUpgrade, finishing } from "../plan/upgrade";
import type { Made, Remembered } from "../schema/state";
import { lookAhead } from "../server/look-ahead";
import { describe } from "../server/target";
import { observeAsIs } from "../server/upgrade/as-is";
import { isUnfinished } from "../server/upgrade/journal";
import { requireOurs, stackOf } from "./identity";
import { madeOf } from "./made";
import { open } from "./open";

export interface Found {
  /** Why the server takes no session of ours, where it should; then what only it knows is as remembered. */
  readonly refusal: string | undefined;
  readonly made: Made;
  readonly drift: Drift;
  /** What is good to know, and no drift. */
  readonly lines: readonly PlanLine[];
}

/**
 * Looks at a known instance and says how it differs from what was declared.
 * @param urn the others of its stack will be asked for as well
 * @throws InstanceNotFoundError when the host answered and has nothing there; unreachable is another error
 */
export async function inspect(id: string, remembered: Remembered, urn?: string): Promise<Found> {
  const begun = await open(remembered.inputs, remembered);
  const { target, seen } = await observeAsIs(
    begun.target,
    remembered.observed,
    urn ? lookAhead(stackOf(urn)) : undefined,
  );
  const opened = { ...begun, target };
  const { observed, marker, journal } = seen;
  if (observed.existence === "absent" && isUnfinished(journal)) {
    throw new InstanceStateError(
      `${describe(target)}: its upgrade was interrupted while directories were renamed`,
      { hint: "`pulumi up` goes on with it." },
    );
  }
  if (
    observed.existence === "absent" &&
    (marker === undefined || remembered.observed.existence === "present")
  ) {
    throw new InstanceNotFoundError(
      `${describe(opened.target)} is gone: ${opened.target.dataDirectory} is missing or empty`,
      {
        hint:
          "If its disk is only not mounted, or it was renamed, mount it or put it back before the next `pulumi up`, which " +
          (marker ? "otherwise makes nothing in its place." : "otherwise makes a new, empty cluster there."),
      },
    );
  }
  requireOurs(opened.target, seen, id);
  const finished = remembered.phase === "ready" || plan(observed, opened.desired).length === 0;
  const due = [...finishing(observed, opened.desired), ...endOfUpgrade(observed, opened.desired)];
  const isUpgrading = isUnfinished(journal) || due.length > 0;
  const phase = isUpgrading ? "changing" : finished ? "ready" : remembered.phase;
  return {
    refusal: seen.refusal,
    made: madeOf(opened, observed, remembered.declared, phase),
    drift: findDrift(observed, opened.desired),
    lines: [
      ...(observed.server === "crashed"
        ? [warning(`the server of ${describe(target)} does not run: it crashed, or was killed`)]
        : []),
      ...seen.refusedLines.map((line) => warning(`the server does not take this line of its files: ${line}`)),
      ...seen.refusedRecords.map((line) =>
        warning(`with this line the server takes nothing of its file, and would not start: ${line}`),
      ),
      ...stuckLines(observed, describe(target)),
      ...unmanagedLines(observed, opened.desired),
    ],
  };
}
