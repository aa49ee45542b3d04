import { describe, expect, test } from "vitest";
import { nothing } from "../../../provider/plan/nothing";
import { judge } from "../../../provider/plan/refusals";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, remember, seen } from "./situations";

const open = { deletionProtection: false };
const emptyCluster = "means a new, empty cluster";
const whileProtected = "; refused while deletionProtection is true";

type Case = readonly [property: string, before: Properties, now: Properties, reason: string];

const fixed: readonly Case[] = [
  [
    "name",
    {},
    { name: "other" },
    "changing orders to other is not possible: a name is for life. Declare a second instance and move the data",
  ],
  [
    "dataDirectory",
    {},
    { dataDirectory: "/srv/other" },
    "changing /srv/pg/17/orders to /srv/other is not done by the provider: it never moves data",
  ],
  [
    "owner",
    {},
    { owner: "pg" },
    "changing postgres to pg is not done by the provider: it never changes the owner of data",
  ],
];

const replacing: readonly Case[] = [
  ["superuser", {}, { superuser: "admin" }, `changing postgres to admin ${emptyCluster}`],
  ["locale", {}, { locale: "de_DE.UTF-8" }, `changing C.UTF-8 to de_DE.UTF-8 ${emptyCluster}`],
  ["encoding", {}, { encoding: "LATIN1" }, `changing UTF8 to LATIN1 ${emptyCluster}`],
  ["encoding", { encoding: "UTF8" }, { encoding: "LATIN1" }, `changing UTF8 to LATIN1 ${emptyCluster}`],
];

describe("what is fixed is refused with the way there is", () => {
  test.each(fixed)("%s", (property, before, now, reason) => {
    const expected = { refusals: [{ property, reason }], replaces: [] };
    expect(judge(remember(before), inputsOf(now))).toEqual(expected);
    expect(judge(remember({ ...before, ...open }), inputsOf({ ...now, ...open }))).toEqual(expected);
  });
});

describe("what means a new cluster", () => {
  test.each(replacing)("is refused while protected: %s", (property, before, now, reason) => {
    expect(judge(remember(before), inputsOf(now))).toEqual({
      refusals: [{ property, reason: reason + whileProtected }],
      replaces: [property],
    });
  });

  test.each(replacing)("is a replacement when not protected: %s", (property, before, now) => {
    expect(judge(remember({ ...before, ...open }), inputsOf({ ...now, ...open }))).toEqual({
      refusals: [],
      replaces: [property],
    });
  });

  test.each(replacing)(
    "is refused still when the protection is lifted in the same update: %s",
    (property, before, now) => {
      const { refusals } = judge(remember(before), inputsOf({ ...now, ...open }));
      expect(refusals.map((refusal) => refusal.property)).toEqual([property]);
    },
  );

  test.each(replacing)(
    "is a replacement of what never got ready, protected or not: %s",
    (property, before, now) => {
      expect(judge(remember(before, { phase: "creating" }), inputsOf(now))).toEqual({
        refusals: [],
        replaces: [property],
      });
    },
  );
});

describe("nothing stands against", () => {
  test("any change, while there is nothing on the host", () => {
    const remembered = remember({}, { phase: "creating", observed: nothing });
    for (const [, , now] of [...fixed, ...replacing]) {
      expect(judge(remembered, inputsOf(now))).toEqual({ refusals: [], replaces: [] });
    }
  });

  test.each<[title: string, before: Properties, now: Properties]>([
    ["no change", {}, {}],
    ["a locale in another spelling", { locale: "C.UTF-8" }, { locale: "C.utf8" }],
    ["an encoding in another spelling", {}, { encoding: "utf-8" }],
    ["saying what was decided by the host", {}, { dataDirectory: "/srv/pg/17/orders", owner: "postgres" }],
    ["no longer saying it", { locale: "C.UTF-8", dataChecksums: true }, {}],
    ["other authentication", { auth: { local: "peer" } }, { auth: { host: "md5" } }],
    ["settings, state and password", {}, { settings: { work_mem: "8MB" }, state: "stopped" }],
  ])("%s", (_, before, now) => {
    expect(judge(remember(before), inputsOf(now))).toEqual({ refusals: [], replaces: [] });
  });

  test("what the host could not tell", () => {
    const remembered = remember(
      {},
      { observed: seen({ locale: null, encoding: null, dataChecksums: null }) },
    );
    expect(
      judge(remembered, inputsOf({ locale: "C", encoding: "LATIN1", dataChecksums: false })).refusals,
    ).toEqual([]);
  });
});

