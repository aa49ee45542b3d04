/** What changes of an instance under systemd, through the engine: a login with sudo, on a Debian that boots. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { downtimeOf } from "../support/downtime";
import { type Project, project, type Run } from "../support/engine";
import { type BootedHost, bootedHost } from "../support/hosts/booted";
import { done, progressOf, sayingsOf } from "../support/said";

let host: BootedHost;
let stack: Project;
let args: string[] = [];

beforeAll(async () => {
  [host, stack] = await Promise.all([bootedHost(), project({ program: "" })]);
});
afterAll(async () => {
  await stack?.dispose();
  await host?.dispose();
});

const data = "/var/lib/postgresql/pginstance/17/orders";
const run = async (...argv: string[]) => (await host.run(argv)).stdout.trim();
const sh = (script: string, ...more: string[]) => run("sh", "-c", script, "sh", ...more);
const sql = async (query: string) =>
  (await host.run(["psql", "-XAtqp", "5433", "-c", query], { user: "postgres" })).stdout.trim();
const started = () => sql("SELECT pg_postmaster_start_time()");
const unit = () => sh("cd /etc/systemd/system && ls pginstance-*.service");
const is = async (what: "active" | "enabled") => run("systemctl", `is-${what}`, await unit());

async function declare(...more: string[]): Promise<void> {
  args = [...args, ...more];
  const { name: user, keyFile: privateKeyFile } = await host.login("deploy", { sudo: "nopasswd" });
  const ssh = { host: host.address, user, privateKeyFile, knownHosts: [host.knownHosts] };
  const heartbeat = `{ type: "host", database: "all", user: "probe", address: "samenet", method: "scram-sha-256" }`;
  await stack.setProgram(`
    const { Instance } = require("pulumi-pginstance");
    const orders = new Instance("orders", {
      host: { ssh: ${JSON.stringify(ssh)} }, version: "17", port: 5433, deletionProtection: false,
      restartOnChanges: true, hba: { heartbeat: ${heartbeat} },
      settings: { listen_addresses: "*" }, ${args.join(", ")}
    });
    exports.unit = orders.unit;`);
}

const up = () => done(stack.up());

/** @returns what the preview said, what the update did, and the longest gap that a client saw */
async function change(...more: string[]) {
  await declare(...more);
  const preview = await done(stack.preview());
  let updated: Run | undefined;
  const address = { host: host.address, port: 5433, password: "probe" };
  const { milliseconds } = await downtimeOf(address, async () => {
    updated = await up();
  });
  const row = { said: sayingsOf(preview), done: updated ? progressOf(updated) : [], milliseconds };
  console.log(`${more.join(", ")}: ${JSON.stringify(row)}`);
  return row;
}

