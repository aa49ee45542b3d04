import { describe, expect, test } from "vitest";
import { itself } from "../../bench/comparison";
import { type CaseResult, comparisons, doubts, table } from "../../bench/report";
import { order, type Pair } from "../../bench/statistics";

const pairs = (ratio: number, amount = 9, spread = 0.01): Pair[] =>
  Array.from({ length: amount }, (_, index) => ({
    ours: 1000 * ratio * (1 + spread * (index - (amount - 1) / 2)),
    theirs: 1000,
    first: order(index),
  }));

const result = (more: Partial<CaseResult>): CaseResult => ({
  name: "create",
  unit: "ms",
  series: [],
  counts: [],
  ...more,
});

describe("the table", () => {
  test("has ratio, interval, and whether it reaches aim and moonshot", () => {
    const series = [
      { peer: "raw", pairs: pairs(0.9) },
      { peer: "pglift", pairs: pairs(0.8) },
    ];
    const lines = table([result({ series })]).split("\n");
    expect(lines[1]).toMatch(/^create +raw +900 ms +1000 ms +0\.90 +0\.87 to 0\.93 +1\.10 hit +0\.85 miss$/);
    expect(lines[2]).toMatch(/^create +pglift .* 0\.80 .* 0\.65 miss +0\.50 miss$/);
  });

  test("says nothing of aims with too few pairs, nor where there is none", () => {
    const series = [
      { peer: "raw", pairs: pairs(0.9, 5) },
      { peer: itself, pairs: pairs(1, 5) },
    ];
    const lines = table([result({ series })]).split("\n");
    expect(lines[1]).toMatch(/0\.90 +too few pairs +1\.10 \? +0\.85 \?$/);
    expect(lines[2]).toMatch(/1\.00 +too few pairs$/);
  });

  test("has every number that was counted, and a hit only when it was the same in all runs", () => {
    const counts = [
      { name: "handshakes", wanted: 1, values: [1, 1, 1] },
      { name: "connections", wanted: 1, values: [1, 2, 1] },
    ];
    const lines = table([result({ counts })]).split("\n");
    expect(lines[1]).toMatch(/^create +handshakes +1 +1 hit$/);
    expect(lines[2]).toMatch(/^create +connections +1, 2 +1 miss$/);
  });
});

test("the file has both series in the order in which they were measured", () => {
  const series = [{ peer: "raw", pairs: pairs(0.9) }];
  const [comparison] = comparisons(result({ series }));
  expect(comparison).toMatchObject({
    ...{ case: "create", peer: "raw", aim: 1.1, moonshot: 0.85 },
    ...{ reachesAim: true, reachesMoonshot: false },
    pairs: pairs(0.9),
  });
});

test("ours beside itself is doubted when its interval leaves 1 out", () => {
  const series = (ratio: number) => [{ peer: itself, pairs: pairs(ratio) }];
  expect(doubts([result({ series: series(1.01) })])).toEqual([]);
  expect(doubts([result({ series: series(1.2) })])).toEqual([
    "create beside itself is 1.20, not 1: measure again",
  ]);
});
