/**
 * The connection is cut while a standby is made: in the middle of its base backup, and after messages of the provider's.
 * The next `up`, at once, must end as the run that nothing cut, on the standby and on its primary. Evenly sampled; CUTS=all
 * cuts after every message and within it.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import { stateDirectory } from "../../../provider/server/target";
import { clear, ending, requireNothing } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import type { Place } from "../../support/instances";
import { end, processesWith, until } from "../../support/processes";
import {
  all,
  type CutHost,
  type CutWay,
  create,
  cutHost,
  type Moment,
  type Repeated,
  sweep,
  update,
} from "../../support/ssh/cuts";
import {
  dropSlots,
  type Primary,
  password,
  placeOfComplete,
  primary,
  requireFollows,
} from "../../support/standby";

const messages = all ? Number.POSITIVE_INFINITY : 16;
const timeout = all ? 3_600_000 : 600_000;

let host: CutHost;
let still: CutWay;
let way: CutWay;
let source: Primary;
let at: Place;

inMemory();
beforeAll(async () => {
  host = await cutHost();
  [still, way] = await Promise.all([host.way(), host.way()]);
  // On the same host: a network of its own may have no way to this machine's.
  source = await primary({ ...still.args, settings: { wal_keep_size: "1GB" } });
  await source.sql("CREATE TABLE public.t AS SELECT 1 AS a");
  // Enough for a base backup that can be seen.
  await source.sql(
    "CREATE TABLE public.big AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 100000)",
  );
  at = await placeOfComplete("second");
});
afterAll(async () => {
  await at?.folder.dispose();
  await source?.folder.dispose();
  await way?.proxy.close();
  await still?.proxy.close();
  await host?.dispose();
});

async function creation({ args }: CutWay): Promise<Repeated> {
  const wanted = await at.inputs({ ...args, standby: { primary: source.conninfo, password } });
  return {
    async begin() {
      await clear(at);
      await dropSlots(source);
    },
    run: () => create(wanted),
    again: (kept) => (kept ? update(kept, wanted) : create(wanted)),
    async found({ outs }) {
      await requireFollows(source, at);
      return { ...(await ending(at, outs)), slots: await source.slots() };
    },
    async back({ id, outs }) {
      await instance.delete(id, outs);
      await requireNothing(at);
      expect(await source.slots()).toEqual([]);
    },
    end: async () => undefined,
    dispose: async () => undefined,
  };
}

const sender = `SELECT pid FROM pg_stat_progress_basebackup
  WHERE phase = 'streaming database files' AND backup_streamed BETWEEN 1 AND backup_total - 1`;

/** The primary's sender is held there, so that the cut is in the middle however fast the machines are. */
function whileStreaming(name: string, meanwhile: (resume: () => void) => Promise<unknown>): Moment {
  let held = 0;
  const resume = () => end(held, "SIGCONT");
  return {
    name,
    async isNow() {
      const [row] = await source.sql(sender);
      if (row === undefined) return false;
      held = Number(row.pid);
      end(held, "SIGSTOP");
      if ((await source.sql(sender)).some(({ pid }) => pid === row.pid)) return true;
      resume();
      return false;
    },
    async meanwhile() {
      const { dataDirectory } = at.target;
      expect(existsSync(`${stateDirectory(at.target)}/new/PG_VERSION`)).toBe(true);
      // What is half there is nowhere where anything would start it.
      expect(existsSync(dataDirectory)).toBe(false);
      expect(processesWith(`-D ${dataDirectory}`)).toEqual([]);
      await meanwhile(resume);
    },
  };
}

const moments = (): readonly Moment[] => [
  whileStreaming("in its base backup, which goes on", async (resume) => {
    const { connections } = way.proxy.counters;
    // It ends when the next run may wait for it.
    const next = until("the next run", () => way.proxy.counters.connections > connections);
    void next.catch(() => undefined).then(resume);
  }),
  whileStreaming("in its base backup, which ends with it", async (resume) => {
    for (const { pid } of processesWith(`${stateDirectory(at.target)}/new`)) end(pid);
    resume();
  }),
];

it(
  "in the making of a standby: the next up ends as the run that nothing cut, with the one slot that is wanted",
  {
    timeout,
  },
  () => sweep("create a standby", [way], creation, { messages, moments: moments(), atLeast: 12 }),
);
