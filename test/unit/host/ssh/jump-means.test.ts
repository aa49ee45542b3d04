import { beforeAll, describe, expect, test } from "vitest";
import type { Means, Secrets } from "../../../../provider/host/ssh/login";
import { jumpAuthenticationOf } from "../../../../provider/host/ssh/means";
import { contents, type Environment, fileOf, home, identities, keyNamed, socket } from "./logins";

const jumpAuthentication = (own: Means & Secrets, target: Means & Secrets, environment: Environment) =>
  jumpAuthenticationOf(
    { host: "bastion", port: 2222, user: "hop", ...own },
    own,
    { host: "db1", user: "deploy", ...target },
    { HOME: home, ...environment },
  );

const file = fileOf("file", keyNamed("file"));
const other = fileOf("other", keyNamed("other"));
const preset = { PGINSTANCE_SSH_PRIVATE_KEY: keyNamed("preset"), PGINSTANCE_SSH_PASSWORD: "preset" };
const agent = { SSH_AUTH_SOCK: socket };
const locked = { privateKey: keyNamed("locked", "canary"), passphrase: "canary" };

beforeAll(() => identities({ id_rsa: keyNamed("identity") }));

describe("a jump is passed with", () => {
  test.each<[string, Means & Secrets, Means & Secrets, Environment, string[]]>([
    [
      "its own key, and nothing of ours",
      { privateKeyFile: file },
      { privateKeyFile: other },
      preset,
      ["file"],
    ],
    ["its own password", { password: "own" }, { privateKeyFile: other }, preset, ["own"]],
    ["its own agent", { agent: true }, { privateKeyFile: other }, { ...preset, ...agent }, [socket]],
    ["a variable of ours that it names", { passwordEnv: "PGINSTANCE_SSH_PASSWORD" }, {}, preset, ["preset"]],
  ])("%s, when it has its own", async (_, own, target, environment, expected) => {
    expect(contents(await jumpAuthentication(own, target, environment))).toEqual(expected);
  });

  test.each<[string, Means & Secrets, Environment, string[]]>([
    ["the target's key", { privateKeyFile: other }, {}, ["other"]],
    [
      "the target's key from our variables",
      { privateKeyFile: undefined, privateKey: "x" },
      preset,
      ["preset"],
    ],
    ["the target's key and its passphrase", locked, {}, ["locked"]],
    [
      "the target's key and agent, never its password",
      { ...locked, agent: true, password: "p" },
      agent,
      ["locked", socket],
    ],
    ["what ssh has, when the target has a password only", { password: "p" }, agent, [socket, "identity"]],
    [
      "what ssh has, when our variables have a password only",
      {},
      { PGINSTANCE_SSH_PASSWORD: "p" },
      ["identity"],
    ],
  ])("%s, when it has nothing of its own", async (_, target, environment, expected) => {
    expect(contents(await jumpAuthentication({}, target, environment))).toEqual(expected);
  });

  test("no agent of the target's, when it says so", async () => {
    const found = await jumpAuthentication({ agent: false }, { agent: true, privateKeyFile: other }, agent);
    expect(contents(found)).toEqual(["other"]);
  });
});

test("a jump has its own user, and its own name in errors", async () => {
  expect((await jumpAuthentication({}, { privateKeyFile: other }, {})).user).toBe("hop");
  await expect(jumpAuthentication({ agent: true }, {}, {})).rejects.toMatchObject({
    host: "bastion:2222",
    message: expect.stringMatching(/^bastion:2222: no agent/),
  });
});
