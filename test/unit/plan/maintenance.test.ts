import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import { findDrift } from "../../../provider/plan/drift";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan, printReleased } from "../../../provider/plan/print";
import { judge } from "../../../provider/plan/refusals";
import type { Step } from "../../../provider/plan/step";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, lines, remember, seen, stoppedServer, wish } from "./situations";

/** What is done while the server is stopped: which steps, what the preview says, what an update takes of them. */

const off = { dataChecksums: false };
const stopped = { state: "stopped" };
const at100 = { settings: lines({ max_connections: "100" }) };
const to200 = { settings: { max_connections: 200 } };

const inside = "/srv/pg/17/orders/pg_wal";
const placed = seen({ walDirectory: inside, tablespaces: { fast: { oid: "16385", location: "/ssd" } } });
const sockets = (directory: string) =>
  seen({
    settings: lines({ unix_socket_directories: directory }),
    originals: { port: null, cluster_name: null, unix_socket_directories: "/tmp" },
  });

const word = (step: Step): string => ("mode" in step ? `stop ${step.mode}` : step.kind);
const steps = (observed: Observed, program: Properties) => plan(observed, wish(program)).map(word);

describe("a plan of maintenance", () => {
  test.each<[title: string, observed: Observed, program: Properties, steps: string[]]>([
    ["stops, does, starts", seen(), off, ["stop fast", "setChecksums", "start"]],
    [
      "stops cleanly, whatever the program says of other stops",
      seen(),
      { ...off, stopMode: "immediate" },
      ["stop fast", "setChecksums", "start"],
    ],
    [
      "writes what else there is before: the one start applies it, allowed or not",
      seen(at100),
      { ...off, ...to200 },
      ["writeConfiguration", "stop fast", "setChecksums", "start"],
    ],
    [
      "needs no restart beside it",
      seen(at100),
      { ...off, ...to200, restartOnChanges: true },
      ["writeConfiguration", "stop fast", "setChecksums", "start"],
    ],
    ["of a server that shall stop", seen(), { ...off, ...stopped }, ["stop fast", "setChecksums"]],
    ["of a server that is stopped for good", seen(stoppedServer), { ...off, ...stopped }, ["setChecksums"]],
    ["of a server that somebody stopped", seen(stoppedServer), off, ["setChecksums", "start"]],
    [
      "of a server that crashed: it recovers first",
      seen({ server: "crashed" }),
      off,
      ["start", "stop fast", "setChecksums", "start"],
    ],
    [
      "of a server that crashed and shall be stopped",
      seen({ server: "crashed" }),
      { ...off, ...stopped },
      ["start", "stop fast", "setChecksums"],
    ],
    ["of a new instance: it is made so", nothing, off, ["init", "writeConfiguration", "start"]],
    [
      "of several things: one stop, and what is left is removed after the start",
      placed,
      { ...off, walDirectory: "/srv/wal", tablespaces: { fast: "/nvme" } },
      ["stop fast", "setChecksums", "moveWal", "moveTablespace", "start", "removeOld"],
    ],
    ["of places that are as declared", placed, { walDirectory: inside, tablespaces: { fast: "/ssd" } }, []],
    ["of places that nobody declares", placed, {}, []],
    [
      "of a WAL directory that an older release has not seen",
      seen(),
      { walDirectory: "/srv/wal" },
      ["stop fast", "moveWal", "start", "removeOld"],
    ],
    ["of what an interrupted move has left", seen({ leftovers: ["/srv/old"] }), {}, ["removeOld"]],
    [
      "of a missing tablespace: SQL makes it, with no stop",
      placed,
      { tablespaces: { fast: "/ssd", slow: "/hdd" } },
      ["createTablespace"],
    ],
    [
      "of a missing tablespace, while the server is stopped for good",
      seen(stoppedServer),
      { ...stopped, tablespaces: { slow: "/hdd" } },
      [],
    ],
    [
      "of a missing tablespace of a standby",
      seen({ role: "standby" }),
      { tablespaces: { slow: "/hdd" } },
      [],
    ],
    [
      "of a new instance with places of its own",
      nothing,
      { walDirectory: "/srv/wal", socketDirectory: "/run/pg", tablespaces: { slow: "/hdd" } },
      ["init", "writeConfiguration", "start", "createTablespace"],
    ],
    [
      "of a moved socket: a restart, allowed or not",
      sockets("/run/a"),
      { socketDirectory: "/run/b" },
      ["writeConfiguration", "restart"],
    ],
    ["of what is as declared", seen({ dataChecksums: false }), off, []],
    ["of what nobody declares", seen({ dataChecksums: false }), {}, []],
    ["of what was never seen", seen({ dataChecksums: null }), off, []],
  ])("%s", (_, observed, program, wanted) => {
    expect(steps(observed, program)).toEqual(wanted);
  });
});

