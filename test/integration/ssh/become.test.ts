/** Another user's shell over SSH, by sudo and su: with the password that they ask for, and without. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import type { Become } from "../../../provider/host/become";
import { SshHost } from "../../../provider/host/ssh/ssh-host";
import { failureOf } from "../../support/instances";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";

let host: TestHost;
const logins = new Map<string, Login>();

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  host = await testHost();
  logins.set("asked", await host.login("asked", { sudo: "password", password: "its own" }));
  logins.set("free", await host.login("free", { sudo: "nopasswd" }));
  logins.set("refused", await host.login("refused"));
  await host.login("target", { password: "the target's" });
});
afterAll(() => host.dispose());

function run(name: string, become: Become) {
  const sshHost = new SshHost(
    {
      host: host.address,
      port: host.port,
      user: name,
      privateKeyFile: logins.get(name)?.keyFile ?? "",
      knownHosts: [host.knownHosts],
      retryFor: 0,
    },
    become,
  );
  return sshHost.run({ name: "who", script: "id -un; cat", stdin: "input", user: "target", seconds: 10 });
}

describe.skipIf(!isRoot)("another user's shell", () => {
  it.each<[string, string, Become]>([
    ["sudo that asks for the login's password", "asked", { method: "sudo", password: "its own" }],
    ["sudo that does not ask, and gets no password", "free", { method: "sudo", password: "echo leaked" }],
    ["sudo without a password", "free", {}],
    ["su, with the password of the user itself", "asked", { method: "su", password: "the target's" }],
  ])("is had by %s", async (_, login, become) => {
    const { exitCode, stdout, stderr } = await run(login, become);
    expect([exitCode, stdout.toString(), stderr]).toEqual([0, "target\ninput", ""]);
  });

  it.each<[string, string, Become, RegExp]>([
    ["sudo asks and there is no password", "asked", {}, /by sudo: .*a password is required/],
    ["su asks and there is no password", "asked", { method: "su" }, /by su: a password is required/],
    [
      "sudo refuses the password",
      "asked",
      { method: "sudo", password: "no" },
      /by sudo: .*password was refused/,
    ],
    ["su refuses the password", "asked", { method: "su", password: "no" }, /by su: .*Authentication failure/],
    ["sudo knows the login not", "refused", {}, /by sudo: sudo: .*password is required|not in the sudoers/],
  ])("is an error when %s, in the words of who refused", async (_, login, become, words) => {
    const error = await failureOf(run(login, become));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ phase: "become", retryable: false });
    expect(String(error)).toMatch(words);
    expect(String(error)).not.toMatch(/its own|the target's|pginstance-/);
  });
});
