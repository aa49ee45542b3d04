import { describe, expect, test } from "vitest";
import { nothing } from "../../../provider/plan/nothing";
import { mayShow, needsRestart, settingChanges } from "../../../provider/plan/settings";
import { lines, seen, wish } from "./situations";

const changesOf = (there: Record<string, string>, settings: Record<string, unknown>, originals = {}) =>
  settingChanges(
    seen({ settings: lines(there), originals: { port: null, cluster_name: null, ...originals } }),
    wish({ settings }),
  ).map(({ name, from, to }) => [name, from, to]);

describe("a setting changes in the file", () => {
  test.each<
    [title: string, there: Record<string, string>, wanted: Record<string, unknown>, change: unknown[]]
  >([
    ["from no line to one", {}, { work_mem: "8MB" }, [["work_mem", null, "8MB"]]],
    ["from one value to another", { work_mem: "4MB" }, { work_mem: "8MB" }, [["work_mem", "4MB", "8MB"]]],
    [
      "to its compiled default, by null",
      { work_mem: "8MB" },
      { work_mem: null },
      [["work_mem", "8MB", null]],
    ],
    ["not at all, when it means the same", { work_mem: "8MB" }, { work_mem: 8192 }, []],
    ["not at all, when it has no line and shall have none", {}, { work_mem: null }, []],
    [
      "also when the line is what the compiled default would be",
      {},
      { work_mem: "4MB" },
      [["work_mem", null, "4MB"]],
    ],
    [
      "by its name in small letters",
      { datestyle: "iso" },
      { DateStyle: "iso, dmy" },
      [["datestyle", "iso", "iso, dmy"]],
    ],
    ["from true to on", {}, { autovacuum: true }, [["autovacuum", null, "on"]]],
    ["by the text, when it is an extension's", { "a.b": "on" }, { "a.b": "true" }, [["a.b", "on", "true"]]],
    ["as a share of the host's memory", {}, { shared_buffers: "25%" }, [["shared_buffers", null, "2048MB"]]],
    ["not at all, when nobody declares it", { work_mem: "8MB", log_statement: "all" }, {}, []],
  ])("%s", (_, there, wanted, change) => {
    expect(changesOf(there, wanted)).toEqual(change);
  });

  test("back to what the file said before, when it is no longer declared", () => {
    expect(changesOf({ timezone: "UTC" }, {}, { timezone: "Etc/UTC" })).toEqual([
      ["timezone", "UTC", "Etc/UTC"],
    ]);
    expect(changesOf({ work_mem: "8MB" }, {}, { work_mem: null })).toEqual([["work_mem", "8MB", null]]);
  });

  test("that nobody declares goes, where that is wanted, and what initdb gives comes back", () => {
    const there = seen({
      settings: lines({ work_mem: "8MB", shared_buffers: "20MB", max_connections: "100" }),
    });
    const changes = settingChanges(there, wish({ unmanagedSettings: "remove" }));
    expect(changes.map(({ name, from, to, declared }) => [name, from, to, declared])).toEqual([
      ["shared_buffers", "20MB", "128MB", false],
      ["work_mem", "8MB", null, false],
    ]);
  });

  test("is written even where the text is the same already, so that it is forgotten", () => {
    expect(changesOf({ work_mem: "4MB" }, {}, { work_mem: "4MB" })).toEqual([["work_mem", "4MB", "4MB"]]);
  });

  test("and it is said whether the program declares it", () => {
    const observed = seen({ settings: lines({ work_mem: "8MB" }), originals: { work_mem: null } });
    const changes = settingChanges(observed, wish({ settings: { log_statement: "ddl" } }));
    expect(changes.map(({ name, declared }) => [name, declared])).toEqual([
      ["log_statement", true],
      ["work_mem", false],
    ]);
  });

  test("with the provider's own: port and cluster_name, which the program may overrule", () => {
    const observed = seen({ settings: {}, originals: {} });
    const named = (more = {}) => settingChanges(observed, wish(more)).map(({ name, to }) => [name, to]);
    expect(named()).toEqual([
      ["cluster_name", "orders"],
      ["port", "5432"],
    ]);
    expect(named({ port: 6000, settings: { cluster_name: "mine" } })).toEqual([
      ["cluster_name", "mine"],
      ["port", "6000"],
    ]);
  });

  test("by name, whatever the order in the program", () => {
    expect(changesOf({}, { work_mem: "8MB", autovacuum: false }).map(([name]) => name)).toEqual([
      "autovacuum",
      "work_mem",
    ]);
  });

  test("when there is no instance yet, also to no line: initdb may write one", () => {
    const changes = settingChanges(nothing, wish({ settings: { max_connections: null } }));
    expect(changes.map(({ name, to }) => [name, to])).toContainEqual(["max_connections", null]);
  });
});

describe("a change is applied", () => {
  test.each([
    ["max_connections", 200, "restart"],
    ["shared_buffers", "1GB", "restart"],
    ["work_mem", "8MB", "reload"],
    ["log_statement", "all", "reload"],
    ["autovacuum", false, "reload"],
    ["log_connections", true, "newSessions"],
    ["ignore_system_indexes", true, "newSessions"],
    ["my_app.tenant", "a", "reload"],
  ])("%s: by %s", (name, value, by) => {
    const change = settingChanges(seen(), wish({ settings: { [name]: value } })).find(
      (one) => one.name === name,
    );
    expect(change?.appliedBy).toBe(by);
    expect(change && needsRestart(change)).toBe(by === "restart");
  });
});

describe("a line for the reviewer", () => {
  test.each(["max_connections", "work_mem", "autovacuum", "random_page_cost", "wal_level"])(
    "may show the value of %s",
    (name) => {
      expect(mayShow("17", name)).toBe(true);
    },
  );

  test.each(["archive_command", "ssl_passphrase_command", "my_app.key", "banana"])(
    "never shows the value of %s",
    (name) => {
      expect(mayShow("17", name)).toBe(false);
    },
  );
});
