/** What a test host offers: logins that real clients use, counts of what was done, and an sshd to turn every knob of. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { end, isAlive, processesWith, until } from "../../support/processes";
import { command, dial, execute, ssh } from "../../support/ssh/clients";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { tcpProxy } from "../../support/ssh/proxy";

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)("a login", () => {
  let host: TestHost;
  afterAll(() => host.dispose());
  beforeAll(async () => {
    host = await testHost();
  });

  it("is let in with its key by OpenSSH and by ssh2, and finds its own home", async () => {
    const login = await host.login("alice");
    expect(await ssh(host, login, "id -un; pwd")).toMatchObject({
      code: 0,
      stdout: `alice\n${login.home}\n`,
    });
    const client = await dial(host, login);
    expect(await command(client, "id -un; pwd")).toBe(`alice\n${login.home}\n`);
    client.end();
  });

  it("is let in with its password by both, and not with another one", async () => {
    const login = await host.login("bob", { password: "open Sesame" });
    const client = await dial(host, login, "open Sesame");
    expect(await command(client, "id -un")).toBe("bob\n");
    client.end();
    await expect(dial(host, login, "wrong")).rejects.toThrow("authentication methods failed");
    const ask = join(host.folder, "askpass");
    await writeFile(ask, "#!/bin/sh\necho open Sesame\n", { mode: 0o755 });
    const options = ["-F", "none", "-o", `UserKnownHostsFile=${host.knownHosts}`];
    const env = { PATH: process.env.PATH, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force" };
    const done = await execute("ssh", [...options, `bob@${host.address}`, "id -un"], env);
    expect(done).toMatchObject({ code: 0, stdout: "bob\n" });
  });

  it("is not let in with a key of somebody else, until that is authorised too", async () => {
    const [carol, dave] = await Promise.all([host.login("carol"), host.login("dave")]);
    const asDave = { ...dave, keyFile: carol.keyFile };
    expect(await ssh(host, asDave, "id")).toMatchObject({ code: 255 });
    await host.authorise("dave", await readFile(`${carol.keyFile}.pub`, "utf8"));
    expect(await ssh(host, asDave, "id -un")).toMatchObject({ code: 0, stdout: "dave\n" });
  });

  it("becomes root by sudo as it is allowed: never, without or with its password, or for one command", async () => {
    const root = async (login: Login, line: string) => (await ssh(host, login, line)).stdout;
    const password = "geheim";
    const allowed = await host.login("erin", { sudo: "nopasswd" });
    expect(await root(allowed, "sudo -n id -u")).toBe("0\n");
    const asked = await host.login("frank", { sudo: "password", password });
    expect(await root(asked, "sudo -n id -u")).toBe("");
    expect(await root(asked, `echo ${password} | sudo -S id -u`)).toBe("0\n");
    const nobody = await host.login("grace", { password });
    expect(await root(nobody, `echo ${password} | sudo -S id -u`)).toBe("");
    const one = await host.login("heidi", { sudo: ["heidi ALL=(alice) NOPASSWD: /usr/bin/id"] });
    expect(await root(one, "sudo -n -u alice id -un; sudo -n id -u")).toBe("alice\n");
  });

  it("has the shell, the rc file and the groups it was given", async () => {
    const options = { shell: "/bin/bash", rc: "echo hello from rc\n", groups: ["team", "adm"] };
    const login = await host.login("ivan", options);
    const { stdout } = await ssh(host, login, 'basename "$BASH"; id -Gn');
    expect(stdout).toBe("hello from rc\nbash\nivan adm team\n");
  });

  it("may be root, whose home is another one there", async () => {
    const login = await host.login("root");
    expect((await ssh(host, login, "id -u; pwd")).stdout).toBe(`0\n${login.home}\n`);
    expect(login.home.startsWith(host.folder)).toBe(true);
  });

  it("is unknown to the machine, whose own files are as before", async () => {
    const files = ["passwd", "group", "shadow", "sudoers", "pam.d/sshd", "ssh/sshd_config"];
    const read = () => Promise.all(files.map((name) => readFile(`/etc/${name}`, "utf8").catch(() => "")));
    const before = await read();
    await host.login("judy", { password: "x", sudo: "nopasswd", groups: ["club"] });
    expect(await read()).toEqual(before);
    expect(spawnSync("id", ["judy"]).status).not.toBe(0);
    expect((await host.run(["id", "-un"], { user: "judy" })).stdout).toBe("judy\n");
    expect(existsSync("/etc/sudoers.d/test-judy")).toBe(false);
  });
});

describe.runIf(isRoot)("what the host tells", () => {
  let host: TestHost;
  let login: Login;
  afterAll(() => host.dispose());
  beforeAll(async () => {
    host = await testHost();
    login = await host.login("alice", { password: "x" });
  });

  it("is as many handshakes, channels and refusals as there were", async () => {
    const mark = await host.mark();
    const client = await dial(host, login);
    for (const text of ["true", "true"]) await command(client, text);
    await Promise.all(["a", "b", "c"].map((text) => command(client, `echo ${text}`)));
    client.end();
    await ssh(host, login, "true");
    await expect(dial(host, login, "wrong")).rejects.toThrow();
    expect(await host.handshakes(mark)).toBe(3);
    expect(await host.channels(mark)).toBe(6);
    expect(await host.refusals(mark)).toBe(1);
  });

  it("leaves out who only knocks, and who does not believe its key", async () => {
    const mark = await host.mark();
    const socket = connect(host.port, host.address);
    await once(socket, "connect");
    socket.destroy();
    const nobody = await ssh(
      host,
      login,
      "true",
      "-o",
      "UserKnownHostsFile=/dev/null",
      "-o",
      "StrictHostKeyChecking=yes",
    );
    expect(nobody.stderr).toContain("Host key verification failed");
    expect([await host.handshakes(mark), await host.channels(mark)]).toEqual([0, 0]);
  });

  it("is its host keys, each of which a client can insist on", async () => {
    for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
      const [algorithm = ""] = host.hostKey(type).split(" ");
      const only = ["-o", `HostKeyAlgorithms=${type === "rsa" ? "rsa-sha2-512" : algorithm}`];
      expect(await ssh(host, login, "true", ...only)).toMatchObject({ code: 0 });
    }
  });

  it("is what known_hosts must say for another way to it, such as a proxy", async () => {
    const proxy = await tcpProxy({ host: host.address, port: host.port });
    const throughProxy = { ...host, address: proxy.host, port: proxy.port };
    const unknown = await ssh(throughProxy, login, "true", "-o", "StrictHostKeyChecking=yes");
    expect(unknown.stderr).toContain("Host key verification failed");
    proxy.resetCounters();
    const known = { ...throughProxy, knownHosts: await host.knownHostsFor(proxy) };
    expect(await ssh(known, login, "echo hello")).toMatchObject({ code: 0, stdout: "hello\n" });
    expect(proxy.counters.connections).toBe(1);
    expect(proxy.counters.roundTrips).toBeGreaterThanOrEqual(5);
    await proxy.close();
  });

  it("is its processes, those that sessions started and left among them", async () => {
    await ssh(host, login, "setsid sleep 987 </dev/null >/dev/null 2>&1 &");
    await until("what it left", () => host.processes().some(({ argv }) => argv.trim() === "sleep 987"));
  });
});

describe.runIf(isRoot)("its sshd", () => {
  let host: TestHost;
  let login: Login;
  afterAll(() => host.dispose());
  beforeAll(async () => {
    host = await testHost();
    login = await host.login("alice");
  });
  afterEach(() => host.configure([]));

  it("follows new lines of its configuration, Match blocks too, and forgets them with the next", async () => {
    const opened = async () => {
      const client = await dial(host, login);
      const all = await Promise.allSettled(
        Array.from({ length: 3 }, () => command(client, "sleep 0.3; echo")),
      );
      client.end();
      return all.filter(({ status }) => status === "fulfilled").length;
    };
    const mark = await host.mark();
    await host.configure(["MaxSessions 2", "Match User alice", "  ForceCommand sleep 0.3; echo forced"]);
    expect(await opened()).toBe(2);
    expect(await host.channels(mark)).toBe(2);
    expect((await ssh(host, login, "echo free")).stdout).toBe("forced\n");
    await host.configure([]);
    expect(await opened()).toBe(3);
  });

  it("refuses a line that it does not know, and goes on", async () => {
    await expect(host.configure(["Nonsense yes"])).rejects.toThrow("Nonsense");
    await host.stop();
    await host.start();
    expect(await ssh(host, login, "true")).toMatchObject({ code: 0 });
  });

  it("has other keys when told, which clients notice", async () => {
    const before = join(host.folder, "known_before");
    await copyFile(host.knownHosts, before);
    await host.replaceHostKeys();
    expect(await ssh(host, login, "true")).toMatchObject({ code: 0 });
    const stale = await ssh({ ...host, knownHosts: before }, login, "true");
    expect(stale.stderr).toContain("REMOTE HOST IDENTIFICATION HAS CHANGED");
  });

  it("cuts its connections when it stops, leaves their commands alone, and comes back", async () => {
    const client = await dial(host, login);
    const cut = once(client, "close");
    client.exec("exec sleep 876", () => {});
    const sleeper = await until("the command", () =>
      processesWith("sleep 876").find(({ argv }) => argv === "sleep 876 "),
    );
    await host.stop();
    await cut;
    expect((await ssh(host, login, "true")).stderr).toContain("Connection refused");
    expect(isAlive(sleeper.pid)).toBe(true);
    await host.start();
    expect(await ssh(host, login, "true")).toMatchObject({ code: 0 });
    end(sleeper.pid);
  });
});
