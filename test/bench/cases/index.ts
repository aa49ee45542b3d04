import type { Case } from "../comparison";
import type { Bench } from "./bench";
import { configure } from "./configure";
import { create } from "./create";
import { downtime } from "./downtime";
import { footprint } from "./footprint";
import { preview } from "./preview";
import { read } from "./read";
import { distance, refresh } from "./refresh";
import { latency, throughput } from "./transport";
import { twenty } from "./twenty";

/** In the order in which they run. */
export const cases: Readonly<Record<string, (bench: Bench) => Promise<Case>>> = {
  create,
  configure,
  read,
  downtime,
  preview,
  twenty,
  refresh,
  distance,
  latency,
  throughput,
  footprint,
};
