import { describe, expect, test } from "vitest";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import { judge } from "../../../provider/plan/refusals";
import { check, type Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/state";
import { inputsOf, lines, remember, seen, wish } from "./situations";

const warned = (observed: Observed, program: Properties) =>
  printPlan(observed, wish(program), plan(observed, wish(program)), "db1")
    .filter(({ severity }) => severity === "warning")
    .map(({ text }) => text);

const statements = { "pg_stat_statements.max": 1000 };
const noEffect =
  "settings.pg_stat_statements.max has no effect: pg_stat_statements is not in shared_preload_libraries";

describe("a warning", () => {
  test("of a setting whose library is not loaded", () => {
    expect(warned(seen(), { settings: statements })).toEqual([noEffect]);
    expect(warned(nothing, { settings: statements })).toEqual([noEffect]);
    const loaded = { ...statements, shared_preload_libraries: "auto_explain, $libdir/pg_stat_statements.so" };
    expect(warned(nothing, { settings: loaded })).toEqual([]);
    expect(
      warned(seen({ settings: lines({ shared_preload_libraries: "pg_stat_statements" }) }), {
        settings: statements,
      }),
    ).toEqual([]);
    expect(warned(seen(), { settings: { "custom.thing": "x" } })).toEqual([]);
  });

  test("of a record of pg_hba.conf that is never reached", () => {
    const record = { type: "host", database: "all", user: "app", method: "scram-sha-256" };
    const hba = {
      a: { ...record, address: "10.0.0.0/8" },
      b: { ...record, address: "10.1.0.0/16", method: "reject" },
    };
    expect(warned(nothing, { hba })).toEqual([
      "hba.b is never reached: hba.a comes before it and decides for all that it means",
    ]);
    expect(warned(nothing, { hba: { a: hba.b, b: hba.a } })).toEqual([]);
  });
});

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
