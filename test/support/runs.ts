/** How often a property is tried: as often as its test says, or as `npm run test:properties` was told, with its seed. */
const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;

export function runs(usual: number): { readonly numRuns: number; readonly seed?: number } {
  const seed = PROPERTY_SEED === undefined ? {} : { seed: Number(PROPERTY_SEED) };
  return { numRuns: Number(PROPERTY_RUNS ?? usual), ...seed };
}
