/** All there is to know of an instance, as a refresh asks for it. Ansible's builtin modules know nothing of that. */
import type { Case, Contender } from "../comparison";
import type { Means } from "../means";
import { raw as rawScripts } from "../peers/raw";
import type { Bench } from "./bench";
import { counted } from "./counted";
import { standing } from "./standing";

export async function read(bench: Bench): Promise<Case> {
  const { site, ours, raw, tools } = bench;
  const kept = raw && rawScripts(site, true);
  const peers = [...(raw && kept ? [raw, kept] : []), ...tools].filter((means) => means.read);
  const { spots, close } = await standing(bench, [ours, ...peers]);
  const contender = (means: Means): Contender => {
    const spot = spots(means);
    return {
      name: means.name,
      prepare: async () => void (await means.connect?.(spot)),
      run: async () => means.read?.(spot),
    };
  };
  const own = counted(site, 0, contender(ours));
  return { ours: own.contender, counts: own.counts, peers: peers.map(contender), close };
}
