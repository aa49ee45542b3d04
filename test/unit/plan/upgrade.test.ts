import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import { succession } from "../../../provider/plan/upgrade";
import type { Observed } from "../../../provider/schema/observed";
import { lines, seen, wish } from "./situations";

const old = (more: Partial<Observed> = {}) => seen({ version: "15", serverVersion: "15.18", ...more });
const kinds = (observed: Observed, program = {}) => plan(observed, wish(program)).map(({ kind }) => kind);

type Past = NonNullable<Observed["upgrade"]>;
const finishing: Past = { from: "15", to: "17", mode: "copy", stage: "finishing", kept: ["/srv/old"] };
const done: Past = { ...finishing, stage: "done" };

describe("a raised version", () => {
  test("is one step with everything that is declared, and what is left to do after it", () => {
    const observed = old({ settings: lines({ force_parallel_mode: "on", work_mem: "4MB" }) });
    const [step, ...rest] = plan(
      observed,
      wish({ settings: { work_mem: "8MB" }, upgrade: { mode: "link", jobs: 4 } }),
    );
    expect(step).toMatchObject({
      kind: "upgrade",
      from: "15",
      to: "17",
      mode: "link",
      jobs: 4,
      adapted: [{ name: "force_parallel_mode", to: "debug_parallel_query" }],
      changes: [{ name: "work_mem", from: "4MB", to: "8MB" }],
    });
    expect(rest).toEqual([{ kind: "finishUpgrade", from: "15", to: "17" }]);
  });

  test("takes no restart for a setting that needs one: the server starts anyway", () => {
    expect(kinds(old(), { settings: { max_connections: 200 } })).toEqual(["upgrade", "finishUpgrade"]);
  });

  test("with keepOld false also removes the old cluster, when all else is done", () => {
    expect(kinds(old(), { upgrade: { keepOld: false } })).toEqual([
      "upgrade",
      "finishUpgrade",
      "removeOldClusters",
    ]);
  });

  test("starts from a stopped or crashed server too", () => {
    expect(kinds(old({ server: "stopped" }))).toEqual(["upgrade", "finishUpgrade"]);
    expect(kinds(old({ server: "crashed" }))).toEqual(["upgrade", "finishUpgrade"]);
  });

  test("of one that is stopped ends with its stop, after all that only a running server does", () => {
    const stopped = old({ server: "stopped" });
    expect(kinds(stopped, { state: "stopped", upgrade: { keepOld: false } })).toEqual([
      "upgrade",
      "finishUpgrade",
      "stop",
      "removeOldClusters",
    ]);
    const lines = printPlan(
      stopped,
      wish({ state: "stopped" }),
      plan(stopped, wish({ state: "stopped" })),
      "db1",
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]?.text).toMatch(/ It is started for that, and stopped again\.$/);
  });

  test("is nothing once it is done", () => {
    expect(kinds(seen({ upgrade: done }))).toEqual([]);
  });
});

describe("an upgrade that was cut off", () => {
  test("past the transfer is finished", () => {
    expect(kinds(seen({ upgrade: finishing }))).toEqual(["finishUpgrade"]);
    expect(kinds(seen({ upgrade: finishing, server: "stopped" }))).toEqual(["start", "finishUpgrade"]);
  });

  test("past the transfer is finished where the instance is stopped, too", () => {
    const stopped = { state: "stopped" };
    expect(kinds(seen({ upgrade: finishing, server: "stopped" }), stopped)).toEqual([
      "start",
      "finishUpgrade",
      "stop",
    ]);
    expect(kinds(seen({ upgrade: finishing }), stopped)).toEqual(["finishUpgrade", "stop"]);
    expect(kinds(seen({ upgrade: done, server: "stopped" }), stopped)).toEqual([]);
  });

  test("before it begins anew", () => {
    expect(kinds(old({ upgrade: { ...finishing, stage: "transferring", kept: [] } }))).toEqual([
      "upgrade",
      "finishUpgrade",
    ]);
  });

  test("is taken on by the next run, which announces the whole of it", () => {
    const found = seen({ upgrade: finishing, server: "stopped" });
    const { take, left, more } = agree(old(), found, wish());
    expect(take.map(({ kind }) => kind)).toEqual(["start", "finishUpgrade"]);
    expect([left, more]).toEqual([[], []]);
  });
});

