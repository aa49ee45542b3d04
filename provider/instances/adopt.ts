import { InstanceExistsError, InstanceNotFoundError, InvalidInputsError } from "../errors";
import { findDrift } from "../plan/drift";
import { judge } from "../plan/refusals";
import type { Remembered } from "../schema/state";
import { type Observation, observe } from "../server/observe";
import { rememberUnit } from "../server/systemd";
import { describe, type Target } from "../server/target";
import type { Outcome, Wanted } from "./converge";
import { digest } from "./desired";
import { newId, ownerOf, unmarkedId } from "./identity";
import { withLock } from "./lock";
import { madeOf } from "./made";
import { mark } from "./mark";
import { type Opened, open } from "./open";

/**
 * Takes over the instance that is there, whoever made it, as it is: the marker beside it is all that is written. What
 * differs from the program is for the next preview to say.
 * @throws InstanceNotFoundError when there is none: a mistyped directory shall not become a new, empty database
 * @throws InvalidInputsError naming each property that would have to be declared otherwise
 * @throws InstanceExistsError when the server does not let the provider in, or something else is there
 */
export async function adopt({ inputs, declared, urn = "" }: Wanted): Promise<Outcome> {
  const opened = await open(inputs);
  requireAdoptable(opened, await observe(opened.target));
  return withLock(opened.target, async (session, inside) => {
    const now = { ...opened, target: inside };
    const seen = await observe(inside);
    requireAdoptable(now, seen);
    const found = (await rememberUnit(inside, session, seen)) ? await observe(inside) : seen;
    const id = idOf(now, found, digest(urn));
    const phase = found.marker?.phase ?? "ready";
    await mark(session, now, found, { id, ...ownerOf(urn), phase });
    const made = madeOf(now, found.observed, declared, phase);
    return { id, made, left: [], warnings: taken(inside, found, id), steps: [] };
  });
}

/** Who had it before shall notice that it has it no more: only an interrupted adoption keeps its id. */
function idOf({ target }: Opened, found: Observation, urnHash: string): string {
  const { marker } = found;
  if (marker === undefined) return unmarkedId(target, found);
  return marker.urnHash === urnHash ? marker.id : newId(target.name);
}

/** Whoever had it before is not here to be told. */
function taken(target: Target, { marker }: Observation, id: string): readonly string[] {
  if (marker?.stack === undefined || marker.id === id) return [];
  return [
    `${describe(target)} was ${marker.id} of another Pulumi resource, and is ${id} now: whatever the other one wants of it is ` +
      "refused from now on. Take it out of the state there (`pulumi state delete`) and out of its program",
  ];
}

function requireAdoptable(opened: Opened, found: Observation): void {
  const { target, desired } = opened;
  const { observed, refusal } = found;
  const where = `${target.dataDirectory} on ${target.host.name}`;
  if (observed.existence === "absent") {
    throw new InstanceNotFoundError(`adopt: there is no instance at ${where}`, {
      hint: "`npx pulumi-pginstance list` shows where instances are. To make a new one, leave `adopt` out.",
    });
  }
  if (refusal !== undefined) {
    throw new InstanceExistsError(
      `adopt: the server of ${describe(target)} does not let ${target.owner} in as ${target.superuser}: ${refusal}`,
      {
        hint: `Declare the right \`superuser\`, or put "local all ${target.superuser} peer" first in ${found.files.hba} and reload. Nothing was changed.`,
      },
    );
  }
  const remembered: Remembered = { ...madeOf(opened, observed, [], "ready"), inputs: desired.inputs };
  const { refusals, replaces } = judge(remembered, desired.inputs);
  const { port } = findDrift(observed, desired).inputs;
  const failures = [
    ...refusals,
    ...(port === undefined ? [] : [{ property: "port", reason: `its files say ${port}` }]),
    ...replaces.map((property) => ({
      property,
      reason: `it has ${JSON.stringify(Reflect.get(observed, property))}, and another one would be a new, empty cluster`,
    })),
  ];
  if (failures.length > 0) throw new InvalidInputsError(failures);
}
