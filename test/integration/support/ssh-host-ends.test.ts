/** Where test hosts are and how they end: behind one another, many at once, without root, and without a trace. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import { end, isAlive, processesWith, until } from "../../support/processes";
import { command, dial, execute, ssh } from "../../support/ssh/clients";
import { type TestHost, type TestHostOptions, testHost } from "../../support/ssh/host";
import { readsTypeScript } from "../../support/ssh/plain-node";
import { program } from "../../support/ssh/programs";

const isRoot = process.getuid?.() === 0;

const hosts: TestHost[] = [];
afterAll(() => Promise.all(hosts.map((host) => host.dispose())));

async function made(options?: TestHostOptions): Promise<TestHost> {
  const host = await testHost(options);
  hosts.push(host);
  return host;
}

/** What the machine shows of hosts: networks, cables, routes, mounts and folders that match. */
function traces(...of: readonly string[]): string {
  const look = "ip netns; ip link; ip route; cat /proc/self/mountinfo; ls -d /tmp/pgi-*";
  return spawnSync("sh", ["-c", `{ ${look}; } 2>&1 | grep -E -- "$0"`, of.join("|")], { encoding: "utf8" })
    .stdout;
}

const of = ({ name, folder, address }: TestHost) => [`${name}\\b`, folder, `${address}\\b`];

/** Networks and folders that no guard looks after: those of other tests, at the same time as these, have theirs. */
function orphans(): string[] {
  const found = traces("pgi").match(/\bpgi(\d+\b|-\w{6}\b)/g) ?? [];
  return found.filter(
    (name) => !processesWith("guard").some(({ argv }) => new RegExp(`${name}\\b`).test(argv)),
  );
}

describe.runIf(isRoot)("a host behind another", () => {
  it("is reached through that one and from nowhere else", async () => {
    const gate = await made();
    const hidden = await made({ behind: gate });
    const [guest, login] = [await gate.login("guest"), await hidden.login("alice")];
    expect((await ssh(hidden, login, "true", "-o", "ConnectTimeout=3")).stderr).toMatch(/No route to host/);
    const other = await made();
    const knock = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=3", hidden.address];
    expect((await other.run(knock)).stderr).toMatch(/Network is unreachable|No route to host/);
    const config = join(gate.folder, "ssh_config");
    await writeFile(
      config,
      `Host ${gate.address}\n User guest\n IdentityFile ${guest.keyFile}\n UserKnownHostsFile ${gate.knownHosts}\n` +
        `Host ${hidden.address}\n User alice\n IdentityFile ${login.keyFile}\n UserKnownHostsFile ${hidden.knownHosts}\n`,
    );
    const marks = [await gate.mark(), await hidden.mark()];
    const done = await execute("ssh", ["-F", config, "-J", gate.address, hidden.address, "id -un; pwd"]);
    expect(done).toMatchObject({ code: 0, stdout: `alice\n${login.home}\n` });
    expect(await gate.handshakes(marks[0])).toBe(1);
    expect(await gate.channels(marks[0])).toBe(0);
    expect(await hidden.channels(marks[1])).toBe(1);
    await gate.dispose();
    await hidden.dispose();
    expect(traces(...of(gate), ...of(hidden))).toBe("");
  });
});

