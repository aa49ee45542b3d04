import { describe, expect, test } from "vitest";
import { judge } from "../../../provider/plan/refusals";
import { check } from "../../../provider/schema/check";
import type { InstanceInputs } from "../../../provider/schema/inputs";
import { inputsOf, lines, remember, seen } from "./situations";

describe("settings that are wrong together are refused", () => {
  test("of a new instance, beside the defaults", () => {
    const { failures } = check({}, { version: "17", settings: { wal_level: "minimal" } });
    expect(failures).toEqual([
      { property: "settings.wal_level", reason: "minimal needs max_wal_senders = 0, which is 10" },
    ]);
  });

  test("of one that is there, beside what its files say", () => {
    const before = remember({}, { observed: seen({ settings: lines({ max_wal_senders: "0" }) }) });
    const { refusals } = judge(before, inputsOf({ settings: { wal_level: "minimal", max_wal_senders: 0 } }));
    expect(refusals).toEqual([]);
    expect(judge(before, { ...inputsOf(), settings: { wal_level: "minimal" } }).refusals).toEqual([]);
    expect(judge(remember(), { ...inputsOf(), settings: { wal_level: "minimal" } }).refusals).toEqual([
      { property: "settings.wal_level", reason: "minimal needs max_wal_senders = 0, which is 10" },
    ]);
  });
});

describe("slots with which the server would not start", () => {
  const slots = { a: "physical", b: "logical" } as const;
  const there = seen({ slots, settings: lines({ wal_level: "logical", max_replication_slots: "5" }) });
  const refusals = (settings: InstanceInputs["settings"], observed = there) =>
    judge(remember({}, { observed }), { ...inputsOf(), settings }).refusals.map(
      ({ property, reason }) => `${property}: ${reason}`,
    );
  const stay = { wal_level: "logical", max_replication_slots: 5 };

  test.each<[title: string, settings: InstanceInputs["settings"], words: string[]]>([
    ["nothing changes", stay, []],
    ["there is room for them", { ...stay, max_replication_slots: 2 }, []],
    [
      "there is no room for them",
      { ...stay, max_replication_slots: 1 },
      [
        "settings.max_replication_slots: 1: the server would not start with the replication slots that it has (a, b). " +
          "Where nobody needs them any more: SELECT pg_drop_replication_slot('a'); SELECT pg_drop_replication_slot('b')",
      ],
    ],
    [
      "the WAL has no logical changes any more",
      { ...stay, wal_level: "replica" },
      [
        "settings.wal_level: replica: the server would not start with the replication slots that it has (b). " +
          "Where nobody needs them any more: SELECT pg_drop_replication_slot('b')",
      ],
    ],
  ])("%s", (_, settings, words) => {
    expect(refusals(settings)).toEqual(words);
  });

  test("one that is no longer declared goes back to what was there, or to what an included file says", () => {
    const logical = { slots, settings: lines({ wal_level: "logical" }), originals: { wal_level: null } };
    expect(refusals({}, seen(logical))).toEqual([
      "settings.wal_level: replica: the server would not start with the replication slots that it has (b). " +
        "Where nobody needs them any more: SELECT pg_drop_replication_slot('b')",
    ]);
    expect(refusals({}, seen({ ...logical, beneath: { wal_level: "logical" } }))).toEqual([]);
    expect(refusals({}, seen({ ...logical, originals: { wal_level: "logical" } }))).toEqual([]);
  });

  test("what was so before stands in no way", () => {
    expect(
      refusals({ wal_level: "replica" }, seen({ slots, settings: lines({ wal_level: "replica" }) })),
    ).toEqual([]);
  });
});
