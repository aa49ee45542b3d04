/** One instance from nothing to a server that answers. Everybody opens a new connection to the host. */
import type { Case, Contender } from "../comparison";
import type { Means } from "../means";
import { type Bench, requireSetting } from "./bench";
import { counted } from "./counted";

export async function create(bench: Bench): Promise<Case> {
  const { site, ours, raw, tools } = bench;
  const contender = (means: Means): Contender => {
    let spot = { name: "", port: 0, data: "" };
    return {
      name: means.name,
      async prepare() {
        spot = await site.spot("create");
        await means.disconnect?.();
      },
      run: () => means.create(spot),
      async finish() {
        await requireSetting(site, spot, "8MB");
        await site.clear(spot);
      },
    };
  };
  const peers = [...(raw ? [raw] : []), ...tools];
  const own = counted(site, 1, contender(ours));
  return { ours: own.contender, counts: own.counts, peers: peers.map(contender), close: async () => {} };
}