test("an old cluster is removed when the program no longer wants to keep it", () => {
  expect(plan(seen({ upgrade: done }), wish({ upgrade: { keepOld: false } }))).toEqual([
    { kind: "removeOldClusters", kept: ["/srv/old"] },
  ]);
});

test("a setting that was declared by its old name is not written again under it", () => {
  const found = old({
    settings: lines({ force_parallel_mode: "on" }),
    originals: { force_parallel_mode: null },
  });
  const [step] = agree(found, found, wish({ settings: { debug_parallel_query: "on" } })).take;
  expect(step).toMatchObject({ kind: "upgrade", changes: [] });
});

test("an upgrade that nobody announced is not done", () => {
  const { take, left } = agree(seen(), old(), wish());
  expect(take).toEqual([]);
  expect(left).toContain("the data directory is of another major version");
});

test("a line that somebody has to restart for is not applied by an upgrade unasked", () => {
  const found = old({ settings: lines({ max_connections: "999" }) });
  const { more } = agree(old(), found, wish());
  expect(more).toEqual([expect.stringContaining("max_connections was changed on the host")]);
});

describe("the preview", () => {
  const said = (observed: Observed, program = {}) => {
    const desired = { ...wish(program), oldCluster: "/srv/pg/15/orders" };
    return printPlan(observed, desired, plan(observed, desired), "db1");
  };

  test("warns of the downtime, the way back, and what is lost", () => {
    const observed = old({
      settings: lines({ force_parallel_mode: "on" }),
      slots: { standby1: "physical" },
      standbys: ["orders_2"],
    });
    expect(said(observed, { upgrade: { jobs: 4 } })).toEqual([
      {
        severity: "warning",
        text:
          "upgrade of 15/orders on db1 to 17 by pg_upgrade (copy, 4 jobs): downtime. Way back until the new server runs; the " +
          "old cluster stays in /srv/pg/15/orders. The physical slot standby1 is lost. Standby orders_2 must be made anew.",
      },
      {
        severity: "info",
        text: "plan: setting force_parallel_mode is called debug_parallel_query from 16 on; carried over",
      },
    ]);
  });

  test.each([
    [
      "link",
      "Way back until the new server's first start; the old cluster, which shares its files with the new one, stays",
    ],
    ["clone", "Way back until the new server runs; the old cluster stays"],
  ])("says where the way back ends: %s", (mode, words) => {
    expect(said(old(), { upgrade: { mode } })[0]?.text).toContain(words);
  });

  test("says that there is none when folders are moved", () => {
    const [line] = said(seen(), { version: "18", upgrade: { mode: "swap", keepOld: false } });
    expect(line?.text).toContain(
      "No way back once the transfer begins: have a backup; what is left of the old cluster is then removed.",
    );
  });

  test("says that an upgrade is finished, and that old clusters go", () => {
    expect(said(seen({ upgrade: finishing }), { upgrade: { keepOld: false } })).toEqual([
      {
        severity: "info",
        text: "plan: the upgrade of 15/orders on db1 to 17 is finished: extensions and statistics.",
      },
      {
        severity: "warning",
        text: "removal of what upgrades left on db1: /srv/old. No way back to it from then on.",
      },
    ]);
  });
});

describe("the successor lives", () => {
  test("at the new major's default path, the old one where it was", () => {
    expect(succession("/var/lib/postgresql/pginstance/15/orders", "orders", "15", "17", false)).toEqual({
      dataDirectory: "/var/lib/postgresql/pginstance/17/orders",
      oldCluster: "/var/lib/postgresql/pginstance/15/orders",
    });
  });

  test.each([
    ["declared", "/home/pg/pginstance/15/orders", true],
    ["found elsewhere", "/srv/pg/orders", false],
  ])("at the same path where that was %s", (_, path, isDeclared) => {
    expect(succession(path, "orders", "15", "17", isDeclared)).toEqual({
      dataDirectory: path,
      oldCluster: `${path}.old-15`,
    });
  });
});
