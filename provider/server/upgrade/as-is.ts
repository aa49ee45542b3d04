import type { Observed } from "../../schema/observed";
import { type Observation, observe } from "../observe";
import type { Target } from "../target";
import { follow } from "./journal";

/** Looks at an instance where it is by now, whoever remembers an older place or major of it. */
export async function observeAsIs(
  target: Target,
  remembered?: Observed,
  by?: Parameters<typeof observe>[2],
): Promise<{ readonly target: Target; readonly seen: Observation }> {
  const seen = await observe(target, remembered, by);
  const now = follow(target, seen.journal);
  return now === target ? { target, seen } : { target: now, seen: await observe(now, remembered) };
}
