import { describe, expect, test } from "vitest";
import { desire } from "../../../provider/plan/desired";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printChange, printChanges, printHeld, printPlan } from "../../../provider/plan/print";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, lines, seen, stoppedServer, wish } from "./situations";

const said = (observed: Observed, program: Properties) =>
  printPlan(observed, wish(program), plan(observed, wish(program)), "db1").map(
    ({ severity, text }) => `${severity}: ${text}`,
  );

const at100 = seen({ settings: lines({ max_connections: "100" }) });
const to200 = { settings: { max_connections: 200 } };
const waiting = { max_connections: { running: "100", wanted: "200" } };
const secret = "c4nary-s3cret";

const raisedWhile = (followers: string) =>
  `info: plan: max_connections of 17/orders on db1 is raised while ${followers} follow: once it runs with that, a standby ` +
  "with less pauses its replay until it is restarted with as much: refresh it, then up (restartOnChanges)";

describe("the preview says", () => {
  test.each<[title: string, observed: Observed, program: Properties, words: string[]]>([
    ["nothing when there is nothing to do", seen(), {}, []],
    ["nothing of a reload: the engine's own diff does", seen(), { settings: { work_mem: "8MB" } }, []],
    [
      "which settings a reload brings to new sessions only",
      seen(),
      { settings: { log_connections: true, log_disconnections: true, work_mem: "8MB" } },
      [
        "info: plan: log_connections, log_disconnections: for new sessions only, open ones keep what they have",
      ],
    ],
    [
      "what an included file makes of a setting that is no longer declared",
      seen({
        settings: lines({ max_connections: "200" }),
        originals: { max_connections: null },
        beneath: { max_connections: "150" },
      }),
      { restartOnChanges: true },
      ["warning: restart of 17/orders on db1: max_connections 200 -> 150. Clients are disconnected."],
    ],
    [
      "nothing of one that stays as it is by an included file",
      seen({
        settings: lines({ max_connections: "200" }),
        originals: { max_connections: null },
        beneath: { max_connections: "200" },
      }),
      { restartOnChanges: true },
      [],
    ],
    ["nothing of a password", seen(), { deletionProtection: false }, []],
    [
      "what a create does",
      nothing,
      {},
      ["info: plan: new instance 17/orders on db1, port 5432: initdb, configuration, start"],
    ],
    [
      "what a create does that stays stopped",
      nothing,
      { state: "stopped", port: 6000 },
      ["info: plan: new instance 17/orders on db1, port 6000: initdb, configuration"],
    ],
    [
      "that a restart disconnects",
      at100,
      { ...to200, restartOnChanges: true },
      ["warning: restart of 17/orders on db1: max_connections 100 -> 200. Clients are disconnected."],
    ],
    [
      "each change that a restart is for, and no other",
      at100,
      { settings: { ...to200.settings, wal_level: "logical", work_mem: "8MB" }, restartOnChanges: true },
      [
        "warning: restart of 17/orders on db1: max_connections 100 -> 200, wal_level default -> logical. " +
          "Clients are disconnected.",
      ],
    ],
    [
      "that standbys wait for their own turn when their primary is raised",
      { ...at100, standbys: ["orders_2"] },
      { ...to200, restartOnChanges: true },
      [
        "warning: restart of 17/orders on db1: max_connections 100 -> 200. Clients are disconnected.",
        raisedWhile("orders_2"),
      ],
    ],
    [
      "the same of those that a slot is kept for, seen or declared",
      { ...at100, slots: { orders_2: "physical", events: "logical" } },
      { ...to200, restartOnChanges: true, replicationSlots: ["orders_2", "orders_3"] },
      [
        "warning: restart of 17/orders on db1: max_connections 100 -> 200. Clients are disconnected.",
        raisedWhile("orders_2, orders_3"),
      ],
    ],
    [
      "nothing of standbys when it is lowered",
      { ...at100, standbys: ["orders_2"] },
      { settings: { max_connections: 60 }, restartOnChanges: true },
      ["warning: restart of 17/orders on db1: max_connections 100 -> 60. Clients are disconnected."],
    ],
    [
      "that a restart moves the port",
      seen(),
      { port: 6000, restartOnChanges: true },
      ["warning: restart of 17/orders on db1: port 5432 -> 6000. Clients are disconnected."],
    ],
    [
      "that a trigger restarts, and what that applies by the way",
      at100,
      { ...to200, restartTriggers: "1" },
      [
        "warning: restart of 17/orders on db1: max_connections 100 -> 200, restartTriggers changed. " +
          "Clients are disconnected.",
      ],
    ],
    [
      "what was pending and is applied now",
      seen({ settings: lines({ max_connections: "200" }), pending: waiting }),
      { ...to200, restartOnChanges: true },
      ["warning: restart of 17/orders on db1: max_connections is pending. Clients are disconnected."],
    ],
    [
      "nothing of what goes back to what runs",
      seen({ settings: lines({ max_connections: "200" }), pending: waiting }),
      { settings: { max_connections: 100 } },
      [],
    ],
    [
      "what stays pending",
      at100,
      to200,
      [
        "info: plan: max_connections 100 -> 200: written, pending until the next restart (restartOnChanges is false)",
      ],
    ],
    [
      "what is pending already, when something else is done",
      seen({ settings: lines({ max_connections: "200" }), pending: waiting }),
      { settings: { max_connections: 200, work_mem: "8MB" } },
      ["warning: a restart of 17/orders on db1 is pending for max_connections 100 -> 200"],
    ],
    [
      "nothing of what is pending, when nothing is done",
      seen({ settings: lines({ max_connections: "200" }), pending: waiting }),
      to200,
      [],
    ],
    [
      "that a stop is a downtime",
      seen(),
      { state: "stopped" },
      ["warning: stop of 17/orders on db1 (fast): downtime until it is started again."],
    ],
    [
      "that a smart stop waits",
      seen(),
      { state: "stopped", stopMode: "smart" },
      [
        "warning: stop of 17/orders on db1 (smart): downtime until it is started again. It waits for every client to leave.",
      ],
    ],
    [
      "that an immediate stop is a crash",
      seen(),
      { state: "stopped", stopMode: "immediate" },
      [
        "warning: stop of 17/orders on db1 (immediate): downtime until it is started again. " +
          "The next start is a crash recovery, and unlogged tables are emptied.",
      ],
    ],
    [
      "that a server is started",
      seen(stoppedServer),
      {},
      ["info: plan: start of 17/orders on db1 by pg_ctl; a boot of the host does not start it"],
    ],
    [
      "of a start no pending restart: it applies all",
      seen({ ...stoppedServer, settings: lines({ max_connections: "200" }), pending: waiting }),
      to200,
      ["info: plan: start of 17/orders on db1 by pg_ctl; a boot of the host does not start it"],
    ],
    [
      "nothing of pending while the server is stopped for good",
      seen(stoppedServer),
      { ...to200, state: "stopped" },
      [],
    ],
  ])("%s", (_, observed, program, words) => {
    expect(said(observed, program)).toEqual(words);
  });

  test("what results of a setting that is no longer declared", () => {
    const there = seen({
      settings: lines({ max_connections: "200" }),
      originals: { max_connections: "100" },
    });
    expect(said(there, { restartOnChanges: true })).toEqual([
      "warning: restart of 17/orders on db1: max_connections 200 -> 100. Clients are disconnected.",
    ]);
  });

  test("never the value of a string or of an extension's setting", () => {
    const settings = { shared_preload_libraries: secret, archive_command: secret, "my_app.key": secret };
    const there = seen({ settings: lines({ shared_preload_libraries: `${secret}-before` }) });
    expect(said(there, { settings, restartOnChanges: true })).toEqual([
      "warning: restart of 17/orders on db1: shared_preload_libraries. Clients are disconnected.",
    ]);
    expect(said(there, { settings }).join()).not.toContain(secret);
  });
});

