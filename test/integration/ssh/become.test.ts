/** Another user's shell over SSH, by sudo and su: what is said on the way to it is not what its commands read and say. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Become } from "../../../provider/host/become";
import { SshHost } from "../../../provider/host/ssh/ssh-host";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";

let host: TestHost;
let asked: Login;
let free: Login;

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  host = await testHost();
  asked = await host.login("asked", { sudo: "password", password: "its own" });
  free = await host.login("free", { sudo: "nopasswd" });
  await host.login("target", { password: "the target's" });
});
afterAll(() => host.dispose());

describe.skipIf(!isRoot)("another user's shell", () => {
  it.each<[string, () => Login, Become]>([
    ["sudo that asks for the login's password", () => asked, { method: "sudo", password: "its own" }],
    ["sudo that does not ask, and gets no password", () => free, { method: "sudo", password: "echo leaked" }],
    ["sudo without a password", () => free, {}],
    ["su, with the password of the user itself", () => asked, { method: "su", password: "the target's" }],
  ])("had by %s leaves a command its own streams", async (_, login, become) => {
    const { name: user, keyFile: privateKeyFile } = login();
    const { address, port, knownHosts } = host;
    const way = { host: address, port, user, privateKeyFile, knownHosts: [knownHosts], retryFor: 0 };
    const { exitCode, stdout, stderr } = await new SshHost(way, become).run({
      name: "who",
      script: "id -un; cat",
      stdin: "input",
      user: "target",
    });
    expect([exitCode, stdout.toString(), stderr]).toEqual([0, "target\ninput", ""]);
  });
});
