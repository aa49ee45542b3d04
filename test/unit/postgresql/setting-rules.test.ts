import { describe, expect, test } from "vitest";
import { brokenRules } from "../../../provider/postgresql/setting-rules";
import type { SettingValue } from "../../../provider/postgresql/values";
import type { Major } from "../../../provider/postgresql/version";

const broken = (values: Record<string, SettingValue | null | undefined>, version: Major = "18") =>
  brokenRules(
    version,
    (name) => (name in values ? values[name] : null),
    (name) => name in values,
  ).map(({ name, reason }) => `${name}: ${reason}`);

describe("settings that are wrong together", () => {
  test.each([
    [{ wal_level: "minimal" }, "wal_level: minimal needs max_wal_senders = 0, which is 10"],
    [
      { wal_level: "MINIMAL", max_wal_senders: 0, archive_mode: true },
      "wal_level: minimal needs archive_mode = off, which is on",
    ],
    [
      { wal_level: "minimal", max_wal_senders: 0, summarize_wal: "yes" },
      "wal_level: minimal needs summarize_wal = off, which is on",
    ],
    [
      { max_connections: 3 },
      "max_connections: superuser_reserved_connections = 3 is not less than max_connections = 3",
    ],
    [
      { max_connections: 10, reserved_connections: 7 },
      "reserved_connections: 7 and superuser_reserved_connections = 3 are not less than max_connections = 10",
    ],
    [
      { archive_library: "x", archive_command: "y" },
      "archive_library: cannot be set beside archive_command: the archiver takes one of them",
    ],
    [{ min_wal_size: "16MB" }, "min_wal_size: 16MB is less than two WAL segments, which have 16MB each"],
  ])("%j", (values, reason) => {
    expect(broken(values)).toEqual([reason]);
  });

  test("are nobody's fault who declares none of them, and not judged while one is unknown", () => {
    expect(
      brokenRules(
        "18",
        (name) => (name === "wal_level" ? "minimal" : null),
        () => false,
      ),
    ).toEqual([]);
    expect(broken({ wal_level: "minimal", max_wal_senders: undefined })).toEqual([]);
    expect(broken({ wal_level: "minimal", max_wal_senders: 0 })).toEqual([]);
  });

  test("are those of the major", () => {
    expect(broken({ max_connections: 10, reserved_connections: 7 }, "15")).toEqual([]);
    expect(broken({ archive_library: "x", archive_command: "y" }, "15")).toEqual([]);
  });
});
