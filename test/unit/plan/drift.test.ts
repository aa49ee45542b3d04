import { describe, expect, test } from "vitest";
import { findDrift } from "../../../provider/plan/drift";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { lines, seen, stoppedServer, wish } from "./situations";

const verifier = (letter: string) =>
  `SCRAM-SHA-256$4096:${letter.repeat(22)}==$${letter.repeat(43)}=:${letter.repeat(43)}=`;

const drifted = (observed: Observed, program: Properties = {}) => findDrift(observed, wish(program));
const settingsOf = (there: Record<string, string>, settings: Record<string, unknown>) =>
  drifted(seen({ settings: lines(there) }), { settings }).inputs.settings;

describe("an instance as it was declared", () => {
  test.each<[there: Record<string, string>, declared: Record<string, unknown>]>([
    [{}, {}],
    [{ work_mem: "8MB" }, { work_mem: 8192 }],
    [{ work_mem: "8192" }, { work_mem: "8MB" }],
    [{ autovacuum: "true" }, { autovacuum: true }],
    [{ shared_buffers: "2GB" }, { shared_buffers: "25%" }],
    [{}, { work_mem: null }],
    [{ log_statement: "all", work_mem: "8MB" }, { work_mem: "8MB" }],
  ])("has no drift: %j for %j", (there, settings) => {
    expect(drifted(seen({ settings: lines(there) }), { settings })).toEqual({ inputs: {}, places: [] });
  });
});

describe("a setting that was changed on the host comes back in the form of its declaration", () => {
  test.each<[title: string, there: string, declared: unknown, found: unknown, name: string]>([
    ["a number as a number", "300", 200, 300, "max_connections"],
    ["a number with a unit as it is written there", "64MB", 8192, "64MB", "work_mem"],
    ["a fraction as a number", "1.5", 4, 1.5, "random_page_cost"],
    ["a boolean as a boolean", "no", true, false, "autovacuum"],
    ["a boolean the other way", "1", false, true, "autovacuum"],
    ["what is no boolean as its word", "lz4", true, "lz4", "wal_compression"],
    ["a text as it is written there", "64MB", "8MB", "64MB", "work_mem"],
    ["a default that is none any more as it is written there", "64MB", null, "64MB", "work_mem"],
    ["a share of memory as what is there instead", "1GB", "25%", "1GB", "shared_buffers"],
    ["a string as it is", "new", "old", "new", "archive_command"],
    ["an extension's setting as it is", "on", "off", "on", "my_app.flag"],
  ])("%s", (_, there, declared, found, name) => {
    expect(settingsOf({ [name]: there }, { [name]: declared })).toEqual({ [name]: found });
  });

  test.each<[name: string, declared: unknown, found: unknown]>([
    ["work_mem", "8MB", "4MB"],
    ["max_connections", 200, 100],
    ["autovacuum", false, true],
    ["my_app.flag", "on", null],
  ])("%s without a line is its compiled default", (name, declared, found) => {
    expect(settingsOf({}, { [name]: declared })).toEqual({ [name]: found });
  });

  test("among the others, which stay as they are declared", () => {
    const program = { work_mem: "8MB", max_connections: 200, autovacuum: true };
    expect(settingsOf({ work_mem: "8192", max_connections: "300", autovacuum: "on" }, program)).toEqual({
      work_mem: "8MB",
      max_connections: 300,
      autovacuum: true,
    });
  });

  test("by the name that the program uses", () => {
    expect(settingsOf({ datestyle: "sql" }, { DateStyle: "iso" })).toEqual({ DateStyle: "sql" });
  });
});

describe("the place of a drift", () => {
  const declared = { settings: { work_mem: "8MB" } };
  const placesOf = (observed: Observed) => drifted(observed, declared).places;

  test("is a line of postgresql.conf", () => {
    expect(placesOf(seen({ settings: lines({ work_mem: "64MB" }) }))).toEqual([
      "work_mem was changed in postgresql.conf:3",
    ]);
  });

  test("is an override by ALTER SYSTEM", () => {
    const overrides = { work_mem: { value: "64MB", place: "postgresql.auto.conf:3" } };
    expect(placesOf(seen({ settings: { ...lines({}), ...overrides }, overrides }))).toEqual([
      "work_mem is overridden in postgresql.auto.conf:3 (ALTER SYSTEM)",
    ]);
  });

  test("is none, when the line is gone", () => {
    expect(placesOf(seen())).toEqual(["work_mem is no longer in postgresql.conf"]);
  });

  test("never shows a value", () => {
    const { places } = drifted(seen({ settings: lines({ archive_command: "c4nary" }) }), {
      settings: { archive_command: "other" },
    });
    expect(places).toEqual(["archive_command was changed in postgresql.conf:3"]);
  });
});

describe("a property that differs", () => {
  const withPassword = { superuserPasswordVerifier: verifier("A") };

  test.each<[title: string, observed: Observed, program: Properties, inputs: object]>([
    ["stopped by hand", seen(stoppedServer), {}, { state: "stopped" }],
    ["crashed", seen({ server: "crashed" }), {}, { state: "stopped" }],
    ["started by hand", seen(), { state: "stopped" }, { state: "started" }],
    ["still starting is started", seen({ server: "starting" }), {}, {}],
    ["a port changed in the file", seen({ settings: lines({ port: "7000" }) }), {}, { port: 7000 }],
    ["a port without a line", seen({ settings: {} }), { port: 6000 }, { port: 5432 }],
    [
      "a password changed",
      seen({ passwordVerifier: verifier("B") }),
      withPassword,
      {
        superuserPasswordVerifier: verifier("B"),
      },
    ],
    ["a password taken away", seen(), withPassword, { superuserPasswordVerifier: null }],
    [
      "a password that cannot be seen, of a stopped server",
      seen(stoppedServer),
      { ...withPassword, state: "stopped" },
      {},
    ],
    ["a password nobody declared", seen({ passwordVerifier: verifier("B") }), {}, {}],
    [
      "checksums switched off",
      seen({ dataChecksums: false }),
      { dataChecksums: true },
      { dataChecksums: false },
    ],
    ["checksums nobody declared", seen({ dataChecksums: false }), {}, {}],
    ["checksums that cannot be seen", seen({ dataChecksums: null }), { dataChecksums: true }, {}],
  ])("%s", (_, observed, program, inputs) => {
    expect(drifted(observed, program).inputs).toEqual(inputs);
  });

  test("never comes back as undefined, which breaks the call", () => {
    const { inputs } = drifted(seen({ settings: {} }), withPassword);
    expect(Object.values(inputs)).not.toContain(undefined);
  });
});