describe("a change reads", () => {
  const change = (name: string, from: string | null, to: string | null) =>
    printChange(wish(), { name, from, to, appliedBy: "reload", declared: true });

  test.each([
    ["work_mem", "4MB", "8MB", "work_mem 4MB -> 8MB"],
    ["work_mem", null, "8MB", "work_mem default -> 8MB"],
    ["work_mem", "8MB", null, "work_mem 8MB -> default"],
    ["archive_command", "a", "b", "archive_command"],
    ["my_app.key", "a", null, "my_app.key"],
  ])("%s from %j to %j", (name, from, to, text) => {
    expect(change(name, from, to)).toBe(text);
  });
});

describe("what an update cannot change is said:", () => {
  const there = seen({
    settings: lines({ work_mem: "8MB" }),
    commandLine: ["work_mem"],
    pending: { work_mem: { running: "11MB", wanted: "8MB" } },
  });
  const held = (program: Properties) =>
    printHeld(there, wish(program), plan(there, wish(program))).map(({ text }) => text);

  test("what the server was started with stays while nobody may restart it", () => {
    expect(held({ settings: { work_mem: "8MB" } })).toEqual([
      "work_mem: the server was started with another value (its command line or environment), and only a restart changes " +
        "that: restartOnChanges is false",
    ]);
  });

  test("and a promotion waits where it is stopped", () => {
    const standby = { primary: "host=db1 user=replicator" };
    const wanted = wish({ standby, state: "stopped" });
    const promoted = {
      ...wanted,
      standby: wanted.standby && { ...wanted.standby, status: "promoted" as const },
    };
    const stopped = seen({ role: "standby", server: "stopped" });
    expect(printHeld(stopped, promoted, []).map(({ text }) => text)).toEqual([
      "the standby is promoted when it is started: what is stopped takes no promotion",
    ]);
    expect(printHeld(stopped, wanted, [])).toEqual([]);
  });

  test("but not where a restart comes, which says so itself, nor of what nobody declares", () => {
    expect(held({ settings: { work_mem: "8MB" }, restartOnChanges: true })).toEqual([]);
    expect(held({})).toEqual([]);
  });
});

test("records that are no longer declared are said to be removed, and what is written to be written", () => {
  const hba = [
    { label: "own.all", text: "local all postgres peer" },
    { label: "hba.gone", text: "host all app 10.0.0.0/8 md5" },
  ];
  const program = {
    settings: { work_mem: "8MB" },
    hba: { app: { type: "host", database: "all", user: "app", address: "samenet", method: "scram-sha-256" } },
    replicationSlots: ["a"],
  };
  const observed = seen({ access: { hba, ident: [] } });
  const desired = desire(inputsOf(program), { hostMemory: 0, restartTriggers: null, owner: "postgres" });
  const words = printChanges(desired, plan(observed, desired)).map(({ text }) => text);
  expect(words[0]).toBe("plan: to write: work_mem default -> 8MB");
  expect(words[1]).toMatch(/^plan: to write: .*hba\.app in pg_hba\.conf/);
  expect(words[2]).toBe("plan: to remove: hba.gone in pg_hba.conf");
  expect(words[3]).toBe("plan: to set: replication slots");
});
