/**
 * The connection is cut after each message of a create and of a change, and in the middle of messages; the next `up`,
 * at once, must end as the run that nothing cut. CUTS=all cuts in the middle of every message, not of an even sample.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { clear, type Ending, ending, requireEnding, requireNothing, Tally } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import { type Place, place } from "../../support/instances";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { type Boundary, type Direction, type TcpProxy, tcpProxy } from "../../support/ssh/proxy";
import { loginTo } from "../../support/way";

/** In the middle of so many messages of an operation. */
const halves = process.env.CUTS === "all" ? Number.POSITIVE_INFINITY : 30;
const timeout = halves < Number.POSITIVE_INFINITY ? 600_000 : 3_600_000;
/** So many instances of an operation at once: much of the time is waiting. */
const lanes = 2;

let host: TestHost;
let login: Login;

inMemory();
beforeAll(async () => {
  host = await testHost();
  login = await loginTo(host, "deploy");
});
afterAll(() => host.dispose());

interface Known {
  readonly id: string;
  readonly outs: Properties;
}

/** An instance on a connection of its own. */
interface Lane {
  readonly at: Place;
  readonly proxy: TcpProxy;
  inputs(more: Properties): Promise<Properties>;
  close(): Promise<void>;
}

async function openLane(): Promise<Lane> {
  const [at, proxy] = await Promise.all([place("17"), tcpProxy({ host: host.address, port: host.port })]);
  const ssh = {
    host: proxy.host,
    port: proxy.port,
    user: login.name,
    privateKeyFile: login.keyFile,
    knownHosts: [await host.knownHostsFor({ host: proxy.host, port: proxy.port })],
    retryFor: 0,
  };
  return {
    at,
    proxy,
    inputs: (more) => at.inputs({ host: { ssh }, ...more }),
    async close() {
      await proxy.close();
      await at.folder.dispose();
    },
  };
}

/** An operation that can be done again and again on a lane. */
interface Repeated {
  /** To where it can be done, from nothing. */
  begin(): Promise<void>;
  /** What it then is. */
  run(): Promise<Known>;
  /** As the engine would after an error, with what it carried. */
  again(kept: Known | undefined): Promise<Known>;
  /** Back to where it can be done. */
  back(made: Known): Promise<void>;
  end(): Promise<void>;
}

type Operation = (lane: Lane) => Promise<Repeated>;

const create = async (inputs: Properties): Promise<Known> => {
  const { id, outs } = await instance.create(inputs);
  return { id, outs: outs as Properties };
};
const update = async ({ id, outs }: Known, news: Properties): Promise<Known> => ({
  id,
  outs: (await instance.update(id, outs, news)).outs as Properties,
});

const creation: Operation = async ({ at, inputs }) => {
  const wanted = await inputs({ settings: { work_mem: "5MB" } });
  return {
    begin: async () => undefined,
    run: () => create(wanted),
    again: (kept) => (kept ? update(kept, wanted) : create(wanted)),
    async back({ id, outs }) {
      await instance.delete(id, outs);
      await requireNothing(at);
    },
    end: async () => undefined,
  };
};

const change: Operation = async ({ at, inputs }) => {
  const before = await inputs({ restartOnChanges: true, settings: { work_mem: "5MB", max_connections: 40 } });
  const after = await inputs({ restartOnChanges: true, settings: { work_mem: "6MB", max_connections: 50 } });
  let known: Known;
  return {
    async begin() {
      known = await create(before);
      // The way there from a create is another one than that from a change.
      known = await update(await update(known, after), before);
    },
    run: () => update(known, after),
    again: (kept) => update(kept ?? known, after),
    async back(made) {
      known = await update(made, before);
    },
    async end() {
      await instance.delete(known.id, known.outs);
      await requireNothing(at);
    },
  };
};

/** What a failed call leaves in the state: the engine keeps what such an error carries. */
function keptBy(error: unknown): Known | undefined {
  const { id, properties } = (error ?? {}) as { id?: string; properties?: Properties };
  return id !== undefined && properties ? { id, outs: properties } : undefined;
}

interface Uncut {
  readonly messages: readonly Boundary[];
  readonly wanted: Ending;
}

/** What comes of an operation that nothing cuts. */
async function uncut({ at, proxy }: Lane, operation: Repeated): Promise<Uncut> {
  await operation.begin();
  proxy.cut();
  proxy.resetCounters();
  const made = await operation.run();
  const messages = proxy.boundaries;
  const wanted = await ending(at, made.outs);
  await operation.back(made);
  return { messages, wanted };
}

/** Bytes of one direction: there they are the same in each run, however the two take turns. */
interface Cut {
  readonly direction: Direction;
  readonly bytes: number;
}

/** What comes as one message on one lane may be two on another. */
function cutsOf(lanes: readonly Uncut[]): readonly Cut[] {
  return (["up", "down"] as const).flatMap((direction) => {
    const ends = lanes.flatMap(({ messages }) => messages.filter((one) => one.direction === direction));
    const whole = [...new Set(ends.map((one) => one[direction]))].sort((a, b) => a - b);
    const half = whole.map((to, at) => Math.floor((to + (whole[at - 1] ?? 0)) / 2));
    const step = Math.max(1, Math.ceil((2 * half.length) / halves));
    return [...whole, ...half.filter((_, at) => at % step === 0)].map((bytes) => ({ direction, bytes }));
  });
}

/** Then it is done again, unless it came to its end all the same. @returns whether there was a cut */
async function cutOnce({ at, proxy }: Lane, cut: Cut, operation: Repeated, wanted: Ending): Promise<boolean> {
  const { direction, bytes } = cut;
  proxy.cut();
  proxy.resetCounters();
  proxy.cutAfter(direction === "up" ? { up: bytes } : { down: bytes });
  const { made, error } = await operation.run().then(
    (made) => ({ made, error: undefined }),
    (error: unknown) => ({ made: undefined, error }),
  );
  const { bytesUp: up, bytesDown: down } = proxy.counters;
  proxy.cut();
  const next = made ?? (await operation.again(keptBy(error)));
  await requireEnding(at, next.outs, wanted);
  await operation.back(next);
  return { up, down }[direction] >= bytes;
}

async function sweep(name: string, operation: Operation): Promise<void> {
  const tally = new Tally(name, "cuts");
  const opened = await Promise.all(Array.from({ length: lanes }, openLane));
  try {
    const ready = await Promise.all(
      opened.map(async (lane) => {
        const repeated = await operation(lane);
        return { lane, repeated, ...(await uncut(lane, repeated)) };
      }),
    );
    const left = [...cutsOf(ready)];
    const along = async ({ lane, repeated, wanted }: (typeof ready)[number]) => {
      for (let cut = left.shift(); cut; cut = left.shift()) {
        const one = cut;
        const fine = await tally.try(`after ${one.bytes} bytes ${one.direction}`, () =>
          cutOnce(lane, one, repeated, wanted),
        );
        if (!fine) {
          await clear(lane.at);
          await repeated.begin();
        }
      }
      await repeated.end();
    };
    await Promise.all(ready.map(along));
  } finally {
    for (const lane of opened) await lane.close();
  }
  tally.report(50);
}

describe.concurrent("a connection that is cut after any message, or in the middle of one", () => {
  it("in a create: the next up ends as the run that nothing cut", { timeout }, () =>
    sweep("create", creation),
  );

  it("in a change with a restart: the next up ends as the run that nothing cut", { timeout }, () =>
    sweep("change", change),
  );
});