describe("the preview of maintenance says", () => {
  const said = (observed: Observed, program: Properties) =>
    printPlan(observed, wish(program), plan(observed, wish(program)), "db1").map(
      ({ severity, text }) => `${severity}: ${text}`,
    );
  const down = "warning: stop of 17/orders on db1 (fast) for data checksums";

  test.each<[title: string, observed: Observed, program: Properties, words: string]>([
    [
      "that pages are written anew, and that this is downtime",
      seen({ dataChecksums: false }),
      { dataChecksums: true },
      `${down} in every page: downtime until that is done. Clients are disconnected.`,
    ],
    [
      "that the check is switched off",
      seen(),
      off,
      `${down} switched off: downtime until that is done. Clients are disconnected.`,
    ],
    [
      "what the start applies by the way",
      seen({ ...at100, pending: { shared_buffers: { running: "128MB", wanted: "1GB" } } }),
      { ...off, ...to200 },
      `${down} switched off: downtime until that is done. Clients are disconnected. ` +
        "The start then applies max_connections 100 -> 200, shared_buffers.",
    ],
    [
      "what is moved, from where to where, in one line",
      placed,
      { walDirectory: "/srv/wal", tablespaces: { fast: "/nvme" } },
      `warning: stop of 17/orders on db1 (fast) for WAL ${inside} -> /srv/wal, tablespace fast /ssd -> /nvme: ` +
        "downtime until that is done. Clients are disconnected.",
    ],
    [
      "that a socket moves by a restart",
      sockets("/run/a"),
      { socketDirectory: "/run/b", restartOnChanges: true },
      "warning: restart of 17/orders on db1: unix_socket_directories. Clients are disconnected.",
    ],
    [
      "that it stays stopped",
      seen(),
      { ...off, ...stopped },
      `${down} switched off: downtime until it is started again. Clients are disconnected.`,
    ],
    [
      "no downtime of what is stopped",
      seen(stoppedServer),
      { ...off, ...stopped },
      "info: plan: data checksums switched off of 17/orders on db1, which is stopped",
    ],
    [
      "that what is stopped is started after it",
      seen(stoppedServer),
      off,
      "info: plan: data checksums switched off of 17/orders on db1, which is stopped, and its start",
    ],
  ])("%s", (_, observed, program, words) => {
    expect(said(observed, program)).toEqual([words]);
  });
});

describe("an update", () => {
  const agreed = (remembered: Observed, found: Observed, program: Properties) => {
    const { take, left, more } = agree(remembered, found, wish(program));
    return { take: take.map(word), left, more };
  };

  test.each<[title: string, remembered: Observed, found: Observed, take: string[]]>([
    ["goes on after the stop", seen(), seen(stoppedServer), ["setChecksums", "start"]],
    ["goes on after the work", seen(), seen({ ...stoppedServer, ...off }), ["start"]],
    ["has nothing to do after the start", seen(), seen(off), []],
    [
      "recovers a server that was killed meanwhile",
      seen(),
      seen({ server: "crashed" }),
      ["start", "stop fast", "setChecksums", "start"],
    ],
  ])("%s", (_, remembered, found, take) => {
    expect(agreed(remembered, found, off)).toEqual({ take, left: [], more: [] });
  });

  test("moves the tablespace that was announced and no other", () => {
    const both = { fast: { oid: "1", location: "/ssd" }, slow: { oid: "2", location: "/hdd" } };
    const remembered = seen({ tablespaces: both });
    const found = seen({ tablespaces: { ...both, slow: { oid: "2", location: "/moved" } } });
    expect(agree(remembered, found, wish({ tablespaces: { fast: "/nvme", slow: "/hdd" } }))).toMatchObject({
      take: [{ kind: "stop" }, { tablespace: "fast", to: "/nvme" }, { kind: "start" }, { kind: "removeOld" }],
      left: ["a tablespace was moved on the host"],
    });
  });

  test("makes no tablespace where somebody stopped the server: a start was not announced", () => {
    expect(agreed(seen(), seen(stoppedServer), { tablespaces: { slow: "/hdd" } })).toEqual({
      take: [],
      left: ["the server does not run"],
      more: [],
    });
  });

  test("removes what an interrupted move has left without a second stop", () => {
    const found = seen({ walDirectory: "/srv/wal", leftovers: [inside] });
    const { take } = agree(placed, found, wish({ walDirectory: "/srv/wal" }));
    expect(take.map(word)).toEqual(["removeOld"]);
  });

  test("restarts for the rest, where somebody did the work meanwhile", () => {
    const program = { ...off, ...to200, restartOnChanges: true };
    expect(agreed(seen(at100), seen({ ...at100, ...off }), program)).toEqual({
      take: ["writeConfiguration", "restart"],
      left: [],
      more: [],
    });
  });

  test("leaves and names what somebody changed and nobody announced, and does the rest as announced", () => {
    const program = { dataChecksums: true, settings: { work_mem: "8MB" } };
    expect(agreed(seen(), seen(off), program)).toEqual({
      take: ["writeConfiguration", "reload"],
      left: ["data checksums were changed on the host"],
      more: [],
    });
  });

  test("stops no server for it that was announced to be stopped", () => {
    expect(agreed(seen(stoppedServer), seen(), { ...off, ...stopped }).more).toEqual([
      "the server runs, and its stop was not announced",
    ]);
  });

  test("does not apply by its start what somebody wrote meanwhile", () => {
    const found = seen({ settings: lines({ max_wal_senders: "3" }) });
    expect(agreed(seen(), found, off).more).toEqual([
      "max_wal_senders was changed on the host (postgresql.conf:3) and the approved restart would apply it",
    ]);
  });
});

