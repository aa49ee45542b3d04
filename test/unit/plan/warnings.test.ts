import { describe, expect, test } from "vitest";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { lines, seen, wish } from "./situations";

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

  test.each<[name: string, before: string | null, to: unknown, words: RegExp | null]>([
    ["fsync", null, false, /^settings\.fsync: a crash of the host can damage the data/],
    ["fsync", "no", "off", null],
    ["fsync", "off", "on", null],
    [
      "synchronous_standby_names",
      "",
      "ANY 1 (a, b)",
      /^settings\.synchronous_standby_names: every commit waits/,
    ],
    ["synchronous_standby_names", "a", "", null],
    ["archive_mode", null, "off", null],
    ["archive_mode", "on", "off", /^settings\.archive_mode: WAL is archived no longer/],
    ["archive_mode", "always", null, /^settings\.archive_mode: WAL is archived no longer/],
  ])("of what %s does beyond what it says, from %j to %j", (name, before, to, words) => {
    const files = before === null ? {} : { [name]: before };
    expect(warned(seen({ settings: lines(files) }), { settings: { [name]: to } })).toEqual(
      words === null ? [] : [expect.stringMatching(words)],
    );
  });

  test("of no effect that an included file takes back", () => {
    const there = { settings: lines({ archive_mode: "on" }), originals: { archive_mode: null } };
    expect(warned(seen(there), {})).toEqual([
      expect.stringMatching(/^settings\.archive_mode: WAL is archived/),
    ]);
    expect(warned(seen({ ...there, beneath: { archive_mode: "on" } }), {})).toEqual([]);
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
