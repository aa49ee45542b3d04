import { describe, expect, test } from "vitest";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import {
  equalValues,
  parseValue,
  printValue,
  type SettingValue,
  valueToText,
} from "../../../provider/postgresql/values";
import type { Major } from "../../../provider/postgresql/version";

function setting(name: string, major: Major = "15"): Setting {
  const found = findSetting(major, name);
  if (!found) throw new Error(`no setting ${name} in ${major}`);
  return found;
}

const read = (name: string, value: SettingValue, major?: Major) => parseValue(setting(name, major), value);

describe("a value that PostgreSQL takes", () => {
  test.each<[string, SettingValue, string]>([
    ["work_mem", "8MB", "8192"],
    ["work_mem", 8192, "8192"],
    ["work_mem", " 8 MB ", "8192"],
    ["work_mem", "0x10MB", "16384"],
    ["work_mem", "0200", "128"],
    ["work_mem", "1e3", "1000"],
    ["work_mem", "65536B", "64"],
    ["shared_buffers", "1GB", "131072"],
    ["shared_buffers", "164kB", "20"],
    ["shared_buffers", "172kB", "22"],
    ["max_wal_size", "30.1GB", "30822"],
    ["track_activity_query_size", "4kB", "4096"],
    ["deadlock_timeout", "1.5s", "1500"],
    ["checkpoint_timeout", "5min", "300"],
    ["log_rotation_age", "1d", "1440"],
    ["log_min_duration_statement", -1, "-1"],
    ["max_connections", "2.5", "2"],
    ["max_connections", "3.5", "4"],
    ["random_page_cost", 1.1, "1.1"],
    ["random_page_cost", "100000.5", "100000"],
    ["random_page_cost", 1e-7, "1e-07"],
    ["vacuum_cost_delay", "500us", "0.5"],
    ["unix_socket_permissions", "0770", "0770"],
    ["unix_socket_permissions", 511, "0777"],
    ["autovacuum", true, "on"],
    ["autovacuum", 0, "off"],
    ["autovacuum", "TR", "on"],
    ["autovacuum", "of", "off"],
    ["wal_level", "LOGICAL", "logical"],
    ["wal_level", "hot_standby", "replica"],
    ["synchronous_commit", true, "on"],
    ["synchronous_commit", "no", "off"],
    ["huge_pages", 1, "on"],
    ["wal_compression", true, "pglz"],
    ["log_min_messages", "debug", "debug2"],
    ["wal_buffers", 1, "4"],
    ["cluster_name", 15, "15"],
    ["archive_command", "test ! -f 'x' && cp %p x", "test ! -f 'x' && cp %p x"],
  ])("%s = %j means %s", (name, value, meaning) => {
    expect(read(name, value)).toEqual({ ok: true, value: meaning });
  });

  test("may be a boolean for log_connections, which became a text in 18", () => {
    expect(read("log_connections", true, "17")).toEqual({ ok: true, value: "on" });
    expect(read("log_connections", true, "18")).toEqual({ ok: true, value: "on" });
  });
});

