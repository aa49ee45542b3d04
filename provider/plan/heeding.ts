import type { Observed } from "../schema/observed";
import { leavingAdopted } from "./adopted";
import type { Desired } from "./desired";
import { heedingPrimary } from "./standby";

/** What is wanted of this very instance: what it was before it was taken over, and what its primary demands, come in. */
export function heeding(observed: Observed, desired: Desired): Desired {
  return heedingPrimary(observed, leavingAdopted(observed, desired));
}
