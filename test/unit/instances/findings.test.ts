/** What is said of what a host has: the table of what would stop a deployment. */
import { describe, expect, it } from "vitest";
import { InstanceNotFoundError, UnsupportedError } from "../../../provider/errors";
import {
  findingOf,
  judgeEquipment,
  judgeInstance,
  judgeListed,
  judgePort,
  judgePulumi,
} from "../../../provider/instances/findings";
import type { InstanceStatus } from "../../../provider/instances/get";
import type { InstanceListItem } from "../../../provider/instances/list";
import type { Equipment, Programs } from "../../../provider/server/equipment";

const gigabyte = 1024 ** 3;
const programs = (major: string, missing: readonly string[] = []): Programs => ({
  directory: `/usr/lib/postgresql/${major}/bin`,
  version: { version: `${major}.4`, major },
  missing,
});
const whole: Equipment = {
  ...{ home: "/home/pg", isHomeWritable: true, room: 20 * gigabyte, lock: "flock", relay: "perl" },
  ...{ programs: [programs("17")], looked: ["/usr/lib/postgresql/17/bin", "PATH"] },
};
const wrong = (change: Partial<Equipment>, version?: "17") =>
  judgeEquipment({ ...whole, ...change }, "pg", version).filter(({ level }) => level !== "ok");

describe("what a host has", () => {
  it("is fine where nothing is missing", () => {
    expect(judgeEquipment(whole, "pg").map(({ level, text }) => [level, text])).toEqual([
      ["ok", "PostgreSQL 17.4 in /usr/lib/postgresql/17/bin"],
      ["ok", "locks by flock"],
      ["ok", "SQL by perl"],
      ["ok", "20480 MB free in /home/pg, the home of pg"],
    ]);
  });

  it.each([
    ["no programs", { programs: [] }, "failed", "no PostgreSQL 14 to 18 that pg can run. Looked at /usr/lib"],
    [
      "an old major alone",
      { programs: [programs("13")] },
      "failed",
      "Looked at /usr/lib/postgresql/13/bin (13.4), ",
    ],
    [
      "a postgres that does not say what it is",
      { programs: [{ ...programs("17"), version: undefined }] },
      "failed",
      "/usr/lib/postgresql/17/bin (no PostgreSQL)",
    ],
    ["no lock", { lock: "" }, "failed", "neither flock nor perl"],
    ["psql alone", { relay: "" }, "notice", "SQL by psql"],
    ["neither", { relay: "", programs: [programs("17", ["psql"])] }, "failed", "nothing that could send SQL"],
    ["no home", { home: "" }, "warning", "pg has no home"],
    ["a home of another", { isHomeWritable: false }, "warning", "pg cannot write to its home /home/pg"],
    ["little room", { room: gigabyte }, "warning", "1024 MB free in /home/pg"],
    ["no room", { room: 0 }, "failed", "0 MB free in /home/pg"],
    [
      "programs that only clients lack",
      { programs: [programs("17", ["pg_dump", "pg_rewind"])] },
      "notice",
      "PostgreSQL 17.4 in /usr/lib/postgresql/17/bin has no pg_dump, pg_rewind, needed for standby.rejoin, upgrade, finalDump",
    ],
  ] as const)("is judged with %s", (_, change, level, words) => {
    const found = wrong(change).find(({ text }) => text.includes(words));
    expect(found).toMatchObject({ level, remedy: expect.stringMatching(/\.$/) });
  });

  it("is too little where none of what is there can be used", () => {
    expect(wrong({ programs: [programs("17", ["initdb"])] }).map(({ level }) => level)).toEqual([
      "warning",
      "failed",
    ]);
    expect(
      wrong({ programs: [programs("17", ["initdb"]), programs("15")] }).map(({ level }) => level),
    ).toEqual(["warning"]);
  });

  it("is the better one of two of a major, and of the major that is wanted", () => {
    const two = [programs("17", ["initdb"]), { ...programs("17"), directory: "/opt/17" }];
    expect(wrong({ programs: two })).toEqual([]);
    expect(wrong({ programs: [programs("15")] }, "17")).toEqual([
      {
        level: "failed",
        text: "no PostgreSQL 17 that pg can run. Looked at /usr/lib/postgresql/15/bin (15.4), /usr/lib/postgresql/17/bin, PATH",
        remedy: "Install it (Debian: apt-get install postgresql-17), or declare binDirectory.",
      },
    ]);
  });
});

