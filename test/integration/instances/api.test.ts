/** Every function of the instances API with every option, on a real server, here, over SSH and by the system's ssh: told as one life. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  apply,
  configure,
  connect,
  drop,
  exists,
  get,
  InstanceNotFoundError,
  InstanceStateError,
  InvalidInputsError,
  init,
  LockedError,
  type Manifest,
  pendingRestart,
  type RestartQuestion,
  reload,
  restart,
  SettingsError,
  settings,
  start,
  stop,
  stopped,
} from "../../../provider/instances";
import { type Scripted, scripted } from "../../support/api";
import { failureOf, messageOf } from "../../support/instances";
import { processesIn, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

describe.each([
  ["local", "17"],
  ["ssh", "15"],
  ["openssh", "16"],
] as const)("by the instances API (%s), an instance of PostgreSQL %s", (name, major) => {
  let at: Scripted;
  beforeAll(async () => {
    at = await scripted(name, major);
  });
  afterAll(() => at?.dispose());

  const pid = async () => (await at.observe()).postmaster?.pid ?? 0;
  const show = async (setting: string) => (await at.sql(`SHOW ${setting}`))[0]?.[setting];
  const up = (more: Manifest["settings"] = {}, others: Partial<Manifest> = {}) =>
    apply(at.host, at.manifest(more, others));
  const message = async (promise: Promise<unknown>) => messageOf(await failureOf(promise));

  it("is not there before it is made, and says so", async () => {
    expect(await exists(at.host, at.ref)).toBe(false);
    expect(await drop(at.host, at.ref)).toBe(false);
    expect((await up({}, { state: "absent" })).changeState).toBe(null);
    const wanted: (() => Promise<unknown>)[] = [
      () => get(at.host, at.ref),
      () => start(at.host, at.ref),
      () => stop(at.host, at.ref),
      () => restart(at.host, at.ref),
      () => reload(at.host, at.ref),
      () => configure(at.host, at.manifest()),
      () => connect(at.host, at.ref),
      () => stopped(at.host, at.ref, {}, () => undefined),
    ];
    for (const wants of wanted) expect(await failureOf(wants())).toBeInstanceOf(InstanceNotFoundError);
    await stop(at.host, at.ref, { deleting: true });
  });

  it("is made by parts: init, configure, start; and finished by apply", async () => {
    expect(await init(at.host, at.manifest({ work_mem: "5MB" }))).toBe(true);
    expect(await init(at.host, at.manifest({ work_mem: "5MB" }))).toBe(false);
    expect(await exists(at.host, at.ref)).toBe(true);
    expect(await get(at.host, at.ref)).toMatchObject({ state: "stopped", dataDirectory: at.data });
    expect(await configure(at.host, at.manifest({ work_mem: "5MB" }))).toMatchObject({
      work_mem: [null, "5MB"],
      cluster_name: [null, "main"],
    });
    expect(await configure(at.host, at.manifest({ work_mem: "5MB" }))).toEqual({});
    expect(await pid()).toBe(0);
    await start(at.host, at.ref);
    expect(await show("work_mem")).toBe("5MB");
    const { changeState, steps } = await up({ work_mem: "5MB" });
    expect([changeState, steps]).toEqual([null, []]);
  });

  it("is as get says, and applying that changes nothing", async () => {
    const found = await get(at.host, at.ref);
    expect(found).toMatchObject({
      name: "main",
      version: major,
      state: "started",
      role: "primary",
      encoding: "UTF8",
      dataChecksums: true,
      pendingRestart: false,
      settings: { work_mem: "5MB", cluster_name: "main" },
    });
    const { port, encoding, dataChecksums } = found;
    const same = { port, encoding: encoding ?? "", dataChecksums: dataChecksums ?? true };
    const again = await up({ work_mem: "5MB" }, same);
    expect(again).toEqual({ changeState: null, steps: [], pendingRestart: false });
  });

  describe("a change that needs a restart", () => {
    const asked: RestartQuestion[] = [];
    const answering = (answer: boolean) => (question: RestartQuestion) => {
      asked.push(question);
      return answer;
    };

    it("is not asked about where a reload is enough", async () => {
      const before = await pid();
      const confirm = answering(true);
      const result = await apply(at.host, at.manifest({ work_mem: "6MB" }), { confirm });
      expect([result.changeState, asked, await pid()]).toEqual(["changed", [], before]);
      expect(await show("work_mem")).toBe("6MB");
    });

    it("is asked about, and pending when the answer is no", async () => {
      const before = await pid();
      const declared = at.manifest({ work_mem: "6MB", max_connections: 45 });
      const result = await apply(at.host, declared, { confirm: answering(false) });
      expect(result).toMatchObject({ changeState: "changed", pendingRestart: true });
      expect(asked.splice(0)).toEqual([
        {
          instance: `${major}/main on ${at.way.where}`,
          because: ["max_connections"],
          text: `restart of ${major}/main on ${at.way.where}: max_connections 100 -> 45. Clients are disconnected.`,
        },
      ]);
      expect(await pid()).toBe(before);
      using client = await connect(at.host, at.ref);
      expect(await pendingRestart(client)).toBe(true);
    });

    it("is said to be pending by every later apply, also by one that changes nothing", async () => {
      const declared = at.manifest({ work_mem: "6MB", max_connections: 45 });
      expect(await apply(at.host, declared)).toEqual({ changeState: null, steps: [], pendingRestart: true });
      expect(await get(at.host, at.ref)).toMatchObject({
        pendingRestart: true,
        pendingRestartReasons: { max_connections: { running: "100", wanted: "45" } },
      });
    });

    it("is not asked about where the manifest says what to do", async () => {
      const before = await pid();
      const declared = at.manifest({ work_mem: "6MB", max_connections: 45 }, { restartOnChanges: false });
      const result = await apply(at.host, declared, { confirm: answering(true) });
      expect([result.pendingRestart, asked, await pid()]).toEqual([true, [], before]);
    });

    it("is asked about again, and done when the answer is yes", async () => {
      const before = await pid();
      const lines: string[] = [];
      const declared = at.manifest({ work_mem: "6MB", max_connections: 45 });
      const result = await apply(at.host, declared, {
        confirm: async (question) => answering(true)(question),
        progress: (line) => lines.push(line),
      });
      expect(result).toMatchObject({ changeState: "changed", pendingRestart: false });
      expect(asked.splice(0)).toMatchObject([{ because: ["max_connections"] }]);
      expect(lines).toEqual(["restarting the server"]);
      expect(await pid()).not.toBe(before);
      expect(await show("max_connections")).toBe("45");
    });

    it("of the port is refused without one, before anything is written", async () => {
      const moved = at.manifest(
        { work_mem: "7MB", max_connections: 45 },
        { port: 1 + (at.manifest().port ?? 0) },
      );
      const failure = await failureOf(apply(at.host, moved, { confirm: () => false }));
      expect(failure).toBeInstanceOf(InvalidInputsError);
      expect(messageOf(failure)).toMatch(/^port: changing .* needs a restart/);
      expect(await get(at.host, at.ref)).toMatchObject({
        port: at.manifest().port,
        settings: { work_mem: "6MB" },
      });
    });

    it("by configure follows the same rules", async () => {
      const before = await pid();
      const declared = at.manifest({ work_mem: "7MB", max_connections: 46 });
      expect(await configure(at.host, declared)).toEqual({
        work_mem: ["6MB", "7MB"],
        max_connections: ["45", "46"],
      });
      expect([await pid(), await show("work_mem"), await show("max_connections")]).toEqual([
        before,
        "7MB",
        "45",
      ]);
      await configure(at.host, declared, { confirm: answering(true) });
      expect(asked.splice(0)).toHaveLength(1);
      expect(await show("max_connections")).toBe("46");
      expect(await configure(at.host, { ...declared, restartOnChanges: true })).toEqual({});
    });
  });

  it("refuses what cannot be changed, instead of ignoring it", async () => {
    const wrong: Partial<Manifest>[] = [{ encoding: "LATIN1" }, { locale: "C.UTF-9" }];
    for (const more of wrong) {
      const failure = await failureOf(up({}, more));
      expect(failure).toBeInstanceOf(InvalidInputsError);
      expect(messageOf(failure)).toContain(Object.keys(more)[0]);
    }
    expect(await message(up({}, { setings: {} } as Partial<Manifest>))).toContain("setings: is no property");
    expect(await message(up({ work_mem: "banana" }))).toContain("settings.work_mem");
  });

  it("restarts by the state restarted every time, once, whatever else changes with it", async () => {
    const before = await pid();
    const plain = await up({ work_mem: "7MB", max_connections: 46 }, { state: "restarted" });
    const first = await pid();
    expect(plain).toMatchObject({
      changeState: "changed",
      steps: [{ kind: "restart" }],
      pendingRestart: false,
    });
    expect(first).not.toBe(before);
    const changed = await up(
      { work_mem: "8MB", max_connections: 47 },
      { state: "restarted", restartOnChanges: true },
    );
    expect(changed.steps.map(({ kind }) => kind)).toEqual(["writeConfiguration", "restart"]);
    expect(await show("max_connections")).toBe("47");
    await stop(at.host, at.ref);
    const stoppedBefore = await up({ work_mem: "8MB", max_connections: 47 }, { state: "restarted" });
    expect(stoppedBefore.steps).toEqual([{ kind: "start" }]);
  });

  it("stops in each mode, and starts again; either twice is no error", async () => {
    for (const mode of ["smart", "fast", "immediate"] as const) {
      await stop(at.host, at.ref, { mode });
      await stop(at.host, at.ref, { mode });
      expect((await at.observe()).observed.server).toBe(mode === "immediate" ? "crashed" : "stopped");
      await start(at.host, at.ref);
      const before = await pid();
      await start(at.host, at.ref);
      expect(await pid()).toBe(before);
    }
  });

  it("restarts in each mode, and one that is stopped is started", async () => {
    for (const mode of ["smart", "fast", "immediate"] as const) {
      const before = await pid();
      await restart(at.host, at.ref, { mode });
      expect([0, before]).not.toContain(await pid());
    }
    await stop(at.host, at.ref, { deleting: true });
    await restart(at.host, at.ref);
    expect(await pid()).not.toBe(0);
  });

  it("stops, starts and restarts without a wait, and whoever comes next waits for that", async () => {
    await stop(at.host, at.ref, { wait: false });
    await start(at.host, at.ref, { wait: false });
    await until("the start", async () => (await at.observe()).observed.server === "running");
    const before = await pid();
    await restart(at.host, at.ref, { wait: false });
    await reload(at.host, at.ref);
    expect([0, before]).not.toContain(await pid());
  });

  /** A session that is at work for some seconds; its process. */
  async function sleeper(): Promise<string> {
    using client = await connect(at.host, at.ref);
    client.query("SELECT pg_sleep(60)", { timeout: 90 }).catch(() => undefined);
    const asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    const row = await until("the session", async () => (await at.sql(asleep))[0]);
    return String(row.pid);
  }
  const isDown = async () => (await at.observe()).observed.server === "stopped";

  it("waits for no longer than it is told, and leaves the server to itself", async () => {
    const session = await sleeper();
    expect(await message(stop(at.host, at.ref, { mode: "smart", timeout: 1 }))).toMatch(/not within 1 s/);
    expect((await at.observe()).observed.server).toBe("stopping");
    await editAsOwner('kill -INT "$1"', session);
    await until("its end", isDown);
    await start(at.host, at.ref, { timeout: 30 });
  });

  it("reads its files by reload, and says which line it refuses", async () => {
    await editAsOwner(`echo "work_mem = '9MB'" >>"$1/postgresql.conf"`, at.data);
    await reload(at.host, at.ref);
    expect(await show("work_mem")).toBe("9MB");
    await editAsOwner(`echo "work_mem = 'banana'" >>"$1/postgresql.conf"`, at.data);
    const failure = await failureOf(reload(at.host, at.ref));
    expect(failure).toBeInstanceOf(SettingsError);
    expect(messageOf(failure)).toMatch(/postgresql\.conf:\d+: work_mem/);
    expect((await up({ work_mem: "9MB" })).changeState).toBe("changed");
    await stop(at.host, at.ref);
    expect(await failureOf(reload(at.host, at.ref))).toBeInstanceOf(InstanceStateError);
    expect(await failureOf(connect(at.host, at.ref))).toBeInstanceOf(InstanceStateError);
  });

  describe("stopped", () => {
    it("leaves one stopped that was", async () => {
      const during = await stopped(at.host, at.ref, {}, async () => [await pid(), 42]);
      expect([during, await pid()]).toEqual([[0, 42], 0]);
      await start(at.host, at.ref);
    });

    it("runs the body on a stopped server that nobody may start, then starts it", async () => {
      const during = await stopped(at.host, at.ref, { timeout: 20 }, async () => [
        await pid(),
        await failureOf(start(at.host, at.ref)),
      ]);
      expect(during).toEqual([0, expect.any(LockedError)]);
      expect(await pid()).not.toBe(0);
    });

    it("starts it also when the body throws, and throws that", async () => {
      const failing = stopped(at.host, at.ref, {}, () => Promise.reject(new RangeError("of the body")));
      expect(await failureOf(failing)).toEqual(new RangeError("of the body"));
      expect(await pid()).not.toBe(0);
    });

    it("is an error when the server is not down in time, which then finds its own way", async () => {
      const session = await sleeper();
      await editAsOwner('kill -STOP "$1"', session);
      let ran = false;
      const failure = await failureOf(
        stopped(at.host, at.ref, { timeout: 1 }, () => {
          ran = true;
        }),
      );
      await editAsOwner('kill -CONT "$1"', session);
      expect(failure).toBeInstanceOf(InstanceStateError);
      expect(messageOf(failure)).toMatch(/is not stopped after 1 s.*left as it is/s);
      expect(ran).toBe(false);
      await until("its end", isDown);
      await start(at.host, at.ref);
    });
  });

  it("answers a client, in its own sessions and in its own words", async () => {
    const client = await connect(at.host, at.ref);
    expect(await client.query("SELECT 1 AS one, current_user AS me")).toEqual([{ one: 1, me: "postgres" }]);
    await client.query(["CREATE DATABASE other"]);
    expect(await client.query("SELECT current_database() AS d", { database: "other" })).toEqual([
      { d: "other" },
    ]);
    const undone = ["CREATE TABLE public.t (a int)", "SELECT 1/0"];
    expect(await message(client.query(undone))).toContain("division by zero");
    expect(await client.query("SELECT to_regclass('public.t') AS t")).toEqual([{ t: null }]);
    await restart(at.host, at.ref);
    expect(await client.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    client.close();
    expect(await failureOf(client.query("SELECT 1"))).toBeInstanceOf(InstanceStateError);
  });

  it("shows its settings with where they come from", async () => {
    using client = await connect(at.host, at.ref);
    const rows = await settings(client);
    const row = rows.find(({ name: setting }) => setting === "work_mem");
    expect(row).toMatchObject({
      setting: "9216",
      unit: "kB",
      context: "user",
      vartype: "integer",
      pendingRestart: false,
    });
    expect(row?.sourceFile).toBe(`${at.data}/postgresql.conf`);
    expect(rows.find(({ name: setting }) => setting === "wal_level")?.enumvals).toEqual([
      "minimal",
      "replica",
      "logical",
    ]);
    expect(await pendingRestart(client)).toBe(false);
  });

  it("is dropped, and a second time is no error", async () => {
    expect((await up({}, { state: "absent" })).changeState).toBe("dropped");
    expect((await up({}, { state: "absent" })).changeState).toBe(null);
    expect(await exists(at.host, at.ref)).toBe(false);
    await until("its processes' end", () => processesIn(at.folder.path).length === 0);
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
    expect((await up({}, { deletionProtection: true })).changeState).toBe("created");
    expect(await drop(at.host, at.ref)).toBe(true);
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
  });
});