describe("a value that PostgreSQL refuses", () => {
  const memory = `is no amount of memory; 64kB to 2147483647kB, as in "8MB" (default 4MB)`;
  test.each<[string, SettingValue, string]>([
    ["work_mem", "banana", `"banana" ${memory}`],
    ["work_mem", "8mb", `"8mb" ${memory}`],
    ["work_mem", "", `"" ${memory}`],
    ["work_mem", true, `true ${memory}`],
    ["work_mem", "32kB", `"32kB" is outside 64kB to 2147483647kB (default 4MB)`],
    [
      "deadlock_timeout",
      "5 fortnights",
      `"5 fortnights" is no time; 1ms to 2147483647ms, as in "2s" (default 1s)`,
    ],
    ["idle_session_timeout", "x", `"x" is no time; 0 to 2147483647ms, as in "5min" (default 0)`],
    ["backend_flush_after", "x", `"x" is no amount of memory; 0 to 2MB, as in "2MB" (default 0)`],
    ["max_connections", 7_000_000, "7000000 is outside 1 to 262143 (default 100)"],
    ["max_connections", "10MB", `"10MB" is no whole number; 1 to 262143 (default 100)`],
    ["max_connections", "-.5", `"-.5" is no whole number; 1 to 262143 (default 100)`],
    ["random_page_cost", "cheap", `"cheap" is no number; 0 or more (default 4)`],
    ["random_page_cost", -1, "-1 is not 0 or more (default 4)"],
    ["random_page_cost", Number.NaN, "NaN is no number"],
    ["unix_socket_permissions", "1000", `"1000" is outside 0000 to 0777 (default 0777)`],
    ["autovacuum", "maybe", `"maybe" is not on or off (default on)`],
    ["autovacuum", " on", `" on" is not on or off (default on)`],
    ["wal_level", "foo", `"foo" is none of minimal, replica, logical (default replica)`],
    ["wal_level", "replica ", `"replica " is none of minimal, replica, logical (default replica)`],
    ["ssl_max_protocol_version", "TLSv2", `"TLSv2" is none of "", TLSv1, TLSv1.1, TLSv1.2, TLSv1.3`],
    ["archive_command", true, `true is no text; "on" would be`],
    ["archive_command", "a\nb", String.raw`"a\nb" has a newline, which postgresql.conf cannot hold`],
    ["cluster_name", "a\0b", String.raw`"a\u0000b" has a NUL byte, which postgresql.conf cannot hold`],
  ])("%s = %j, says why", (name, value, reason) => {
    expect(read(name, value)).toEqual({ ok: false, reason });
  });

  test("within its limits, says why too", () => {
    expect(read("notify_buffers", "17", "17")).toEqual({
      ok: false,
      reason: `"17" is no multiple of 128kB (default 128kB)`,
    });
  });
});

describe("equality is of meaning", () => {
  test.each<[string, SettingValue, SettingValue]>([
    ["shared_buffers", "1GB", "1024MB"],
    ["shared_buffers", "1GB", 131072],
    ["autovacuum", true, "yes"],
    ["autovacuum", "on", 1],
    ["wal_compression", "on", "pglz"],
    ["random_page_cost", "4", "4.0"],
    ["work_mem", "banana", "banana"],
  ])("%s: %j equals %j", (name, a, b) => {
    expect(equalValues(setting(name), a, b)).toBe(true);
  });

  test.each<[string, SettingValue, SettingValue]>([
    ["shared_buffers", "1GB", "1GiB"],
    ["cluster_name", "on", "yes"],
    ["synchronous_commit", "on", "local"],
  ])("%s: %j does not equal %j", (name, a, b) => {
    expect(equalValues(setting(name), a, b)).toBe(false);
  });

  test("without a setting it is of texts", () => {
    expect(equalValues(undefined, true, "on")).toBe(true);
    expect(equalValues(undefined, 250, "250")).toBe(true);
    expect(equalValues(undefined, "250ms", 250)).toBe(false);
  });
});

describe("a value is printed as SHOW does", () => {
  test.each([
    ["work_mem", "16384", "16MB"],
    ["shared_buffers", "17", "136kB"],
    ["checkpoint_timeout", "60", "1min"],
    ["deadlock_timeout", "1500", "1500ms"],
    ["vacuum_cost_delay", "1.5", "1500us"],
    ["log_min_duration_statement", "-1", "-1"],
    ["statement_timeout", "0", "0"],
    ["random_page_cost", "1.1", "1.1"],
    ["unix_socket_permissions", "0770", "0770"],
    ["autovacuum", "on", "on"],
    ["cluster_name", "100", "100"],
  ])("%s: %s as %s", (name, value, printed) => {
    expect(printValue(setting(name), value)).toBe(printed);
  });
});

describe("a value is written", () => {
  test.each<[SettingValue, string]>([
    [true, "on"],
    [false, "off"],
    ["8MB", "8MB"],
    [0.1, "0.1"],
    [-0, "0"],
    [1e21, "1000000000000000000000"],
    [-1.5e-7, "-0.00000015"],
    [1.25e22, "12500000000000000000000"],
    [1e300, "1e+300"],
  ])("%j as %s", (value, text) => {
    expect(valueToText(value)).toBe(text);
  });
});