describe("the Pulumi CLI", () => {
  it.each([
    ["v3.259.0", "ok"],
    ["3.216.0", "ok"],
    ["v4.0.0", "ok"],
    ["v3.215.9", "warning"],
    ["", "failed"],
    ["no such command", "failed"],
  ])("of version %j is %s", (version, level) => {
    expect(judgePulumi(version)).toMatchObject({ level });
  });
});

describe("an instance of ours", () => {
  const item: InstanceListItem = {
    ...{
      name: "orders",
      version: "17",
      port: 5433,
      dataDirectory: "/d",
      binDirectory: null,
      status: "running",
      managed: true,
    },
  };
  const status = (more: object = {}) =>
    ({
      name: "orders",
      version: "17",
      port: 5433,
      role: "primary",
      pendingRestartReasons: {},
      belowPrimary: [] as InstanceStatus["belowPrimary"],
      ...more,
    }) as InstanceStatus;

  it("is fine where nothing waits", () => {
    expect(judgeListed(item)).toBeUndefined();
    expect(judgeInstance(item, status())).toEqual([
      { level: "ok", text: "17/orders, a primary at port 5433, is running", remedy: null },
    ]);
  });

  it("is warned of for each thing that waits for a restart", () => {
    const pendingRestartReasons = {
      max_connections: { running: "100", wanted: "200" },
      server_version: { running: "17.4", wanted: "17.5" },
    };
    const found = judgeInstance(item, status({ pendingRestartReasons }));
    expect(found.map(({ level, text }) => [level, text])).toEqual([
      ["warning", "17/orders: max_connections 100 -> 200 waits for a restart"],
      ["warning", "17/orders: its server is 17.4, its programs are 17.5 already"],
    ]);
  });

  it("is warned of where its primary was raised above it, before what waits", () => {
    const belowPrimary = [{ name: "max_connections", running: 71, least: 120 }];
    const pendingRestartReasons = { max_connections: { running: "71", wanted: "120" } };
    const found = judgeInstance(item, status({ role: "standby", belowPrimary, pendingRestartReasons }));
    expect(found.map(({ level, text }) => [level, text])).toEqual([
      ["warning", "17/orders replays nothing since max_connections is 71 here and 120 on its primary"],
      ["warning", "17/orders: max_connections 71 -> 120 waits for a restart"],
    ]);
  });

  it("is warned of where it crashed, or is broken; another's is noticed", () => {
    expect(judgeInstance({ ...item, status: "crashed" }, status())).toMatchObject([{ level: "warning" }]);
    const broken = { ...item, problem: "/d has no readable global/pg_control" };
    expect(judgeListed(broken)).toMatchObject({
      level: "warning",
      text: "17/orders: /d has no readable global/pg_control",
    });
    expect(judgeListed({ ...broken, managed: false })).toMatchObject({ level: "notice" });
    expect(judgeListed({ ...item, version: "13" })).toMatchObject({ level: "notice" });
  });
});

describe("what else is found", () => {
  it("names who holds the usual port", () => {
    expect(judgePort(5432, undefined)).toEqual({ level: "ok", text: "port 5432 is free", remedy: null });
    expect(judgePort(5432, "postgres (process 7 of pg)")).toMatchObject({
      level: "notice",
      text: "port 5432 is in use by postgres (process 7 of pg)",
    });
  });

  it("is an error's words and what it says to do; what is no error of ours is one of this program", () => {
    const error = new UnsupportedError("owner: refused", { hint: "Declare another." });
    expect(findingOf(error)).toEqual({ level: "failed", text: "owner: refused", remedy: "Declare another." });
    expect(findingOf(new InstanceNotFoundError("gone"), "warning")).toEqual({
      ...{ level: "warning", text: "gone", remedy: null },
    });
    expect(() => findingOf(new TypeError("mistake"))).toThrow("mistake");
  });
});