describe.runIf(isRoot)("the end of a host", () => {
  it("leaves no process, network, mount, folder or route", async () => {
    const host = await testHost();
    const login = await host.login("alice", { sudo: "nopasswd" });
    const client = await dial(host, login);
    await command(
      client,
      "setsid sudo setsid sleep 765 </dev/null >/dev/null 2>&1 & setsid sleep 765 </dev/null >/dev/null 2>&1 &",
    );
    const pids = await until("three processes", () => {
      const seen = host.processes();
      return seen.filter(({ argv }) => argv.includes("sleep 765")).length >= 2 && seen.map(({ pid }) => pid);
    });
    await host.dispose();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(traces(...of(host))).toBe("");
  });

  it("said twice ends nobody who is by then in a namespace of the same number", async () => {
    const host = await testHost();
    const guard = processesWith(`guard ${host.folder}`)[0]?.pid;
    // The kernel gives numbers again; one that is held open has its own for certain.
    const held = openSync(`/proc/${guard}/ns/mnt`, "r");
    await host.dispose();
    const other = spawn(program("nsenter"), ["--mount=/proc/self/fd/3", "sleep", "60"], {
      stdio: ["ignore", "ignore", "inherit", held],
    });
    try {
      await until("the other process", () => processesWith("sleep 60").some(({ pid }) => pid === other.pid));
      expect(host.processes()).toEqual([]);
      await host.dispose();
      expect(isAlive(other.pid as number)).toBe(true);
    } finally {
      other.kill("SIGKILL");
      closeSync(held);
    }
  });

  it("is the same when it could not start", async () => {
    const before = orphans();
    await expect(testHost({ configure: ["Nonsense yes"] })).rejects.toThrow("Nonsense");
    const gone = await testHost();
    await gone.dispose();
    await expect(testHost({ behind: gone })).rejects.toThrow("the host could not be made");
    await until("no trace of them", () => orphans().every((name) => before.includes(name)));
  });

  it.each(["the tests' process is killed", "somebody ends its guard"])(
    "comes by itself when %s",
    async (how) => {
      const script = `${readsTypeScript}
      const { testHost } = require(${JSON.stringify(join(__dirname, "../../support/ssh/host.ts"))});
      testHost().then((host) => console.log(JSON.stringify(host)));
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["-e", script], {
        cwd: __dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await once(child.stdout, "data");
      const host: TestHost = JSON.parse(line);
      if (how.startsWith("somebody"))
        for (const { pid } of processesWith(`guard ${host.folder}`)) end(pid, "SIGTERM");
      else child.kill("SIGKILL");
      await until("the end of the host", () => traces(...of(host)) === "");
      expect(processesWith(host.folder)).toEqual([]);
      child.kill("SIGKILL");
    },
  );
});

describe.runIf(isRoot)("many hosts at the same time", () => {
  it("have addresses, logins and ids of their own", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => made()));
    const ids = await Promise.all(
      all.map(async (host) => (await ssh(host, await host.login("alice"), "id -u; pwd")).stdout),
    );
    expect(new Set(ids).size).toBe(6);
    expect(new Set(all.map(({ address }) => address)).size).toBe(6);
  });
});

describe("a host without root", () => {
  it("lets in the tests' own login with a key, and nobody else", async () => {
    // It loads all as root: others may not be able to read this folder.
    const { uid, gid } = asServerUser();
    const become =
      uid === undefined ? "" : `process.setgroups([]); process.setgid(${gid}); process.setuid(${uid});`;
    const script = `${readsTypeScript}
      const { testHost } = require(${JSON.stringify(join(__dirname, "../../support/ssh/host.ts"))});
      const { execFileSync } = require("node:child_process");
      const { userInfo } = require("node:os");
      ${become}
      (async () => {
        const host = await testHost();
        try {
          const login = await host.login(userInfo().username);
          const refused = await host.login("alice").catch(({ message }) => message);
          const options = ["-F", "none", "-o", "UserKnownHostsFile=" + host.knownHosts, "-o", "BatchMode=yes"];
          const way = ["-i", login.keyFile, "-p", String(host.port), login.name + "@" + host.address];
          const said = execFileSync("ssh", [...options, ...way, "id -un"], { encoding: "utf8" });
          const counts = [await host.handshakes(), await host.channels()];
          const { isolated, folder } = host;
          console.log(JSON.stringify({ isolated, folder, said, refused, counts }));
        } finally {
          await host.dispose();
        }
      })();`;
    const env = { PATH: process.env.PATH, HOME: "/nonexistent" };
    const done = await execute(process.execPath, ["-e", script], env);
    const seen = JSON.parse(done.stdout || JSON.stringify(done.stderr));
    const name = isRoot
      ? spawnSync("id", ["-un", `${uid}`], { encoding: "utf8" }).stdout.trim()
      : userInfo().username;
    expect(seen).toMatchObject({ isolated: false, said: `${name}\n`, counts: [1, 1] });
    expect(seen.refused).toContain("only root can make logins");
    expect(processesWith(seen.folder)).toEqual([]);
    expect(existsSync(seen.folder)).toBe(false);
  });
});

it("a program that is missing fails by the name of its package", () => {
  expect(() => program("sshd", "/nowhere")).toThrow(
    "sshd is missing: install the Debian package openssh-server",
  );
  expect(() => program("ip", "/nowhere")).toThrow("iproute2");
});
