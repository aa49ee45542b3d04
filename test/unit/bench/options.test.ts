import { expect, test } from "vitest";
import { parseOptions } from "../../bench/options";

const parse = (...args: string[]) => parseOptions(args, ["create", "read"]);

test("nine pairs of every case unless told", () => {
  expect(parse()).toEqual({
    pairs: 9,
    only: [],
    without: [],
    json: "test-results/bench.json",
    local: false,
  });
  expect(
    parse("--pairs", "3", "--only", "read", "--without", "pglift", "--without", "ansible"),
  ).toMatchObject({
    pairs: 3,
    only: ["read"],
    without: ["pglift", "ansible"],
  });
});

test.each([
  [["--pairs", "many"], "--pairs many is no number of pairs"],
  [["--pairs", "0"], "--pairs 0 is no number of pairs"],
  [["--only", "drop"], 'There is no case "drop", only create, read.'],
  [["--without", "chef"], 'There is no peer "chef", only raw, pglift, ansible.'],
])("%j is refused", (args, message) => {
  expect(() => parse(...args)).toThrow(message);
});
