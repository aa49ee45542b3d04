/** The connection is cut in an operation, again and again; the next one, at once, must end as the run that nothing cut. */
import { setTimeout as sleep } from "node:timers/promises";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { differences, Tally } from "../ending";
import { evenly } from "../evenly";
import { loginTo } from "../way";
import { testHost } from "./host";
import { type Boundary, type Direction, type TcpProxy, tcpProxy } from "./proxy";

/** With CUTS=all in the environment a sweep is not of an even sample. */
export const all = process.env.CUTS === "all";

export interface Known {
  readonly id: string;
  readonly outs: Properties;
}

/** A connection to the host through a proxy of its own. */
export interface CutWay {
  readonly proxy: TcpProxy;
  /** Of an instance: how it is reached, without waiting for a host that does not answer. */
  readonly args: { readonly host: Properties };
}

/** An operation that can be done again and again. */
export interface Repeated {
  /** To where it can be done: from nothing, or from what a divergence has left. */
  begin(): Promise<void>;
  run(): Promise<Known>;
  /** As the engine would after an error, with what it carried. */
  again(kept: Known | undefined): Promise<Known>;
  /** Everything that a cut must not change. */
  found(made: Known): Promise<unknown>;
  /** Back to where it can be done. */
  back(made: Known): Promise<void>;
  /** To nothing, with a look whether it is that. */
  end(): Promise<void>;
  dispose(): Promise<void>;
}

/** Bytes of one direction: there they are the same in each run, however the two take turns. */
interface AfterBytes {
  readonly direction: Direction;
  readonly bytes: number;
}

/** Something that can be seen on the host while the operation runs. */
export interface Moment {
  readonly name: string;
  /** Asked again and again until it is so, or the operation is over. */
  isNow(): boolean | Promise<boolean>;
  /** What else happens when the connection is cut, before the operation is done again. */
  meanwhile?(): Promise<unknown>;
}

type Cut = AfterBytes | Moment;

/** A host, and ways to it. */
export interface CutHost {
  way(): Promise<CutWay>;
  dispose(): Promise<void>;
}

export async function cutHost(): Promise<CutHost> {
  const host = await testHost();
  const { name: user, keyFile: privateKeyFile } = await loginTo(host, "deploy");
  return {
    async way() {
      const proxy = await tcpProxy({ host: host.address, port: host.port });
      const knownHosts = [await host.knownHostsFor({ host: proxy.host, port: proxy.port })];
      const ssh = { host: proxy.host, port: proxy.port, user, privateKeyFile, knownHosts, retryFor: 0 };
      return { proxy, args: { host: { ssh } } };
    },
    dispose: () => host.dispose(),
  };
}

export const create = async (inputs: Properties): Promise<Known> => {
  const { id, outs } = await instance.create(inputs);
  return { id, outs: outs as Properties };
};
export const update = async ({ id, outs }: Known, news: Properties): Promise<Known> => ({
  id,
  outs: (await instance.update(id, outs, news)).outs as Properties,
});

/** What a failed call leaves in the state: the engine keeps what such an error carries. */
function keptBy(error: unknown): Known | undefined {
  const { id, properties } = (error ?? {}) as { id?: string; properties?: Properties };
  return id !== undefined && properties ? { id, outs: properties } : undefined;
}

interface Uncut {
  readonly messages: readonly Boundary[];
  readonly wanted: unknown;
}

/** What comes of an operation that nothing cuts. */
async function uncut({ proxy }: CutWay, operation: Repeated): Promise<Uncut> {
  await operation.begin();
  proxy.cut();
  proxy.resetCounters();
  const made = await operation.run();
  const messages = proxy.boundaries;
  const wanted = await operation.found(made);
  await operation.back(made);
  return { messages, wanted };
}

/**
 * After whole messages, and in the middle of so many; of each direction so many of both.
 * What comes as one message on one way may be two on another.
 */
