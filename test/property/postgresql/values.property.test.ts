import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import { equalValues, parseValue, printValue, type SettingValue } from "../../../provider/postgresql/values";
import { majors } from "../../../provider/postgresql/version";
import { runs } from "../../support/runs";

const names = [
  ..."max_connections work_mem shared_buffers max_wal_size track_activity_query_size deadlock_timeout".split(
    " ",
  ),
  ..."checkpoint_timeout log_rotation_age random_page_cost vacuum_cost_delay log_min_duration_statement".split(
    " ",
  ),
  ..."autovacuum wal_level synchronous_commit wal_compression cluster_name log_file_mode".split(" "),
];

const settings: fc.Arbitrary<Setting> = fc
  .tuple(fc.constantFrom(...majors), fc.constantFrom(...names))
  .map(([major, name]) => findSetting(major, name))
  .filter((setting) => setting !== undefined);

const amounts = fc
  .tuple(
    fc.oneof(fc.integer(), fc.double({ noNaN: true, min: -1e6, max: 1e6 })),
    fc.constantFrom("", " ", "B", "kB", "MB", "GB", "TB", "us", "ms", "s", "min", "h", "d", "x"),
  )
  .map(([amount, unit]) => `${amount}${unit}`);

/** Six digits of the very smallest, which SHOW prints, are a number that the server does not read any more. */
const doubles = fc.double().filter((number) => number === 0 || !(Math.abs(number) < 1e-300));

const values: fc.Arbitrary<SettingValue> = fc.oneof(
  fc.string(),
  doubles,
  fc.nat({ max: 100_000 }),
  fc.boolean(),
  amounts,
  fc.constantFrom("on", "off", "true", "no", "t", "1", "0", "REPLICA", "archive", "local", "pglz", "0640"),
);

describe("for every setting and value", () => {
  test("what is read, printed and read again is the same", () => {
    fc.assert(
      fc.property(settings, values, (setting, value) => {
        const parsed = parseValue(setting, value);
        if (!parsed.ok) return;
        expect(parseValue(setting, printValue(setting, parsed.value))).toEqual(parsed);
        expect(parseValue(setting, parsed.value)).toEqual(parsed);
      }),
      runs(5_000),
    );
  });

  test("a refusal is one line that names the value", () => {
    fc.assert(
      fc.property(settings, values, (setting, value) => {
        const parsed = parseValue(setting, value);
        if (!parsed.ok) expect(parsed.reason).toMatch(/^(".*"|[-\w.+]+) (is|has) .+$/);
      }),
      runs(2_000),
    );
  });

  test("equality is reflexive, symmetric and transitive", () => {
    fc.assert(
      fc.property(fc.option(settings, { nil: undefined }), values, values, values, (setting, a, b, c) => {
        const equal = (x: SettingValue, y: SettingValue) => equalValues(setting, x, y);
        expect(equal(a, a)).toBe(true);
        expect(equal(a, b)).toBe(equal(b, a));
        if (equal(a, b) && equal(b, c)) expect(equal(a, c)).toBe(true);
      }),
      runs(5_000),
    );
  });

  test("a value equals how the server prints it", () => {
    fc.assert(
      fc.property(settings, values, (setting, value) => {
        const parsed = parseValue(setting, value);
        if (parsed.ok) expect(equalValues(setting, value, printValue(setting, parsed.value))).toBe(true);
      }),
      runs(2_000),
    );
  });
});
