/** So many of them, evenly; all where there are no more. */
export function evenly<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  const wanted = Array.from({ length: Math.ceil(count) }, (_, index) =>
    Math.floor(((index + 0.5) * all.length) / count),
  );
  return all.filter((_, index) => wanted.includes(index));
}
