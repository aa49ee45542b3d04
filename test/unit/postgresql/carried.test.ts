import { describe, expect, test } from "vitest";
import { adaptations, carriedOver, lostNames } from "../../../provider/postgresql/carried";
import { type Major, majors } from "../../../provider/postgresql/version";

const adapt = (from: Major, to: Major, settings: Readonly<Record<string, string>>) =>
  adaptations(from, to, settings).map(({ name, to: now, value, since }) => [name, now, value, since]);

describe("lines that another major takes differently", () => {
  test.each<
    [
      from: Major,
      to: Major,
      name: string,
      value: string,
      now: string | null,
      then: string | null,
      since: Major,
    ]
  >([
    ["15", "16", "force_parallel_mode", "regress", "debug_parallel_query", "regress", "16"],
    ["15", "18", "force_parallel_mode", "on", "debug_parallel_query", "on", "16"],
    ["17", "18", "ssl_ecdh_curve", "secp384r1", "ssl_groups", "secp384r1", "18"],
    ["14", "15", "stats_temp_directory", "/run/x", null, null, "15"],
    ["15", "17", "promote_trigger_file", "x", null, null, "16"],
    ["14", "18", "old_snapshot_threshold", "1h", null, null, "17"],
    ["14", "15", "wal_compression", "tru", "wal_compression", "on", "15"],
    ["17", "18", "log_connections", "yes", "log_connections", "on", "18"],
  ])("%s -> %s: %s = %s", (from, to, name, value, now, then, since) => {
    expect(adapt(from, to, { [name]: value })).toEqual([[name, now, then, since]]);
  });

  test("are none where the majors agree, and of extensions never", () => {
    const settings = { work_mem: "8MB", "auto_explain.log_analyze": "on", max_connections: "100" };
    for (const from of majors) {
      for (const to of majors.filter((major) => Number(major) > Number(from))) {
        expect(adaptations(from, to, settings)).toEqual([]);
      }
    }
  });

  test("are said without their value, which may be a secret", () => {
    const [change] = adaptations("17", "18", { log_connections: "on" });
    expect(change?.note).toBe(
      "takes a list, of which on means receipt, authentication and authorization, from 18 on",
    );
  });
});

test("what is carried over keeps its place and gets its new name", () => {
  const line = (value: string) => ({ value, place: "postgresql.conf:7" });
  const before = { force_parallel_mode: line("on"), promote_trigger_file: line("x"), work_mem: line("8MB") };
  const changes = adaptations("15", "17", { force_parallel_mode: "on", promote_trigger_file: "x" });
  expect(carriedOver(before, changes)).toEqual({ debug_parallel_query: line("on"), work_mem: line("8MB") });
});

test("settings of roles are lost where the old major knows them and the new one does not", () => {
  expect(lostNames("15", "17", ["work_mem", "old_snapshot_threshold", "role", "my.own", "seed"])).toEqual([
    "old_snapshot_threshold",
  ]);
});
