/** Starting, stopping and restarting real servers, those that do not want to included. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CommandError, InstanceStateError, WaitTimeoutError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import { pgCtl } from "../../../provider/server/service";
import { stateDirectory } from "../../../provider/server/target";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import {
  configurationOf,
  connectByPassword,
  failureOf,
  type Live,
  liveInstance,
  messageOf,
} from "../../support/instances";
import { end, isAlive, processesWith, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

describe.each(["15", "18"] as const)("a server of PostgreSQL %s", (major) => {
  let live: Live;
  let data: string;
  const children: ChildProcess[] = [];
  const password = "for this test";

  beforeAll(async () => {
    live = await liveInstance(major);
    data = live.target.dataDirectory;
    await live.sql(`ALTER ROLE postgres PASSWORD '${password}'`);
  });
  afterAll(() => live?.folder.dispose());
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    if ((await live.observe()).postmaster === undefined) await start();
  });

  const start = (seconds = 60) => live.locked((session) => pgCtl(live.target).start(session, seconds));
  const stop = (mode: "smart" | "fast" | "immediate" = "fast", seconds = 60) =>
    live.locked((session) => pgCtl(live.target).stop(session, mode, seconds));
  const restart = (mode: "smart" | "fast" = "fast", limits = { start: 60, stop: 60 }) =>
    live.locked((session) => pgCtl(live.target).restart(session, mode, limits));
  const pid = async () => (await live.observe()).postmaster?.pid ?? 0;
  const connect = async () => {
    const client = await connectByPassword(live.port, password);
    return client;
  };

  it("starts and stops, and either twice is no error for a stop", async () => {
    await stop();
    await stop();
    expect(await pid()).toBe(0);
    await start();
    expect((await live.observe()).observed.server).toBe("running");
  });

  it.each(["smart", "fast", "immediate"] as const)("stops in mode %s and leaves no process", async (mode) => {
    await stop(mode);
    await until("its processes' end", () => processesWith(live.folder.path).length === 0);
    expect((await live.observe()).observed.server).toBe(mode === "immediate" ? "crashed" : "stopped");
  });

  it("is in a session of its own, and holds neither the lock nor anybody's pipe", async () => {
    await restart();
    const server = await pid();
    const [, , , session] = (await readFile(`/proc/${server}/stat`, "latin1"))
      .replace(/.*\) /, "")
      .split(" ");
    expect(Number(session)).toBe(server);
    const open = await editAsOwner('ls -l "/proc/$1/fd"', String(server));
    expect(open).not.toMatch(/\.lock|pipe:.*\n.* 0 ->/);
    expect(open).toContain(`${stateDirectory(live.target)}/postgresql.log`);
    await live.locked(async () => undefined);
  });

  it("that does not start says why in its own words, and where the whole log is", async () => {
    await stop();
    await editAsOwner(`echo "shared_preload_libraries = 'no_such_library'" >>"$1/postgresql.conf"`, data);
    const error = await failureOf(start());
    await editAsOwner(`sed -i /no_such_library/d "$1/postgresql.conf"`, data);
    expect(error).toBeInstanceOf(CommandError);
    expect(String(error)).toMatch(
      /the server of .*main on this machine exited. Its log says:\n.*FATAL: {2}could not access file "no_such_library"/s,
    );
    expect(String(error)).toContain(`The whole log is ${stateDirectory(live.target)}/postgresql.log.`);
    expect(error).toMatchObject({ logTail: expect.stringContaining("no_such_library") });
  });

  it("that does not start a second time tells only of that time", async () => {
    await stop();
    await editAsOwner('echo "no_such_setting = 1" >>"$1/postgresql.conf"', data);
    const error = String(await failureOf(start()));
    await editAsOwner('sed -i /no_such_setting/d "$1/postgresql.conf"', data);
    expect(error).toContain('unrecognized configuration parameter "no_such_setting"');
    expect(error).not.toContain("no_such_library");
  });

  it("that does not restart with a new configuration gets the old one back, runs, and the error says both", async () => {
    const before = await configurationOf(live.target);
    const settings = { ...(live.outs.settings as object), unix_socket_group: "no_such_group" };
    const olds = live.outs;
    const news = await live.inputs({ settings, restartOnChanges: true });
    const error = messageOf(await failureOf(instance.update(live.id, olds, news)));
    expect(error).toContain('group "no_such_group" does not exist');
    expect(error).toMatch(
      /the configuration is back as it was, pg_hba.conf included, and \d+\/main on this machine runs again/,
    );
    const { observed } = await live.observe();
    expect(observed).toMatchObject({ server: "running", unapplied: "none", pending: {} });
    expect(observed.settings).not.toHaveProperty("unix_socket_group");
    expect(observed.originals).not.toHaveProperty("unix_socket_group");
    const bytes = (text: string) => text.split("\n").filter((line) => /^\d{7} /.test(line));
    expect(bytes(await configurationOf(live.target))).toEqual(bytes(before));
    expect(await live.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("with an open session is not stopped smartly within the limit; nothing is killed, and the session goes on", async () => {
    const client = await connect();
    const server = await pid();
    const error = await failureOf(stop("smart", 1));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toMatchObject({ limitSeconds: 1, lastSeen: expect.stringContaining("still stopping") });
    expect(String(error)).toContain("nothing was killed or put back");
    expect(isAlive(server)).toBe(true);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    await until("its end", async () => (await pid()) === 0);
  });

  it("with an open session is not restarted smartly within the limit, and not started over it", async () => {
    const client = await connect();
    const server = await pid();
    const error = await failureOf(restart("smart", { stop: 1, start: 5 }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(isAlive(server)).toBe(true);
    expect((await live.observe()).observed.server).toBe("stopping");
    await client.end();
    await until("its end", async () => (await pid()) === 0);
  });

  it("that is not up within the limit is left starting, and the error tells how far it is", async () => {
    await stop();
    await editAsOwner(
      `: >"$1/recovery.signal"; echo "restore_command = 'sleep 30; false'" >>"$1/postgresql.conf"`,
      data,
    );
    const error = await failureOf(start(1));
    const server = await pid();
    await editAsOwner(`rm -f "$1/recovery.signal"; sed -i /restore_command/d "$1/postgresql.conf"`, data);
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(String(error)).toContain("status starting");
    expect(isAlive(server)).toBe(true);
    end(server, "SIGQUIT");
    await until("its end", async () => (await pid()) === 0);
  });

  it("whose postmaster.pid names another's process stops nothing and signals nobody", async () => {
    await stop();
    const foreign = spawn("sleep", ["60"], { cwd: "/", stdio: "ignore", ...asServerUser() });
    children.push(foreign);
    await editAsOwner('printf "%s\\n%s\\n" "$2" "$1" >"$1/postmaster.pid"', data, String(foreign.pid));
    await stop();
    const reloaded = await failureOf(live.locked((session) => pgCtl(live.target).reload(session)));
    expect(reloaded).toBeInstanceOf(InstanceStateError);
    expect(isAlive(foreign.pid ?? 0)).toBe(true);
    const error = String(await failureOf(start()));
    await editAsOwner('rm -f "$1/postmaster.pid"', data);
    expect(error).toContain('lock file "postmaster.pid" already exists');
  });

  it("whose postmaster.pid is empty does not start, in its own words", async () => {
    await stop();
    await editAsOwner(': >"$1/postmaster.pid"', data);
    const error = String(await failureOf(start()));
    await editAsOwner('rm -f "$1/postmaster.pid"', data);
    expect(error).toContain('lock file "postmaster.pid" is empty');
  });

  it("that does not run is not reloaded, and the error says so", async () => {
    await stop();
    const error = await failureOf(live.locked((session) => pgCtl(live.target).reload(session)));
    expect(error).toBeInstanceOf(InstanceStateError);
    expect(String(error)).toContain(`reload: ${major}/main on this machine does not run`);
  });

  it("writes its log where the outputs say", async () => {
    await stop();
    await start();
    expect(live.outs.logFile).toBe(join(stateDirectory(live.target), "postgresql.log"));
    expect(await readFile(String(live.outs.logFile), "utf8")).toContain(
      "database system is ready to accept connections",
    );
  });
});
