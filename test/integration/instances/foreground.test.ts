/** A server that runs as if it were the caller: what it prints, and what ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  CommandError,
  ConnectionError,
  InstanceStateError,
  init,
  start,
  stop,
} from "../../../provider/instances";
import { type Scripted, scripted } from "../../support/api";
import { installRoot } from "../../support/engine";
import { failureOf, messageOf } from "../../support/instances";
import { processesIn, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";
import { tcpProxy } from "../../support/ssh/proxy";

describe.each([
  ["local", "17"],
  ["ssh", "15"],
] as const)("a server in the foreground (%s, PostgreSQL %s)", (name, major) => {
  let at: Scripted;
  let root: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    [at, root] = await Promise.all([scripted(name, major), installRoot("npm")]);
    await init(at.host, at.manifest());
    const { port } = at.manifest();
    const lines = `port = ${port}\nunix_socket_directories = '${at.folder.path}'`;
    await editAsOwner('echo "$2" >>"$1/postgresql.conf"', at.data, lines);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await stop(at.host, at.ref);
  });
  afterAll(() => at?.dispose());

  const isRunning = async () => (await at.observe()).observed.server === "running";
  const isGone = () => processesIn(at.data).length === 0;

  /** Runs until it has ended; resolves when it takes sessions. */
  async function running(more: object = {}, host = at.host) {
    const lines: string[] = [];
    const abort = new AbortController();
    let ended: Promise<unknown> = Promise.resolve();
    await new Promise<void>((ready, reject) => {
      const options = {
        foreground: true,
        signal: abort.signal,
        output: (line: string) => lines.push(line),
        ready,
      };
      ended = failureOf(start(host, at.ref, { ...options, ...more }));
      ended.then(reject);
    });
    return { lines, abort, ended };
  }

  it("streams what the server prints, line by line, and stops when the signal aborts", async () => {
    const { lines, abort, ended } = await running();
    await until("the line", () =>
      lines.some((line) => line.endsWith("database system is ready to accept connections")),
    );
    expect(await at.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await at.sql("DO $$ BEGIN RAISE LOG 'a word of its own'; END $$");
    await until("the word", () => lines.some((line) => line.endsWith("a word of its own")));
    abort.abort();
    expect(await ended).toBe("no failure");
    expect(isGone()).toBe(true);
    expect(lines.filter((line) => line === "")).toEqual([]);
    expect((await at.observe()).observed.server).toBe("stopped");
  });

  it("is no longer than the server, whoever stops that, and holds no lock meanwhile", async () => {
    const { ended } = await running();
    await stop(at.host, at.ref);
    expect(await ended).toBe("no failure");
    expect(isGone()).toBe(true);
  });

  it("is refused beside one that runs, and after an abort", async () => {
    await start(at.host, at.ref);
    expect(await failureOf(start(at.host, at.ref, { foreground: true }))).toBeInstanceOf(InstanceStateError);
    const aborted = start(at.host, at.ref, {
      foreground: true,
      signal: AbortSignal.abort(new RangeError("why")),
    });
    expect(await failureOf(aborted)).toEqual(new RangeError("why"));
  });

  it("fails with the server's last words when it does not start, and when it is killed", async () => {
    await editAsOwner(
      'cp "$1/postgresql.conf" "$1/kept" && echo "work_mem = banana" >>"$1/postgresql.conf"',
      at.data,
    );
    const failure = await failureOf(start(at.host, at.ref, { foreground: true, output: () => undefined }));
    await editAsOwner('mv "$1/kept" "$1/postgresql.conf"', at.data);
    expect(failure).toBeInstanceOf(CommandError);
    expect(messageOf(failure)).toMatch(/exited \(1\).*work_mem/s);
    const { ended } = await running();
    const postmaster = (await at.observe()).postmaster?.pid;
    await editAsOwner('kill -KILL "$1"', String(postmaster));
    expect(messageOf(await ended)).toMatch(/exited \(137\).*ready to accept connections/s);
    await until("its children's end", isGone);
  });

  it("ends with the process that holds it, even when that is killed", async () => {
    const program = join(root, `foreground-${name}.cjs`);
    const [host, ref] = [at.host, at.ref].map((value) => JSON.stringify(value));
    await writeFile(
      program,
      `require("pulumi-pginstance/instances").start(${host}, ${ref},
        { foreground: true, output: console.log, ready: () => console.log("READY") });`,
    );
    const child = spawn(process.execPath, [program], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += chunk;
    });
    await until("ready", () => text.includes("READY"), 30);
    expect(await isRunning()).toBe(true);
    child.kill("SIGKILL");
    await once(child, "close");
    await until("the server's end", isGone, 20);
    expect((await at.observe()).observed.server).toBe("stopped");
  });

  if (name === "local") return;
  it("ends with its connection", async () => {
    const { host: machine } = at.way;
    if (!machine || !at.host.ssh) throw new Error("no host");
    const proxy = await tcpProxy({ host: machine.address, port: machine.port });
    try {
      const through = { host: proxy.host, port: proxy.port };
      const ssh = {
        ...at.host.ssh,
        ...through,
        knownHosts: [await machine.knownHostsFor(through)],
        retryFor: 0,
      };
      const { ended } = await running({}, { ssh });
      await proxy.close();
      expect(await ended).toBeInstanceOf(ConnectionError);
      await until("the server's end", isGone, 20);
      expect((await at.observe()).observed.server).toBe("stopped");
    } finally {
      await proxy.close();
    }
  });
});
