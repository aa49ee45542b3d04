/** Twenty instances on one host, eight at a time as the engine does it with two cores, from a new connection on. */
import type { Case, Contender } from "../comparison";
import type { Spot } from "../site";
import type { Bench } from "./bench";
import { counted } from "./counted";

const amount = 20;
/** Of the engine with two cores. */
const width = 8;

export async function twenty({ site, ours, raw }: Bench): Promise<Case> {
  const contender = (name: string, run: (spots: readonly Spot[]) => Promise<unknown>): Contender => {
    let spots: readonly Spot[] = [];
    return {
      name,
      async prepare() {
        const names = Array.from({ length: amount }, (_, index) => `twenty${index}`);
        spots = await Promise.all(names.map((one) => site.spot(one)));
        await ours.disconnect();
      },
      run: () => run(spots),
      finish: () => site.clear(...spots),
    };
  };
  const own = counted(
    site,
    1,
    contender(ours.name, (spots) => eachOf(spots, (spot) => ours.create(spot))),
  );
  return {
    ours: own.contender,
    counts: own.counts,
    peers: raw ? [contender(raw.name, (spots) => raw.createMany(spots, width))] : [],
    close: async () => {},
  };
}

/** As many at a time as the engine does. */
export async function eachOf(spots: readonly Spot[], work: (spot: Spot) => Promise<unknown>): Promise<void> {
  const waiting = [...spots];
  const worker = async () => {
    for (let spot = waiting.shift(); spot; spot = waiting.shift()) await work(spot);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
