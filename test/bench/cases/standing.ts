/** An instance for each contender that runs as long as the case does, made by that contender. */
import type { Means } from "../means";
import type { Site, Spot } from "../site";

export interface Standing {
  spots(means: Means): Spot;
  close(): Promise<void>;
}

export async function standing({ site }: { site: Site }, all: readonly Means[]): Promise<Standing> {
  const made = new Map<Means, Spot>();
  const close = async () => {
    await site.clear(...made.values());
    for (const means of all) await means.disconnect?.();
  };
  try {
    for (const [index, means] of all.entries()) {
      const spot = await site.spot(`standing${index}`);
      made.set(means, spot);
      await means.create(spot);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const spots = (means: Means) => {
    const spot = made.get(means);
    if (!spot) throw new Error(`${means.name} has no instance`);
    return spot;
  };
  return { spots, close };
}
