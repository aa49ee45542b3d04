/**
 * The connection is cut after each message of a create and of a change, and in the middle of messages; the next `up`,
 * at once, must end as the run that nothing cut. CUTS=all cuts in the middle of every message, not of an even sample.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import { clear, ending, requireNothing } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import { place } from "../../support/instances";
import {
  all,
  type CutHost,
  type CutWay,
  create,
  cutHost,
  type Known,
  type Repeated,
  sweep,
  update,
} from "../../support/ssh/cuts";

/** In the middle of so many messages of an operation. */
const halves = all ? Number.POSITIVE_INFINITY : 30;
const timeout = all ? 3_600_000 : 600_000;
/** So many instances of an operation at once: much of the time is waiting. */
const lanes = 2;

let host: CutHost;

inMemory();
beforeAll(async () => {
  host = await cutHost();
});
afterAll(() => host.dispose());

async function creation({ args }: CutWay): Promise<Repeated> {
  const at = await place("17");
  const wanted = await at.inputs({ ...args, settings: { work_mem: "5MB" } });
  return {
    begin: () => clear(at),
    run: () => create(wanted),
    again: (kept) => (kept ? update(kept, wanted) : create(wanted)),
    found: ({ outs }) => ending(at, outs),
    async back({ id, outs }) {
      await instance.delete(id, outs);
      await requireNothing(at);
    },
    end: async () => undefined,
    dispose: () => at.folder.dispose(),
  };
}

async function change({ args }: CutWay): Promise<Repeated> {
  const at = await place("17");
  const declared = { ...args, restartOnChanges: true };
  const before = await at.inputs({ ...declared, settings: { work_mem: "5MB", max_connections: 40 } });
  const after = await at.inputs({ ...declared, settings: { work_mem: "6MB", max_connections: 50 } });
  let known: Known;
  return {
    async begin() {
      await clear(at);
      // The way there from a create is another one than that from a change.
      known = await update(await update(await create(before), after), before);
    },
    run: () => update(known, after),
    again: (kept) => update(kept ?? known, after),
    found: ({ outs }) => ending(at, outs),
    async back(made) {
      known = await update(made, before);
    },
    async end() {
      await instance.delete(known.id, known.outs);
      await requireNothing(at);
    },
    dispose: () => at.folder.dispose(),
  };
}

const ways = () => Promise.all(Array.from({ length: lanes }, () => host.way()));

describe.concurrent("a connection that is cut after any message, or in the middle of one", () => {
  it("in a create: the next up ends as the run that nothing cut", { timeout }, async () =>
    sweep("create", await ways(), creation, { halves, atLeast: 50 }),
  );

  it("in a change with a restart: the next up ends as the run that nothing cut", { timeout }, async () =>
    sweep("change", await ways(), change, { halves, atLeast: 50 }),
  );
});
