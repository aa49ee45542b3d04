/** What a look at an instance says in every state that a real server can be brought into. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { InstanceExistsError, InstanceStateError } from "../../../provider/errors";
import { observe } from "../../../provider/server/observe";
import { pgCtl } from "../../../provider/server/service";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import {
  connectByPassword,
  type Live,
  liveInstance,
  owner,
  type Place,
  place,
} from "../../support/instances";
import { end, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no failure",
    (error) => error,
  );

describe.each(["15", "18"] as const)("an instance of PostgreSQL %s", (major) => {
  let live: Live;
  let data: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    live = await liveInstance(major);
    data = live.target.dataDirectory;
  });
  afterAll(() => live?.folder.dispose());
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  const server = async () => (await live.observe()).observed.server;
  const is = (state: string) => until(`the state ${state}`, async () => (await server()) === state);
  const start = () => live.locked((session) => pgCtl(live.target).start(session, 60));
  const stop = () => live.locked((session) => pgCtl(live.target).stop(session, "fast", 60));
  const postmaster = async () => {
    const found = (await live.observe()).postmaster;
    if (!found) throw new Error("no postmaster");
    return found.pid;
  };

  /** As somebody would by hand, and without waiting for anything. */
  const startByHand = (...settings: string[]) => {
    const argv = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
    const program = join(live.target.binDirectory, "postgres");
    children.push(spawn(program, argv, { cwd: "/", stdio: "ignore", env: {}, ...asServerUser() }));
  };

  it("that runs says what only a server knows", async () => {
    const { observed, postmaster, marker } = await live.observe();
    expect(observed).toMatchObject({
      existence: "present",
      server: "running",
      role: "primary",
      dataChecksums: true,
      encoding: "UTF8",
      overrides: {},
      pending: {},
      unapplied: "none",
    });
    expect(observed.serverVersion).toMatch(new RegExp(`^${major}\\.[0-9]+$`));
    expect(observed.systemIdentifier).toMatch(/^[0-9]{15,}$/);
    expect(postmaster).toMatchObject({ port: live.port, status: "ready" });
    expect(marker).toMatchObject({ id: live.id, dataDirectory: data, role: "primary" });
  });

  it("that is looked at through a symbolic link above it runs all the same", async () => {
    await editAsOwner('ln -s instances "$1/link"', live.folder.path);
    const target = { ...live.target, dataDirectory: join(live.folder.path, "link", major, "main") };
    const { observed, marker } = await observe(target);
    expect(observed.server).toBe("running");
    expect(marker?.id).toBe(live.id);
  });

  it("that was stopped keeps what is known of it", async () => {
    const before = (await live.observe()).observed;
    await stop();
    const { observed, postmaster } = await observe(live.target, before);
    expect(postmaster).toBeUndefined();
    expect(observed).toEqual({ ...before, server: "stopped" });
  });

  it("whose postmaster was killed has crashed, and starts again", async () => {
    await start();
    const pid = await postmaster();
    end(pid);
    await is("crashed");
    expect((await live.observe()).control?.state).toBe("in production");
    // The server itself believes a zombie, so the start is one after it was reaped.
    await until("the end of the postmaster", () => !existsSync(`/proc/${pid}`));
    await start();
    expect(await server()).toBe("running");
  });

  it("that is stopped smartly while a session is open is stopping, and takes no other", async () => {
    const password = "for this test";
    await live.sql(`ALTER ROLE postgres PASSWORD '${password}'`);
    const client = await connectByPassword(live.port, password);
    end(await postmaster(), "SIGTERM");
    await is("stopping");
    await client.end();
    await is("stopped");
  });

  it("that waits for its archive is starting", async () => {
    await editAsOwner(': >"$1/recovery.signal"', data);
    startByHand("restore_command=sleep 30; false");
    await is("starting");
    const { observed } = await live.observe();
    expect(observed.passwordVerifier).toBeNull();
    end(await postmaster(), "SIGQUIT");
    await until("its end", async () => (await live.observe()).postmaster === undefined);
    await editAsOwner('rm "$1/recovery.signal"', data);
  });

  it("that is a standby without sessions is recovering, and a hot one runs", async () => {
    await editAsOwner(': >"$1/standby.signal"', data);
    startByHand("hot_standby=off");
    await is("recovering");
    expect((await live.observe()).observed.role).toBe("standby");
    await stop();
    startByHand();
    await is("running");
    await stop();
    await editAsOwner('rm "$1/standby.signal"', data);
    expect((await live.observe()).observed).toMatchObject({ role: "primary", server: "stopped" });
  });

  it("is not taken for running by a postmaster.pid that names another's process", async () => {
    const foreign = spawn("sleep", ["60"], { cwd: "/", stdio: "ignore", ...asServerUser() });
    children.push(foreign);
    await editAsOwner(
      'printf "%s\\n%s\\n1\\n%s\\n\\n\\n\\nready\\n" "$2" "$1" 5 >"$1/postmaster.pid"',
      data,
      String(foreign.pid),
    );
    const { observed, postmaster } = await live.observe();
    expect([observed.server, postmaster]).toEqual(["crashed", undefined]);
    await editAsOwner('rm "$1/postmaster.pid"', data);
  });

  it.each([
    ["an empty postmaster.pid is stopped", "", "stopped"],
    ["a postmaster.pid of garbage has crashed", "garbage\\n", "crashed"],
    ["a postmaster.pid of a single-user backend has crashed", "-1\\n/x\\n", "crashed"],
  ])("with %s", async (_, content, state) => {
    await editAsOwner('printf %b "$2" >"$1/postmaster.pid"', data, content);
    expect(await server()).toBe(state);
    await editAsOwner('rm "$1/postmaster.pid"', data);
  });
});

