import { describe, expect, test } from "vitest";
import { type Case, type Contender, compare, itself } from "../../bench/comparison";

/** Every contender writes down what happens to it; each run takes as long as it is told. */
function scene() {
  const happened: string[] = [];
  const contender = (name: string, figure: number, more: Partial<Contender> = {}): Contender => ({
    name,
    prepare: async () => void happened.push(`prepare ${name}`),
    run: async () => {
      happened.push(name);
      return figure;
    },
    finish: async () => void happened.push(`finish ${name}`),
    ...more,
  });
  const runs = () => happened.filter((line) => !line.includes(" "));
  return { happened, contender, runs };
}

const caseOf = (ours: Contender, ...peers: Contender[]): Case => ({ ours, peers, close: async () => {} });

describe("a case", () => {
  test("runs each once to warm up, then pairs with each peer and with itself in the order ABBA", async () => {
    const { contender, runs } = scene();
    const it = caseOf(contender("a", 1), contender("b", 2), contender("c", 3));
    await compare(it, 2, () => {});
    const warm = ["a", "b", "c"];
    const [first, second] = [
      ["a", "b", "a", "c", "a", "a"],
      ["b", "a", "c", "a", "a", "a"],
    ];
    expect(runs()).toEqual([...warm, ...(first ?? []), ...(second ?? [])]);
  });

  test("keeps both figures of every pair, whoever was first", async () => {
    const { contender } = scene();
    const series = await compare(caseOf(contender("a", 1), contender("b", 2)), 2, () => {});
    expect(series).toEqual([
      {
        peer: "b",
        pairs: [
          { ours: 1, theirs: 2, first: "ours" },
          { ours: 1, theirs: 2, first: "theirs" },
        ],
      },
      {
        peer: itself,
        pairs: [
          { ours: 1, theirs: 1, first: "ours" },
          { ours: 1, theirs: 1, first: "theirs" },
        ],
      },
    ]);
  });

  test("times the run alone, between what is before and after it", async () => {
    const { contender, happened } = scene();
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
    const ours = contender("a", 0, {
      prepare: slow,
      run: async () => void happened.push("a"),
      finish: slow,
    });
    const [series] = await compare(caseOf(ours), 1, () => {});
    expect(series?.pairs[0]?.ours).toBeLessThan(50);
    expect(series?.pairs[0]?.ours).toBeGreaterThan(0);
  });

  test("names the contender that failed", async () => {
    const { contender } = scene();
    const failing = contender("b", 0, { run: () => Promise.reject(new Error("no such file")) });
    await expect(compare(caseOf(contender("a", 1), failing), 1, () => {})).rejects.toThrow("b: no such file");
  });
});
