/** One setting that takes a reload, until the server has it. Ours, Ansible and the second raw one keep their connection. */
import type { Case, Contender } from "../comparison";
import type { Means } from "../means";
import { raw as rawScripts } from "../peers/raw";
import { type Bench, requireSetting } from "./bench";
import { counted } from "./counted";
import { standing } from "./standing";

export async function configure(bench: Bench): Promise<Case> {
  const { site, ours, raw, tools } = bench;
  const kept = raw && rawScripts(site, true);
  const peers = [...(raw && kept ? [raw, kept] : []), ...tools].filter((means) => means.configure);
  const { spots, close } = await standing(bench, [ours, ...peers]);
  let last = 8;
  const contender = (means: Means): Contender => {
    const spot = spots(means);
    const value = () => `${last}MB`;
    return {
      name: means.name,
      async prepare() {
        last += 1;
        await means.connect?.(spot);
      },
      run: async () => means.configure?.(spot, value()),
      finish: () => requireSetting(site, spot, value()),
    };
  };
  const own = counted(site, 0, contender(ours));
  return { ours: own.contender, counts: own.counts, peers: peers.map(contender), close };
}
