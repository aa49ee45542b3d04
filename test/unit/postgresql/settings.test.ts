import { describe, expect, test } from "vitest";
import {
  appliedBy,
  type Context,
  findSetting,
  isExtensionSetting,
  nearestSettingName,
} from "../../../provider/postgresql/settings";
import { majors } from "../../../provider/postgresql/version";

describe("a setting", () => {
  test.each(majors)("is found in the catalog of %s", (major) => {
    expect(findSetting(major, "work_mem")).toEqual({
      name: "work_mem",
      vartype: "integer",
      unit: "kB",
      min: "64",
      max: "2147483647",
      enumvals: null,
      context: "user",
      bootValue: "4096",
      category: "Resource Usage / Memory",
      description: "Sets the maximum memory to be used for query workspaces.",
    });
  });

  test("is found whatever the case", () => {
    expect(findSetting("15", "datestyle")?.name).toBe("DateStyle");
    expect(findSetting("15", "MAX_CONNECTIONS")?.name).toBe("max_connections");
  });

  test("is found by the old names that the server maps", () => {
    expect(findSetting("18", "sort_mem")?.name).toBe("work_mem");
    expect(findSetting("14", "vacuum_mem")?.name).toBe("maintenance_work_mem");
    expect(findSetting("17", "ssl_ecdh_curve")?.name).toBe("ssl_ecdh_curve");
    expect(findSetting("18", "ssl_ecdh_curve")?.name).toBe("ssl_groups");
  });

  test("differs from major to major", () => {
    expect(findSetting("14", "wal_compression")?.vartype).toBe("bool");
    expect(findSetting("15", "wal_compression")?.enumvals).toEqual(["pglz", "lz4", "zstd", "on", "off"]);
    expect(findSetting("17", "io_method")).toBeUndefined();
    expect(findSetting("18", "io_method")?.enumvals).toEqual(["sync", "worker", "io_uring"]);
  });

  test("that nobody knows is not found, not even a word that every object has", () => {
    expect(findSetting("18", "constructor")).toBeUndefined();
    expect(findSetting("18", "__proto__")).toBeUndefined();
    expect(findSetting("18", "")).toBeUndefined();
  });
});

describe("the nearest name", () => {
  test.each([
    ["max_conections", "max_connections"],
    ["max_connectoins", "max_connections"],
    ["maxConnections", "max_connections"],
    ["shared_bufers", "shared_buffers"],
    ["work_men", "work_mem"],
    ["date_style", "DateStyle"],
    ["prot", "port"],
  ])("to %s is %s", (name, nearest) => {
    expect(nearestSettingName("15", name)).toBe(nearest);
  });

  test.each(["banana", "x", "", "innodb_buffer_pool_size", "max"])("to %j is none", (name) => {
    expect(nearestSettingName("15", name)).toBeUndefined();
  });
});

describe("a change", () => {
  test.each<[Context, string]>([
    ["postmaster", "restart"],
    ["sighup", "reload"],
    ["user", "reload"],
    ["superuser", "reload"],
    ["backend", "newSessions"],
    ["superuser-backend", "newSessions"],
    ["internal", "never"],
  ])("in context %s is applied by: %s", (context, by) => {
    expect(appliedBy(context)).toBe(by);
  });
});

describe("an extension's setting", () => {
  test.each(["auto_explain.log_analyze", "PLPGSQL.check_asserts", "_a._b2", "é.ü"])(
    "may be named %s",
    (name) => {
      expect(isExtensionSetting(name)).toBe(true);
    },
  );

  test.each(["work_mem", "a.", ".b", "a.b.c", "1a.b", "a.1", "a b.c", "a.b\n", "a.$b"])(
    "is not named %j",
    (name) => {
      expect(isExtensionSetting(name)).toBe(false);
    },
  );
});
