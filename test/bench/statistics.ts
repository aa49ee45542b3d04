/** What paired measurements say. Pure. */

/** Two figures taken one right after the other, so that what else the machine did weighed on both alike. */
export interface Pair {
  readonly ours: number;
  readonly theirs: number;
  /** Who ran first. */
  readonly first: "ours" | "theirs";
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** How often such an interval holds the true median: at least what was asked. */
  readonly confidence: number;
}

export interface Summary {
  /** Medians, for the reader: the ratio is not theirs. */
  readonly ours: number;
  readonly theirs: number;
  /** The median of the pairs' ratios, ours to theirs. */
  readonly ratio: number;
  readonly interval: Interval | undefined;
}

/** ABBA: whoever is first may be faster or slower for it, and is first in every second pair. */
export function order(pair: number): Pair["first"] {
  return pair % 2 === 0 ? "ours" : "theirs";
}

export function summarise(pairs: readonly Pair[]): Summary {
  const ratios = pairs.map(ratioOf);
  return {
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    ratio: median(ratios),
    interval: medianInterval(ratios),
  };
}

/** A slope that noise has turned around says nothing, and must not look like a win of ours. */
function ratioOf({ ours, theirs }: Pair): number {
  return theirs > 0 ? ours / theirs : Number.POSITIVE_INFINITY;
}

export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = (sorted.length - 1) / 2;
  return (at(sorted, Math.floor(middle)) + at(sorted, Math.ceil(middle))) / 2;
}

/**
 * Between two order statistics, by the sign test. Exact for any distribution of any shape, where a bootstrap of nine
 * values is too narrow, and the same for everybody who has the series: there is no seed. Six values are the fewest that
 * can say anything with 95 %.
 */
export function medianInterval(values: readonly number[], atLeast = 0.95): Interval | undefined {
  const sorted = ascending(values);
  const n = sorted.length;
  let found: Interval | undefined;
  for (let left = 0; left < n / 2; left += 1) {
    const confidence = 1 - 2 * atMostHeads(left, n);
    if (confidence < atLeast) break;
    found = { low: at(sorted, left), high: at(sorted, n - 1 - left), confidence };
  }
  return found;
}

/** An aim is met when the interval reaches it; undefined: too few pairs to say so. */
export function reaches(interval: Interval | undefined, aim: number): boolean | undefined {
  return interval && interval.low <= aim;
}

/** Of the line of least squares: what one more `x` costs. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const covariance = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  return covariance / points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
}

/** The chance of at most so many heads in n throws of a fair coin. */
function atMostHeads(heads: number, n: number): number {
  let [ways, sum] = [1, 1];
  for (let k = 1; k <= heads; k += 1) {
    ways = (ways * (n - k + 1)) / k;
    sum += ways;
  }
  return sum / 2 ** n;
}

const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error("there are no measurements");
  return value;
}