describe("checksums are refused", () => {
  const reason =
    "standbys are attached (orders_2, orders_3), whose data has to change with this one's: stop each of them first " +
    '(state: "stopped"), change this instance, then each of them, and start them again. ' +
    "`pulumi refresh` looks who is attached";
  const attached = remember({}, { observed: seen({ standbys: ["orders_2", "orders_3"] }) });

  test("while standbys are attached, with the order", () => {
    expect(judge(attached, inputsOf(off)).refusals).toEqual([{ property: "dataChecksums", reason }]);
  });

  test.each([{}, { dataChecksums: true }, { settings: { work_mem: "8MB" } }])("not by %j", (program) => {
    expect(judge(attached, inputsOf(program)).refusals).toEqual([]);
  });
});

describe("a socket directory", () => {
  const at = remember({ socketDirectory: "/run/a" }, { observed: sockets("/run/a") });
  const refusals = (program: Properties) => judge(at, inputsOf(program)).refusals;

  test("is not moved while restarts are not allowed, nor given back", () => {
    const reason = (to: string) =>
      `changing /run/a to ${to} needs a restart; set restartOnChanges: true with it`;
    expect(refusals({ socketDirectory: "/run/b" })).toEqual([
      { property: "socketDirectory", reason: reason("/run/b") },
    ]);
    expect(refusals({})).toEqual([{ property: "socketDirectory", reason: reason("/tmp") }]);
  });

  test.each([
    { socketDirectory: "/run/a" },
    { socketDirectory: "/run/b", restartOnChanges: true },
    { socketDirectory: "/run/b", state: "stopped" },
  ])("is fine with %j", (program) => {
    expect(refusals(program)).toEqual([]);
  });
});

describe("what somebody moved", () => {
  test.each<[what: string, observed: Observed, program: Properties, found: Properties]>([
    ["the WAL", placed, { walDirectory: "/srv/wal" }, { walDirectory: inside }],
    ["the socket", sockets("/run/a, /tmp"), { socketDirectory: "/run/b" }, { socketDirectory: "/run/a" }],
    ["no socket at all", seen(), { socketDirectory: "/run/b" }, { socketDirectory: null }],
    [
      "a tablespace",
      placed,
      { tablespaces: { fast: "/nvme", gone: "/hdd" } },
      { tablespaces: { fast: "/ssd" } },
    ],
    ["nothing", placed, { walDirectory: inside, tablespaces: { fast: "/ssd" } }, {}],
    [
      "a tablespace that a stopped server cannot name",
      seen(stoppedServer),
      { ...stopped, tablespaces: { a: "/a" } },
      {},
    ],
  ])("shows as drift: %s", (_, observed, program, found) => {
    expect(findDrift(observed, wish(program)).inputs).toEqual(found);
  });
});

test("what is no longer declared and stays is said", () => {
  const before = inputsOf({ walDirectory: "/srv/wal", tablespaces: { fast: "/ssd", slow: "/hdd" } });
  const now = inputsOf({ tablespaces: { fast: "/ssd" } });
  const said = printReleased(before, seen({ walDirectory: "/srv/wal" }), now);
  expect(said.map(({ text }) => text)).toEqual([
    "plan: walDirectory is no longer declared: the WAL stays in /srv/wal",
    "plan: tablespace slow is no longer declared: it stays as it is, and while it does, a deletion is refused",
  ]);
  expect(printReleased(before, seen(), before)).toEqual([]);
});