describe("a place without an instance", () => {
  let at: Place;
  let data: string;

  beforeAll(async () => {
    at = await place("17");
    data = at.target.dataDirectory;
  });
  afterEach(async () => {
    for (const name of await readdir(at.folder.path)) {
      await chmod(join(at.folder.path, name), 0o755);
      await rm(join(at.folder.path, name), { recursive: true });
    }
  });
  afterAll(() => at.folder.dispose());

  it("is absent, and looking makes nothing", async () => {
    const { observed, marker } = await observe(at.target);
    expect(observed).toMatchObject({ existence: "absent", server: "stopped", systemIdentifier: null });
    expect(marker).toBeUndefined();
    expect(await readdir(at.folder.path)).toEqual([]);
  });

  it("is absent when its directory is empty", async () => {
    await editAsOwner('mkdir -p "$1"', data);
    expect((await observe(at.target)).observed.existence).toBe("absent");
  });

  it.each([
    [
      "somebody's files",
      'mkdir -p "$1"; echo mine >"$1/file"',
      "is not empty, and holds no PostgreSQL instance",
    ],
    [
      "one hidden file",
      'mkdir -p "$1"; echo mine >"$1/.file"',
      "is not empty, and holds no PostgreSQL instance",
    ],
    [
      "another major",
      'mkdir -p "$1"; echo 15 >"$1/PG_VERSION"',
      "holds an instance of PostgreSQL 15, not 17",
    ],
    ["a file", 'mkdir -p "$(dirname "$1")"; echo mine >"$1"', "is no directory"],
    ["a link to nothing", 'mkdir -p "$(dirname "$1")"; ln -s /nothing/here "$1"', "is no directory"],
    ["a link to a file", 'mkdir -p "$(dirname "$1")"; ln -s /etc/passwd "$1"', "is no directory"],
    [
      "a link to a folder",
      'mkdir -p "$(dirname "$1")"; ln -s /etc "$1"',
      "is not empty, and holds no PostgreSQL instance",
    ],
  ])("is refused when there is %s, which stays as it was", async (_, script, words) => {
    await editAsOwner(script, data);
    const listing = () =>
      editAsOwner('ls -lAR --time-style=full-iso "$1"; cat "$1"/*/*/*/* 2>/dev/null || :', at.folder.path);
    const before = await listing();
    const error = await failureOf(observe(at.target));
    expect(error).toBeInstanceOf(InstanceExistsError);
    expect(String(error)).toContain(`dataDirectory: ${data} on this machine ${words}. It was not touched.`);
    expect(await listing()).toBe(before);
  });

  it("is not absent when its owner may not enter a folder above it", async () => {
    const above = join(at.folder.path, "instances");
    await mkdir(above);
    await chmod(above, process.getuid?.() === 0 ? 0o700 : 0o600);
    const error = await failureOf(observe(at.target));
    expect(error).toBeInstanceOf(InstanceStateError);
    expect(String(error)).toContain(`${owner} may not look into ${above} on this machine`);
  });

  it("is not absent when the directory itself may not be read", async () => {
    await editAsOwner('mkdir -p "$(dirname "$1")"', data);
    await mkdir(data);
    await chmod(data, process.getuid?.() === 0 ? 0o700 : 0);
    await expect(observe(at.target)).rejects.toThrow("It was not touched");
    expect((await stat(data)).isDirectory()).toBe(true);
  });

  it("is not absent when nobody can look: another user that does not exist", async () => {
    await expect(observe({ ...at.target, owner: "no-such-user" })).rejects.toThrow(
      /become: cannot run as no-such-user on this machine by .*no-such-user does not exist/s,
    );
  });
});
