import { describe, expect, test } from "vitest";
import { differs, keepKnown, unknownNames } from "../../../provider/resources/compare";
import { check, type Properties } from "../../../provider/schema/check";
import { unknownValue } from "../../../provider/schema/unknown";

describe("inputs differ", () => {
  test.each<[Properties, Properties]>([
    [{ port: 1 }, { port: 2 }],
    [{ port: 1 }, { port: "1" }],
    [{ port: 1 }, {}],
    [{ settings: { work_mem: "8MB" } }, { settings: {} }],
    [{ settings: {} }, {}],
    [{ restartTriggers: [1, 2] }, { restartTriggers: [2, 1] }],
    [{ restartTriggers: [1, null] }, { restartTriggers: [1] }],
    [{ deletionProtection: true }, { deletionProtection: false }],
  ])("%j and %j", (before, now) => {
    expect(differs(before, now)).toBe(true);
    expect(differs(now, before)).toBe(true);
  });

  test.each<[title: string, before: Properties, now: Properties]>([
    ["in nothing", { port: 1 }, { port: 1 }],
    ["in the order of keys, at any depth", { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }],
    ["where null stands for absent", { settings: { work_mem: null, a: 1 } }, { settings: { a: 1 } }],
    ["where undefined stands for absent", { a: { b: undefined } }, { a: {} }],
    ["in the engine's own keys", { a: 1, __urn: "x", __defaults: {} }, { a: 1, __urn: "y", __provider: "z" }],
    ["in the names of own keys alone", { __a: 1 }, {}],
  ])("not %s", (_, before, now) => {
    expect(differs(before, now)).toBe(false);
  });
});

describe("what is not known yet", () => {
  test("is named by property, and of settings one by one", () => {
    expect(
      unknownNames({
        port: unknownValue,
        name: "a",
        auth: { local: unknownValue },
        restartTriggers: [{ a: unknownValue }],
        settings: { work_mem: unknownValue, max_connections: 1, "a.b": unknownValue },
        __urn: unknownValue,
      }),
    ).toEqual(["port", "auth", "restartTriggers", "settings.work_mem", "settings.a.b"]);
  });

  test("is the whole of settings when they come as one", () => {
    expect(unknownNames({ settings: unknownValue })).toEqual(["settings"]);
  });

  test("is the whole of a host of which a part is not known, and not the address that follows it", () => {
    const host = { ssh: { host: unknownValue, user: "deploy" } };
    const { inputs } = check({}, { version: "17", host });
    expect(inputs.address).toBe(unknownValue);
    expect(unknownNames(inputs)).toEqual(["host"]);
    expect(unknownNames(check({}, { version: "17", host, address: unknownValue }).inputs)).toEqual([
      "host",
      "address",
    ]);
  });

  test("is nothing, mostly", () => {
    expect(unknownNames({ port: 1, settings: { work_mem: null } })).toEqual([]);
  });

  test("gives way to what was known before, setting by setting", () => {
    expect(
      keepKnown(
        { port: 5432, settings: { work_mem: "8MB", max_connections: 1 }, auth: { local: "peer" } },
        {
          port: unknownValue,
          settings: { work_mem: unknownValue, max_connections: 2 },
          auth: { local: unknownValue },
        },
      ),
    ).toEqual({ port: 5432, settings: { work_mem: "8MB", max_connections: 2 }, auth: { local: "peer" } });
  });

  test("gives way to all of the host that was known before: half of a way leads nowhere", () => {
    const host = { ssh: { host: "db1.example.com", user: "deploy" } };
    const news = { host: { ssh: { host: unknownValue, user: "other" } }, address: unknownValue };
    expect(keepKnown({ host, address: "db1.example.com" }, news)).toEqual({
      host,
      address: "db1.example.com",
    });
    expect(keepKnown({ host: { local: {} }, address: "localhost" }, news).host).toEqual({ local: {} });
  });

  test("is left out where nothing was known", () => {
    expect(
      keepKnown({}, { port: unknownValue, settings: { work_mem: unknownValue, max_connections: 2 } }),
    ).toEqual({ settings: { max_connections: 2 } });
    expect(keepKnown({}, { settings: unknownValue })).toEqual({});
  });

  test("does not touch what is known, null included", () => {
    const news = { port: 1, settings: { work_mem: null, wal_level: unknownValue } };
    expect(keepKnown({ settings: { wal_level: "replica" } }, news)).toEqual({
      port: 1,
      settings: { work_mem: null, wal_level: "replica" },
    });
  });
});
