import { describe, expect, test } from "vitest";
import { isUp } from "../../../provider/plan/is-up";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { effectOf, effects } from "../../../provider/plan/step";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { lines, seen, stoppedServer, wish } from "./situations";

const kindsOf = (observed: Observed, program: Properties = {}) =>
  plan(observed, wish(program)).map((step) =>
    "because" in step ? `restart: ${step.because.join(", ")}` : step.kind,
  );

const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=`;
const reloaded = { settings: { work_mem: "8MB" } };
const restarted = { settings: { max_connections: 200 } };
const at100 = { settings: lines({ max_connections: "100" }) };
const waiting = { max_connections: { running: "100", wanted: "200" } };
const at200 = { settings: lines({ max_connections: "200" }), pending: waiting };
const conf = "writeConfiguration";

describe("a plan", () => {
  test.each<[title: string, observed: Observed, program: Properties, steps: string[]]>([
    ["of an instance as it shall be", seen(), {}, []],
    ["of a new instance", nothing, {}, ["init", conf, "start"]],
    ["of a new instance that shall not run", nothing, { state: "stopped" }, ["init", conf]],
    [
      "of a new instance with a password",
      nothing,
      { superuserPasswordVerifier: verifier },
      ["init", conf, "start", "setPassword"],
    ],
    ["of a create that stopped after initdb", seen({ ...stoppedServer, settings: {} }), {}, [conf, "start"]],
    ["of a create that stopped before the start", seen(stoppedServer), {}, ["start"]],

    ["of a setting that a reload applies", seen(), reloaded, [conf, "reload"]],
    [
      "of a setting that new sessions take",
      seen(),
      { settings: { log_connections: true } },
      [conf, "reload"],
    ],
    ["of a setting of an extension", seen(), { settings: { "a.b": "c" } }, [conf, "reload"]],
    ["of a setting that needs a restart, which nobody allowed", seen(at100), restarted, [conf, "reload"]],
    [
      "of a setting that needs a restart, allowed",
      seen(at100),
      { ...restarted, restartOnChanges: true },
      [conf, "restart: max_connections"],
    ],
    [
      "of both kinds at once",
      seen(at100),
      { settings: { work_mem: "8MB", max_connections: 200 }, restartOnChanges: true },
      [conf, "restart: max_connections"],
    ],
    [
      "of a setting, while the server is stopped for good",
      seen(stoppedServer),
      { ...reloaded, state: "stopped" },
      [conf],
    ],
    ["of a setting, while the server is stopped by hand", seen(stoppedServer), reloaded, [conf, "start"]],
    ["of a moved port", seen(), { port: 6000, restartOnChanges: true }, [conf, "restart: port"]],
    [
      "of a port that was changed by hand",
      seen({ settings: lines({ port: "7000" }) }),
      {},
      [conf, "restart: port"],
    ],

    ["of what is pending, while nobody allows a restart", seen(at200), restarted, []],
    [
      "of what is pending, once restarts are allowed",
      seen(at200),
      { ...restarted, restartOnChanges: true },
      ["restart: max_connections"],
    ],
    [
      "of what is pending and goes back to what runs",
      seen(at200),
      { settings: { max_connections: 100 }, restartOnChanges: true },
      [conf, "reload"],
    ],
    [
      "of what is pending and given back, where its default is what runs",
      seen({ ...at200, originals: { max_connections: null } }),
      { restartOnChanges: true },
      [conf, "reload"],
    ],
    ["of what is pending and not ours", seen({ pending: waiting }), { restartOnChanges: true }, []],
    [
      "of what was given back and is pending still",
      seen({ pending: waiting, unapplied: "pending" }),
      { restartOnChanges: true },
      ["restart: max_connections"],
    ],
    [
      "of what is pending and not ours, when we restart anyway: that applies it too",
      seen({ ...at100, pending: { shared_buffers: { running: "128MB", wanted: "1GB" } } }),
      { ...restarted, restartOnChanges: true },
      [conf, "restart: max_connections, shared_buffers"],
    ],

    [
      "of new restart triggers",
      seen({ restartTriggers: '"1"' }),
      { restartTriggers: "2" },
      ["restart: restartTriggers"],
    ],
    ["of the first restart triggers", seen(), { restartTriggers: "1" }, ["restart: restartTriggers"]],
    ["of the same restart triggers", seen({ restartTriggers: '"1"' }), { restartTriggers: "1" }, []],
    ["of triggers that are gone", seen({ restartTriggers: '"1"' }), {}, []],
    [
      "of new triggers and a setting that waits for a restart: one restart says both",
      seen(at100),
      { ...restarted, restartTriggers: "1" },
      [conf, "restart: max_connections, restartTriggers"],
    ],
    [
      "of new triggers, while stopped for good",
      seen(stoppedServer),
      { restartTriggers: "1", state: "stopped" },
      [],
    ],

    ["of a reload that was interrupted", seen({ unapplied: "reload" }), {}, ["reload"]],
    ["of a restart setting whose reload was interrupted", seen({ unapplied: "restart" }), {}, ["reload"]],
    [
      "of a restart that was interrupted",
      seen({ unapplied: "restart" }),
      { restartOnChanges: true },
      ["restart: configuration"],
    ],
    [
      "of an interrupted reload, while stopped",
      seen({ ...stoppedServer, unapplied: "reload" }),
      { state: "stopped" },
      [],
    ],

    ["of a server that shall stop", seen(), { state: "stopped" }, ["stop"]],
    [
      "of a server that shall stop, with a setting",
      seen(),
      { ...reloaded, state: "stopped" },
      [conf, "stop"],
    ],
    ["of a server that is stopped", seen(stoppedServer), {}, ["start"]],
    ["of a server that crashed", seen({ server: "crashed" }), {}, ["start"]],
    ["of a server that crashed and shall be stopped", seen({ server: "crashed" }), { state: "stopped" }, []],
    ["of a server that is starting", seen({ server: "starting" }), {}, []],
    ["of a server that recovers", seen({ server: "recovering" }), {}, []],

    ["of a new password", seen(), { superuserPasswordVerifier: verifier }, ["setPassword"]],
    [
      "of the same password",
      seen({ passwordVerifier: verifier }),
      { superuserPasswordVerifier: verifier },
      [],
    ],
    ["of a password nobody declares", seen({ passwordVerifier: verifier }), {}, []],
    [
      "of a new password, while stopped for good",
      seen(stoppedServer),
      { superuserPasswordVerifier: verifier, state: "stopped" },
      [],
    ],
    [
      "of an override by ALTER SYSTEM",
      seen({
        settings: lines({ work_mem: "64MB" }),
        overrides: { work_mem: { value: "64MB", place: "postgresql.auto.conf:3" } },
      }),
      reloaded,
      [conf, "reload"],
    ],
  ])("%s", (_, observed, program, steps) => {
    expect(kindsOf(observed, program)).toEqual(steps);
  });

  test.each(["smart", "fast", "immediate"])("stops as the program says: %s", (stopMode) => {
    expect(plan(seen(), wish({ state: "stopped", stopMode }))).toEqual([{ kind: "stop", mode: stopMode }]);
  });

  test.each<[Properties]>([
    [{ deletionProtection: false }],
    [{ timeouts: { start: 5 } }],
    [{ address: "db1" }],
    [{ stopMode: "smart" }],
    [{ become: { method: "none" } }],
    [{ auth: { local: "md5" } }],
  ])("has no step for %j", (program) => {
    expect(kindsOf(seen(), program)).toEqual([]);
  });
});

describe("a server is up", () => {
  test.each<[Observed["server"], boolean]>([
    ["running", true],
    ["starting", true],
    ["recovering", true],
    ["stopping", true],
    ["stopped", false],
    ["crashed", false],
  ])("when it is %s: %s", (server, up) => {
    expect(isUp(seen({ server }))).toBe(up);
  });

  test("never, when there is no instance", () => {
    expect(isUp({ ...nothing, server: "running" })).toBe(false);
  });
});

describe("effects", () => {
  test("are ordered from nothing to loss", () => {
    expect(effects).toEqual(["none", "reload", "restart", "downtime", "loss"]);
  });

  test("of each step", () => {
    expect(effectOf).toEqual({
      writePassfile: "none",
      init: "none",
      baseBackup: "none",
      rejoin: "loss",
      createSlot: "none",
      upgrade: "downtime",
      finishUpgrade: "none",
      removeOldClusters: "none",
      writeConfiguration: "none",
      writeAccess: "none",
      setReplicationRole: "none",
      createSlots: "none",
      start: "none",
      setPassword: "none",
      reload: "reload",
      promote: "loss",
      restart: "restart",
      stop: "downtime",
      setChecksums: "downtime",
      moveWal: "downtime",
      moveTablespace: "downtime",
      createTablespace: "none",
      removeOld: "none",
      registerService: "none",
      setServiceManager: "downtime",
    });
  });
});
