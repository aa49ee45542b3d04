/** Runs a case: ours beside each peer and beside itself, in pairs. */
import { order, type Pair } from "./statistics";

/** One way of doing a case's work. */
export interface Contender {
  readonly name: string;
  /** Before a run, not timed. */
  prepare?(): Promise<void>;
  /** The work. Its figure is the time it took, unless it answers with another. */
  run(): Promise<unknown>;
  /** After a run, not timed: makes sure of the outcome, and takes it away. */
  finish?(): Promise<void>;
}

/** What must be so in every run beside the time, such as a number of connections. */
export interface Count {
  readonly name: string;
  readonly wanted: number;
  readonly values: readonly number[];
}

export interface Case {
  readonly ours: Contender;
  readonly peers: readonly Contender[];
  readonly unit?: string;
  /** Of all runs of ours until now. */
  counts?(): readonly Count[];
  close(): Promise<void>;
}

export interface Series {
  readonly peer: string;
  readonly pairs: readonly Pair[];
}

/** The name of ours as a peer of itself: how far from 1 such a ratio lies is what this machine's noise does. */
export const itself = "A/A";

/**
 * A round is one pair with each peer and one with itself, so that whatever else the machine does over the minutes
 * weighs on all comparisons alike. The first run of each is thrown away: it fills caches.
 */
export async function compare(
  { ours, peers }: Case,
  pairs: number,
  tell: (line: string) => void,
): Promise<Series[]> {
  const series = [...peers, { ...ours, name: itself }].map((peer) => ({ peer, pairs: [] as Pair[] }));
  for (const contender of [ours, ...peers]) await figure(contender);
  for (let round = 0; round < pairs; round += 1) {
    for (const { peer, pairs: done } of series) {
      const pair = await measure(ours, peer, order(round));
      done.push(pair);
      tell(`${round + 1}/${pairs} ${peer.name}: ${pair.ours.toFixed(1)} beside ${pair.theirs.toFixed(1)}`);
    }
  }
  return series.map(({ peer, pairs: done }) => ({ peer: peer.name, pairs: done }));
}

async function measure(ours: Contender, peer: Contender, first: Pair["first"]): Promise<Pair> {
  if (first === "ours") {
    const before = await figure(ours);
    return { ours: before, theirs: await figure(peer), first };
  }
  const before = await figure(peer);
  return { ours: await figure(ours), theirs: before, first };
}

async function figure(contender: Contender): Promise<number> {
  try {
    await contender.prepare?.();
    const begin = performance.now();
    const answer = await contender.run();
    const elapsed = performance.now() - begin;
    await contender.finish?.();
    return typeof answer === "number" ? answer : elapsed;
  } catch (error) {
    throw new Error(`${contender.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
