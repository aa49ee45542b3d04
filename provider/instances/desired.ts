import { createHash } from "node:crypto";
import { type Desired, desire } from "../plan/desired";
import { succession } from "../plan/upgrade";
import { passfileDigest, printPassfile } from "../postgresql/passfile";
import { canonicalJson } from "../schema/canonical";
import type { InstanceInputs } from "../schema/inputs";
import type { Remembered } from "../schema/state";
import { passfilePath } from "../server/target";

/** What the program wants, with what the state remembers where it says nothing. */
export function desiredOf(
  inputs: InstanceInputs,
  hostMemory: number | null,
  pinned?: Remembered,
  at: { readonly dataDirectory?: string; readonly owner?: string } = {},
): Desired {
  const { restartTriggers, standby } = inputs;
  const { dataDirectory = inputs.dataDirectory ?? pinned?.dataDirectory ?? "" } = at;
  const password = standby?.password;
  return desire(inputs, {
    hostMemory,
    pinned,
    owner: at.owner ?? inputs.owner ?? pinned?.owner ?? null,
    passfile:
      password === undefined
        ? null
        : { path: passfilePath({ dataDirectory }), digest: passfileDigest(printPassfile(password)) },
    restartTriggers: restartTriggers === undefined ? null : digest(canonicalJson(restartTriggers)),
    oldCluster: pinned && successionOf(pinned, inputs)?.oldCluster,
  });
}

/** undefined where no upgrade is wanted. */
export function successionOf(remembered: Remembered, { version: to, dataDirectory }: InstanceInputs) {
  const { version: from, existence } = remembered.observed;
  if (existence === "absent" || from === null || from === to) return undefined;
  const isDeclared = dataDirectory !== undefined;
  return succession(remembered.dataDirectory, remembered.inputs.name, from, to, isDeclared);
}

export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