describe("an instance on a host with systemd, in order:", () => {
  test("a new one is systemd's by itself: its server runs in a unit of its own, which a boot starts", async () => {
    await declare();
    expect(progressOf(await up())).toEqual([
      "initdb",
      "writing postgresql.conf",
      "writing the systemd unit",
      "waiting for the server",
    ]);
    expect(await is("active")).toBe("active");
    expect(await is("enabled")).toBe("enabled");
    const postmaster = await sh('head -n 1 "$1/postmaster.pid"', data);
    expect(await run("systemctl", "show", "--property=MainPID", "--value", await unit())).toBe(postmaster);
    // A container may not set it.
    const spared = await run("systemctl", "show", "--property=OOMScoreAdjust,OOMPolicy", await unit());
    expect(spared.split("\n").sort()).toEqual(["OOMPolicy=continue", "OOMScoreAdjust=-900"]);
    expect(await sh("ls -d /run/pginstance.* 2>/dev/null")).toBe("");
    expect(await run("systemd-analyze", "verify", await unit())).toBe("");
    await sql("CREATE ROLE probe LOGIN PASSWORD 'probe'; GRANT CREATE ON SCHEMA public TO probe");
  });

  test("nothing is left to do then, and nothing has drifted", async () => {
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await stack.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("systemd brings the server back when it was killed", async () => {
    const before = await started();
    await sh('kill -KILL "$(head -n 1 "$1/postmaster.pid")"', data);
    await expect
      .poll(started, { timeout: 20_000 })
      .not.toMatch(new RegExp(`^(${before})?$`.replace(/[+]/g, "\\+")));
    expect(await is("active")).toBe("active");
  });

  test("an environment is written for the next start, and restarts nothing", async () => {
    const before = await started();
    const row = await change('service: { environment: { PGI_TEST: "a b" } }');
    expect(row.said).toEqual([
      `plan: ${await unit()} differs: it is written again and enabled; the server is not restarted`,
    ]);
    expect(row.done).toEqual(["writing the systemd unit"]);
    expect(await started()).toBe(before);
  });

  test("a restart takes it, and stays within the unit", async () => {
    const row = await change('settings: { listen_addresses: "*", max_connections: 60 }');
    expect(row.done).toEqual(["writing postgresql.conf", "restarting the server"]);
    expect(row.said.join()).toMatch(/warning: restart of 17\/orders .*max_connections 100 -> 60/);
    const postmaster = await sh('head -n 1 "$1/postmaster.pid"', data);
    expect(await run("systemctl", "show", "--property=MainPID", "--value", await unit())).toBe(postmaster);
    expect(await sh(`tr '\\0' '\\n' <"/proc/$1/environ" | grep PGI_TEST`, postmaster)).toBe("PGI_TEST=a b");
  });

  test("a unit that somebody edited, gave a drop-in and disabled is seen, and put right without a restart", async () => {
    const before = await started();
    const name = await unit();
    await sh(
      'cd /etc/systemd/system && sed -i "s/^TimeoutStopSec=.*/TimeoutStopSec=10/" "$1" && mkdir "$1.d" && printf "[Service]\\nNice=5\\n" >"$1.d/a.conf" && systemctl disable "$1" && systemctl daemon-reload',
      name,
    );
    const words = ["differs", `has /etc/systemd/system/${name}.d/a.conf`, "is not enabled"];
    const refresh = await stack.refresh();
    for (const word of words) expect(sayingsOf(refresh)).toContain(`plan: ${name} ${word}`);
    const preview = await stack.preview();
    expect(sayingsOf(preview)).toEqual([
      `plan: ${name} ${words.join(", ")}: it is written again and enabled; the server is not restarted`,
    ]);
    await up();
    expect(await started()).toBe(before);
    expect(await is("enabled")).toBe("enabled");
    expect(await run("systemctl", "show", "--property=TimeoutStopUSec,Nice,NeedDaemonReload", name)).toBe(
      "TimeoutStopUSec=1h\nNice=0\nNeedDaemonReload=no",
    );
    expect(await stack.preview("--refresh", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("pg_ctl takes it over in a downtime that is announced, and no unit is left", async () => {
    const row = await change('service: undefined, serviceManager: "pg_ctl"');
    expect(row.said.join()).toMatch(
      /warning: stop of 17\/orders on \S+ \(fast\) for a hand-over from systemd to pg_ctl: downtime until that is done/,
    );
    expect(row.done).toEqual(["stopping the server", "handing the server over", "waiting for the server"]);
    expect(
      await sh("ls -d /etc/systemd/system/*pginstance* /etc/systemd/system/*/*pginstance* 2>/dev/null"),
    ).toBe("");
    expect(await run("systemctl", "list-units", "--all", "--no-legend", "pginstance*")).toBe("");
  });

  test("and systemd takes it back", async () => {
    const row = await change('serviceManager: "systemd"');
    expect(row.said.join()).toMatch(/for a hand-over from pg_ctl to systemd: downtime/);
    expect(row.done).toEqual(["stopping the server", "handing the server over", "waiting for the server"]);
    expect([await is("active"), await is("enabled")]).toEqual(["active", "enabled"]);
    expect(await stack.preview("--refresh", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("its deletion leaves no unit, and Debian's cluster as it was", async () => {
    await done(stack.destroy());
    expect(
      await sh("ls -d /etc/systemd/system/*pginstance* /etc/systemd/system/*/*pginstance* 2>/dev/null"),
    ).toBe("");
    expect(await run("systemctl", "list-units", "--all", "--no-legend", "pginstance*")).toBe("");
    expect(await sh('ls -d "$1"* 2>/dev/null', data)).toBe("");
    expect(await run("systemctl", "is-active", "postgresql@17-main")).toBe("active");
  });
});
