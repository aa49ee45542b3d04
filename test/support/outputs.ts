/** What a state says was observed, which is packed there. */
import type { Properties } from "../../provider/schema/check";
import type { Observed } from "../../provider/schema/observed";
import { parseState } from "../../provider/schema/state";

export const observedOf = (outs: unknown): Observed => parseState(outs as Properties).observed;