function messageCuts(ways: readonly Uncut[], halves: number, count: number): readonly AfterBytes[] {
  return (["up", "down"] as const).flatMap((direction) => {
    const ends = ways.flatMap(({ messages }) => messages.filter((one) => one.direction === direction));
    const whole = [...new Set(ends.map((one) => one[direction]))].sort((a, b) => a - b);
    const half = whole.map((to, at) => Math.floor((to + (whole[at - 1] ?? 0)) / 2));
    const bytes = [...whole, ...evenly(half, halves / 2)].sort((a, b) => a - b);
    return evenly(bytes, count / 2).map((bytes) => ({ direction, bytes }));
  });
}

/** @returns whether the moment came before the operation was over */
async function cutAt(moment: Moment, proxy: TcpProxy, over: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const ended = over.then(() => {
    isOver = true;
  });
  while (!isOver) {
    if (await moment.isNow()) {
      proxy.cut();
      return true;
    }
    await Promise.race([ended, sleep(10)]);
  }
  return false;
}

/** Then it is done again, unless it came to its end all the same. @returns whether there was a cut */
async function cutOnce({ proxy }: CutWay, cut: Cut, operation: Repeated, wanted: unknown): Promise<boolean> {
  proxy.cut();
  proxy.resetCounters();
  if ("bytes" in cut) proxy.cutAfter(cut.direction === "up" ? { up: cut.bytes } : { down: cut.bytes });
  const running = operation.run().then(
    (made) => ({ made, error: undefined }),
    (error: unknown) => ({ made: undefined, error }),
  );
  const isCut = "isNow" in cut && (await cutAt(cut, proxy, running));
  const { made, error } = await running;
  const { bytesUp: up, bytesDown: down } = proxy.counters;
  proxy.cut();
  if ("isNow" in cut && isCut) await cut.meanwhile?.();
  const next = made ?? (await operation.again(keptBy(error)));
  const lines = differences(await operation.found(next), wanted);
  if (lines.length > 0) throw new Error(lines.join("; "));
  await operation.back(next);
  return "bytes" in cut ? { up, down }[cut.direction] >= cut.bytes : isCut;
}

const nameOf = (cut: Cut) => ("bytes" in cut ? `after ${cut.bytes} bytes ${cut.direction}` : cut.name);

export interface SweepOptions {
  /** In the middle of so many messages; of every one when absent. */
  readonly halves?: number;
  /** So many cuts by messages in all, where each takes long. */
  readonly messages?: number;
  readonly moments?: readonly Moment[];
  /** There must have been more cuts than that. */
  readonly atLeast: number;
}

/** @param operation on a way, in a place of its own; the ways share the cuts */
export async function sweep(
  name: string,
  ways: readonly CutWay[],
  operation: (way: CutWay) => Promise<Repeated>,
  {
    halves = Number.POSITIVE_INFINITY,
    messages = Number.POSITIVE_INFINITY,
    moments = [],
    atLeast,
  }: SweepOptions,
): Promise<void> {
  const tally = new Tally(name, "cuts");
  const operations: Repeated[] = [];
  try {
    const ready = await Promise.all(
      ways.map(async (way) => {
        const repeated = await operation(way);
        operations.push(repeated);
        return { way, repeated, ...(await uncut(way, repeated)) };
      }),
    );
    const left: Cut[] = [...moments, ...messageCuts(ready, halves, messages)];
    const along = async ({ way, repeated, wanted }: (typeof ready)[number]) => {
      for (let cut = left.shift(); cut; cut = left.shift()) {
        const one = cut;
        const fine = await tally.try(nameOf(one), () => cutOnce(way, one, repeated, wanted));
        if (!fine) await repeated.begin();
      }
      await repeated.end();
    };
    await Promise.all(ready.map(along));
  } finally {
    for (const { proxy } of ways) await proxy.close();
    for (const operation of operations) await operation.dispose();
  }
  tally.report(atLeast);
}