describe("a moved port", () => {
  test("is refused while nothing may restart: it would be forgotten", () => {
    expect(judge(remember(), inputsOf({ port: 6000 })).refusals).toEqual([
      {
        property: "port",
        reason: "changing 5432 to 6000 needs a restart; set restartOnChanges: true with it",
      },
    ]);
  });

  test.each<[title: string, now: Properties, server: "running" | "stopped" | "crashed"]>([
    ["when restarts are allowed", { restartOnChanges: true }, "running"],
    ["when the server is stopped", {}, "stopped"],
    ["when the server crashed", {}, "crashed"],
    ["when it is stopped in the same update", { state: "stopped" }, "running"],
  ])("is fine %s", (_, now, server) => {
    const remembered = remember({}, { observed: seen({ server }) });
    expect(judge(remembered, inputsOf({ port: 6000, ...now })).refusals).toEqual([]);
  });
});

describe("a raised version", () => {
  const raised = { version: "18" };

  test("is an upgrade in place, and nothing stands against it", () => {
    expect(judge(remember(), inputsOf(raised))).toEqual({ refusals: [], replaces: [] });
  });

  test("and one that is stopped may stay so", () => {
    const remembered = remember({ state: "stopped" }, { observed: seen({ server: "stopped" }) });
    expect(judge(remembered, inputsOf({ ...raised, state: "stopped" })).refusals).toEqual([]);
  });

  test("may move the port at once: it starts the server anyway", () => {
    expect(judge(remember(), inputsOf({ ...raised, port: 6000 })).refusals).toEqual([]);
  });

  test.each<[title: string, from: Partial<Observed>, now: Properties, reason: RegExp]>([
    [
      "on a standby",
      { role: "standby" },
      { standby: { primary: "host=db0 user=replicator" } },
      /raising 17 to 18 is done on the primary alone/,
    ],
    [
      "with standbys attached",
      { standbys: ["orders_2"] },
      {},
      /raising 17 to 18 is not survived by the attached standbys \(orders_2\): stop them first/,
    ],
    [
      "with logical slots of a major that loses them",
      { version: "16", slots: { shipping: "logical", standby1: "physical" } },
      {},
      /raising 16 to 18 loses logical replication slots \(shipping\)/,
    ],
  ])("is refused %s", (_, from, now, reason) => {
    const [refusal, ...more] = judge(
      remember({}, { observed: seen(from) }),
      inputsOf({ ...raised, ...now }),
    ).refusals;
    expect(refusal).toEqual({ property: "version", reason: expect.stringMatching(reason) });
    expect(more).toEqual([]);
  });

  test.each<[title: string, from: Partial<Observed>, now: Properties]>([
    ["from 17 on, which keeps them", { slots: { shipping: "logical" } }, {}],
    [
      "when that is allowed",
      { version: "16", slots: { shipping: "logical" } },
      { upgrade: { dropsReplication: true } },
    ],
  ])("is fine with logical slots %s", (_, from, now) => {
    const remembered = remember({}, { observed: seen(from) });
    expect(judge(remembered, inputsOf({ ...raised, ...now })).refusals).toEqual([]);
  });

  test("is refused for what was never complete", () => {
    const { refusals } = judge(remember({}, { phase: "creating" }), inputsOf(raised));
    expect(refusals).toEqual([
      { property: "version", reason: expect.stringContaining("finish it as 17 first") },
    ]);
  });

  test("is not lowered to what an earlier run went on from", () => {
    const remembered = remember({}, { observed: seen({ version: "18" }) });
    expect(judge(remembered, inputsOf()).refusals).toEqual([
      { property: "version", reason: expect.stringContaining("18 cannot be lowered to 17") },
    ]);
  });
});

test("all that stands against a change is said at once", () => {
  const { refusals, replaces } = judge(
    remember(),
    inputsOf({ name: "other", encoding: "LATIN1", superuser: "admin", port: 6000 }),
  );
  expect(refusals.map(({ property }) => property)).toEqual(["name", "superuser", "encoding", "port"]);
  expect(replaces).toEqual(["superuser", "encoding"]);
});
