/** A refresh of a hundred instances on one host, as many at a time as the engine asks for, from a new connection on. */
import type { Case, Contender } from "../comparison";
import { raw as rawScripts } from "../peers/raw";
import type { Site, Spot } from "../site";
import type { Bench } from "./bench";
import { counted } from "./counted";
import { eachOf } from "./twenty";

const amount = 100;

/** The host is near: beside one script that reads them all. */
export async function refresh(bench: Bench): Promise<Case> {
  const { site, raw, tools } = bench;
  const { spots, contender, close } = await hundred(bench, site);
  const made = [...spots];
  const peers: Contender[] = raw ? [{ name: raw.name, run: () => raw.readMany(spots) }] : [];
  for (const { name, create, read } of tools) {
    if (!read) continue;
    // A hundred of its own as well would be too many for the machine: it looks at one a hundred times.
    const spot = await site.spot(`refresh${name}`);
    await create(spot);
    made.push(spot);
    peers.push({ name, run: () => eachOf(Array(amount).fill(spot), read) });
  }
  const own = counted(site, 1, contender);
  return { ours: own.contender, counts: own.counts, peers, close: () => close(made) };
}

/** The host is a hundred milliseconds away: beside `ssh` in a loop, over a connection that is kept. */
export async function distance(bench: Bench): Promise<Case> {
  const far = await bench.site.away(100);
  const { spots, contender, close } = await hundred(bench, far);
  const kept = rawScripts(far, true);
  const loop: Contender = {
    name: kept.name,
    prepare: () => kept.disconnect(),
    async run() {
      for (const spot of spots) await kept.read(spot);
    },
  };
  const own = counted(far, 1, contender);
  return {
    ours: own.contender,
    counts: own.counts,
    peers: bench.raw ? [loop] : [],
    async close() {
      await kept.disconnect();
      await close(spots);
      await far.close();
    },
  };
}

/** They are made from near. */
async function hundred({ site, ours }: Bench, from: Site) {
  const names = Array.from({ length: amount }, (_, index) => `refresh${index}`);
  const spots = await Promise.all(names.map((name) => site.spot(name)));
  const close = (made: readonly Spot[]) => site.clear(...made);
  try {
    await eachOf(spots, (spot) => ours.create(spot));
  } catch (error) {
    await close(spots);
    throw error;
  }
  const there = ours.through(from);
  const contender: Contender = {
    name: ours.name,
    prepare: () => there.disconnect(),
    run: () => eachOf(spots, (spot) => there.read(spot)),
  };
  return { spots, contender, close };
}
