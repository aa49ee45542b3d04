import { describe, expect, test } from "vitest";
import { choose } from "../../../provider/plan/choose";
import type { Step } from "../../../provider/plan/step";

const write: Step = { kind: "writeConfiguration", changes: [] };
const reload: Step = { kind: "reload" };
const start: Step = { kind: "start" };
const restart: Step = { kind: "restart", because: ["port"] };
const asked: Step = { kind: "restart", because: ["state: restarted"] };

describe("the steps to take", () => {
  test("are those that are due, unless somebody asks for more or less", () => {
    expect(choose([write, reload], {})).toEqual([write, reload]);
  });

  test("are of the kinds that are asked for", () => {
    expect(choose([write, start], { only: ["writeConfiguration"] })).toEqual([write]);
  });

  test.each<[Step[], Step[]]>([
    [[], [asked]],
    [
      [write, reload],
      [write, asked],
    ],
    [
      [write, restart],
      [write, restart],
    ],
    [[start], [start]],
  ])("have one start of the server in them where that is asked for", (due, taken) => {
    expect(choose(due, { restart: true })).toEqual(taken);
  });
});
