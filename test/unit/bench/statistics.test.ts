import { describe, expect, test } from "vitest";
import { median, medianInterval, order, type Pair, reaches, slope, summarise } from "../../bench/statistics";

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

describe("the interval of a median", () => {
  // Confidence levels as in tables of the sign test, such as Conover, Practical Nonparametric Statistics, A3.
  test.each([
    { n: 6, low: 1, high: 6, confidence: 0.96875 },
    { n: 9, low: 2, high: 8, confidence: 0.9609375 },
    { n: 12, low: 3, high: 10, confidence: 0.96142578125 },
    { n: 20, low: 6, high: 15, confidence: 0.9586105346679688 },
  ])("of $n values lies between the order statistics of the sign test", ({ n, low, high, confidence }) => {
    const interval = medianInterval(upTo(n).reverse());
    expect(interval).toMatchObject({ low, high });
    expect(interval?.confidence).toBeCloseTo(confidence, 12);
  });

  test.each([0, 1, 5])("of %i values says nothing", (n) => {
    expect(medianInterval(upTo(n))).toBeUndefined();
  });

  test("covers the true median as often as it says", () => {
    let seed = 1;
    // A skewed distribution of median 1: e to the power of what is symmetric around 0.
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return Math.exp((seed / 2147483647 - 0.5) * 4);
    };
    const rounds = 4000;
    let held = 0;
    for (let round = 0; round < rounds; round += 1) {
      const interval = medianInterval(upTo(9).map(random));
      if (interval && interval.low <= 1 && 1 <= interval.high) held += 1;
    }
    expect(held / rounds).toBeGreaterThan(0.95);
    expect(held / rounds).toBeLessThan(0.972);
  });

  test("one wild run does not move it", () => {
    const calm = [1, 1.01, 0.99, 1.02, 0.98, 1, 1.01, 0.99, 1];
    const wild = [...calm.slice(0, 8), 50];
    expect(medianInterval(wild)?.high).toBeLessThan(1.05);
  });
});

describe("pairs", () => {
  test("are in the order ABBA", () => {
    expect(upTo(4).map((pair) => order(pair - 1))).toEqual(["ours", "theirs", "ours", "theirs"]);
  });

  test("give the median of their ratios, not the ratio of their medians", () => {
    const pairs: Pair[] = [
      { ours: 10, theirs: 20, first: "ours" },
      { ours: 30, theirs: 30, first: "theirs" },
      { ours: 100, theirs: 50, first: "ours" },
    ];
    expect(summarise(pairs)).toEqual({ ours: 30, theirs: 30, ratio: 1, interval: undefined });
    expect(summarise(pairs.slice(0, 2)).ratio).toBe(0.75);
  });

  test("whose other figure noise has turned around count against us", () => {
    const pairs = [1, 2, -1].map((theirs): Pair => ({ ours: 1, theirs, first: "ours" }));
    expect(summarise(pairs).ratio).toBe(1);
    expect(summarise(pairs.slice(2)).ratio).toBe(Number.POSITIVE_INFINITY);
  });

  test("none are an error", () => {
    expect(() => summarise([])).toThrow("there are no measurements");
  });
});

test("the median of an even number of values lies between the two in the middle", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("an aim is met when the interval reaches it, and open without one", () => {
  const interval = { low: 0.9, high: 1.2, confidence: 0.96 };
  expect([0.89, 0.9, 1].map((aim) => reaches(interval, aim))).toEqual([false, true, true]);
  expect(reaches(undefined, 1)).toBeUndefined();
});

test("the slope is that of the line of least squares", () => {
  const line = [1, 10, 100].map((x) => ({ x, y: 2500 + 3 * x }));
  expect(slope(line)).toBeCloseTo(3, 12);
  expect(
    slope([
      { x: 0, y: 0 },
      { x: 1, y: 3 },
      { x: 2, y: 3 },
    ]),
  ).toBeCloseTo(1.5, 12);
});
