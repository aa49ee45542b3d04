/**
 * The life of an instance where there is no systemd: musl, a PostgreSQL that is linked with it, busybox as every program,
 * and a login that becomes postgres by doas. It is composed of what Debian and Maven have, as no Alpine can be had here;
 * sshd, doas and psql come from Debian with libraries of their own, and flock is toybox's, which has Alpine's options.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, project } from "../support/engine";
import { type BareHost, bareHost } from "../support/hosts/bare";
import { done, progressOf, sayingsOf } from "../support/said";

let host: BareHost;
let stack: Project;

beforeAll(async () => {
  [host, stack] = await Promise.all([bareHost(), project({ program: "" })]);
});
afterAll(async () => {
  await stack?.dispose();
  await host?.dispose();
});

const sh = async (script: string, ...more: string[]) =>
  (await host.run(["sh", "-c", script, "sh", ...more])).stdout.trim();
const sql = async (query: string) =>
  (await host.run(["psql", "-XAtqh", "/tmp", "-c", query], { user: "postgres" })).stdout.trim();
const started = () => sql("SELECT pg_postmaster_start_time()");

let declared: object = {};
async function declare(more: object): Promise<void> {
  declared = { ...declared, ...more };
  const { login, address, knownHosts } = host;
  const ssh = { host: address, user: login.name, privateKeyFile: login.keyFile, knownHosts: [knownHosts] };
  const fixed = { host: { ssh }, become: { method: "doas" }, version: "17", deletionProtection: false };
  await stack.setProgram(`
    const { Instance } = require("pulumi-pginstance");
    new Instance("orders", ${JSON.stringify({ ...fixed, restartOnChanges: true, ...declared })});`);
}

const nothingToDo = () => done(stack.preview("--refresh", "--expect-no-changes"));

/** @returns what the preview said, and what was then done */
async function change(more: object) {
  await declare(more);
  const said = sayingsOf(await done(stack.preview()));
  return { said, done: progressOf(await done(stack.up())) };
}

describe("an instance on a host of busybox and musl, in order:", () => {
  test("the host has none of what a Debian has", async () => {
    expect(await sh("command -v bash perl python3 socat systemctl runuser sudo getent locale")).toBe("");
    const programs = "sh ls dd stat find sort awk sed nc";
    const behind = await sh('for name in $1; do readlink -f "/bin/$name"; done | sort -u', programs);
    expect(behind).toBe("/bin/busybox");
  });

  test("pulumi up makes it with the programs where Alpine's package has them, as musl lists no locale in that of C", async () => {
    const row = await change({ settings: { work_mem: "8MB" } });
    expect(row.done).toEqual(["initdb", "writing postgresql.conf", "waiting for the server"]);
    expect(await sql("SELECT version()")).toMatch(/^PostgreSQL 17\.\d+ on x86_64-pc-linux-musl/);
    expect(await sql("SELECT datcollate FROM pg_database WHERE datname = 'postgres'")).toBe("C");
  });

  test("a refresh finds it as it was left", async () => {
    await done(stack.refresh("--expect-no-changes"));
    await done(stack.preview("--expect-no-changes"));
  });

  test("a setting is changed by a reload", async () => {
    const before = await started();
    const row = await change({ settings: { work_mem: "16MB" } });
    expect(row).toEqual({ said: [], done: ["writing postgresql.conf", "reloading the configuration"] });
    expect(await sql("SHOW work_mem")).toBe("16MB");
    expect(await started()).toBe(before);
  });

  test("another by a restart", async () => {
    const row = await change({ settings: { work_mem: "16MB", max_connections: 50 } });
    expect(row.said.join()).toContain("max_connections 100 -> 50. Clients are disconnected.");
    expect(row.done).toEqual(["writing postgresql.conf", "restarting the server"]);
    expect(await sql("SHOW max_connections")).toBe("50");
    await nothingToDo();
  });

  test("what somebody changed by hand is found, and put back", async () => {
    await sql("ALTER SYSTEM SET work_mem = '99MB'");
    const said = sayingsOf(await done(stack.refresh()));
    expect(said).toContain("plan: work_mem is overridden in postgresql.auto.conf:3 (ALTER SYSTEM)");
    await done(stack.up());
    expect(await sql("SHOW work_mem")).toBe("16MB");
    await nothingToDo();
  });

  test("it is stopped, and started", async () => {
    const stop = await change({ state: "stopped" });
    expect(stop.said.join()).toContain("downtime until it is started again");
    expect(await sh("pidof postgres")).toBe("");
    await nothingToDo();
    await change({ state: "started" });
    expect(await sql("SHOW max_connections")).toBe("50");
  });

  test("nothing starts it when the host is started: that is seen and said, and the next update does", async () => {
    await sql("CREATE TABLE kept AS SELECT 'through a power cut' AS how; CHECKPOINT");
    await host.powerCut();
    expect(await sh("pidof postgres")).toBe("");
    const refresh = await done(stack.refresh("--diff"));
    expect(refresh.stdout).toMatch(/~ state *: "started" => "stopped"/);
    const { said } = await change({});
    expect(said).toEqual([
      `plan: start of 17/orders on ${host.address} by pg_ctl; a boot of the host does not start it`,
    ]);
    expect(await sql("SELECT how FROM kept")).toBe("through a power cut");
    await nothingToDo();
  });

  test("a port that is taken is refused with the words of who has it", async () => {
    const listen = ["sh", "-c", "nc -l -p 6000 >/dev/null 2>&1 & echo $!"];
    const at = (await host.run(listen, { user: "postgres" })).stdout.trim();
    await declare({ port: 6000 });
    const { exitCode, stdout } = await stack.up();
    expect(exitCode).not.toBe(0);
    expect(stdout).toContain(
      `port: 6000 on ${host.address} is in use by nc -l -p 6000 (process ${at} of postgres)`,
    );
    await sh('kill "$1"', at);
    await declare({ port: undefined });
  });

  test("pulumi destroy leaves no trace, and no process", async () => {
    await done(stack.destroy());
    expect(await sh("find / -xdev -name '*pginstance*' 2>/dev/null")).toBe("");
    expect(await sh("ls -A /tmp /var/lib/postgresql | grep -v :")).toBe("");
    expect(await sh("ps -o user= | grep -vx root")).toBe("");
  });
});
