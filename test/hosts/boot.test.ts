/** What a booted host offers: a whole Debian over SSH that reboots, loses its power, and leaves nothing in the end. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BootedHost, bootedHost } from "../support/hosts/booted";
import { cableBetween } from "../support/hosts/cable";
import { end, processesWith, until } from "../support/processes";
import { command, dial, ssh } from "../support/ssh/clients";
import type { Login } from "../support/ssh/interface";
import { readsTypeScript } from "../support/ssh/plain-node";

let host: BootedHost;
let other: BootedHost;
let login: Login;

beforeAll(async () => {
  [host, other] = await Promise.all([bootedHost(), bootedHost()]);
  login = await host.login("deploy", { sudo: "nopasswd", groups: ["backup"] });
});
afterAll(() => Promise.all([host, other].map((one) => one?.dispose())));

/** What it prints, as root. */
async function printed(on: BootedHost, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await on.run(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")} exited ${code}: ${stderr}`);
  return stdout.trim();
}

/** Of Debian's own cluster, by its owner's socket. */
const sql = (on: BootedHost, text: string) =>
  printed(on, "runuser", "-u", "postgres", "--", "psql", "-XAtc", text);

const bootId = (on: BootedHost) => printed(on, "cat", "/proc/sys/kernel/random/boot_id");

describe("a booted host", () => {
  it("runs systemd as process 1, and no unit of it has failed", async () => {
    expect(await printed(host, "cat", "/proc/1/comm")).toBe("systemd");
    expect(await printed(host, "systemctl", "--failed", "--plain", "--no-legend")).toBe("");
    expect(await printed(host, "systemctl", "is-system-running")).toBe("running");
    expect(await printed(host, "hostname")).toBe(host.name);
    expect(await printed(host, "cat", "/etc/machine-id")).not.toBe(
      await printed(other, "cat", "/etc/machine-id"),
    );
  });

  it("runs Debian's own cluster", async () => {
    expect(await printed(host, "pg_lsclusters", "--no-header")).toMatch(/^17 +main +5432 online postgres /);
    expect(await sql(host, "SHOW server_encoding")).toBe("UTF8");
  });

  it("lets a login in by its key, in a session of its own, and that one become others", async () => {
    const mark = await host.mark();
    const look = "id -un; pwd; sudo -n id -u; sudo -nu postgres id -un; id -Gn; tail -n 1 /proc/self/cgroup";
    const { stdout, stderr } = await ssh(host, login, look);
    expect(stderr).toBe("");
    const session = "0::/user.slice/user-1000.slice/session-";
    expect(stdout).toContain(`deploy\n/home/deploy\n0\npostgres\ndeploy backup\n${session}`);
    expect(await host.handshakes(mark)).toBe(1);
    expect(await host.channels(mark)).toBe(1);
  });

  it("lets a login in by its password, and asks for that before it becomes another", async () => {
    const carol = await host.login("carol", { password: "open Sesame", sudo: "password" });
    const client = await dial(host, carol, "open Sesame");
    expect(await command(client, "sudo -n id -u; echo open Sesame | sudo -Sp '' id -u")).toBe("0\n");
    client.end();
    const mark = await host.mark();
    await expect(dial(host, carol, "wrong")).rejects.toThrow("authentication methods failed");
    expect(await host.refusals(mark)).toBe(1);
  });

  it("opens the logins that Debian has", async () => {
    const logins = await Promise.all(["root", "postgres"].map((name) => host.login(name)));
    const said = await Promise.all(logins.map((one) => ssh(host, one, "id -un; pwd")));
    expect(said.map(({ stdout }) => stdout)).toEqual(["root\n/root\n", "postgres\n/var/lib/postgresql\n"]);
  });

  it("comes back from a reboot with another boot and the same data", async () => {
    await sql(host, "CREATE TABLE kept AS SELECT 'through a reboot' AS how");
    const before = await bootId(host);
    await host.reboot();
    expect(await bootId(host)).not.toBe(before);
    expect(await printed(host, "systemctl", "is-system-running")).toBe("running");
    expect(await sql(host, "SELECT how FROM kept")).toBe("through a reboot");
    expect(await ssh(host, login, "sudo -n id -u")).toMatchObject({ code: 0, stdout: "0\n" });
  });

  it("loses its power without a word, and recovers", async () => {
    const before = await bootId(host);
    await sql(host, "INSERT INTO kept VALUES ('through a power cut')");
    const client = connect({ host: host.address, port: 22 });
    await once(client, "data");
    const heard: string[] = [];
    for (const event of ["data", "end", "close"]) client.on(event, () => heard.push(event));
    await host.powerCut(async () => {
      await expect(host.run(["true"])).rejects.toThrow(`${host.name} is off`);
      const failed = await ssh(host, login, "true", "-o", "ConnectTimeout=1");
      expect(failed.stderr).toMatch(/timed out/);
    });
    expect(heard).toEqual([]);
    const [error] = await Promise.all([once(client, "error"), client.write("Are you there?")]);
    expect(error).toMatchObject([{ code: "ECONNRESET" }]);
    expect(await bootId(host)).not.toBe(before);
    expect(await sql(host, "SELECT how FROM kept ORDER BY 1")).toBe("through a power cut\nthrough a reboot");
    const log = "/var/log/postgresql/postgresql-17-main.log";
    expect(await printed(host, "cat", log)).toContain("was not properly shut down");
  });

  it("reaches another one by a cable, which can be cut", async () => {
    const knock = ["timeout", "1", "bash", "-c", `read -rn 4 said </dev/tcp/${other.address}/22; echo $said`];
    expect((await host.run(knock)).stdout).not.toContain("SSH");
    const cable = await cableBetween(host, other);
    expect(await printed(host, ...knock)).toBe("SSH-");
    await cable.cut();
    expect((await host.run(knock)).stdout).not.toContain("SSH");
    expect(await printed(other, "id", "-u")).toBe("0");
    await cable.mend();
    expect(await printed(host, ...knock)).toBe("SSH-");
  });
});

/** What the machine shows of it: networks, cables, mounts, folders, control groups, and processes by its name. */
function traces({ name, folder, address }: Pick<BootedHost, "name" | "folder" | "address">): string {
  const look =
    "ip netns; ip link; ip route; cat /proc/*/mountinfo; ls -d /tmp/pgi-*; find /sys/fs/cgroup -type d; ps axo args";
  const words = [`${name}\\b`, folder, `${address}\\b`].join("|");
  const script = `{ ${look}; } 2>/dev/null | grep -vE 'grep|sh -c' | grep -E -- "$0"`;
  return spawnSync("sh", ["-c", script, words], { encoding: "utf8" }).stdout;
}

describe("the end of a booted host", () => {
  it("leaves no process, network, mount, folder or control group", async () => {
    const host = await bootedHost();
    const client = await dial(host, await host.login("deploy", { sudo: "nopasswd" }));
    await command(client, "sudo systemd-run --quiet sleep 987");
    await until("the unit", () => processesWith("sleep 987").length > 0);
    expect(traces(host)).toContain(host.name);
    await host.dispose();
    expect(processesWith("sleep 987")).toEqual([]);
    expect(traces(host)).toBe("");
    await expect(host.run(["true"])).rejects.toThrow(`${host.name} is no more`);
  });

  it.each(["the tests' process is killed", "somebody ends its guard"])(
    "comes by itself when %s",
    async (how) => {
      const script = `${readsTypeScript}
      const { bootedHost } = require(${JSON.stringify(join(__dirname, "../support/hosts/booted.ts"))});
      bootedHost().then((host) => console.log(JSON.stringify(host)));
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["-e", script], {
        cwd: __dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await once(child.stdout, "data");
      const host: BootedHost = JSON.parse(line);
      if (how.startsWith("somebody"))
        for (const { pid } of processesWith(`guard ${host.folder}`)) end(pid, "SIGTERM");
      else child.kill("SIGKILL");
      await until("the end of the host", () => traces(host) === "", 30);
      child.kill("SIGKILL");
    },
  );
});
