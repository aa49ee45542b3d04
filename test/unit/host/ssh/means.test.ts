import { userInfo } from "node:os";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../../provider/errors";
import type { Hop, Secrets } from "../../../../provider/host/ssh/login";
import { type Authentication, authenticationOf } from "../../../../provider/host/ssh/means";
import { contents, type Environment, fileOf, home, identities, keyNamed, socket } from "./logins";

const authentication = (means: Partial<Hop>, secrets?: Secrets, environment?: Environment) =>
  authenticationOf({ host: "db1", user: "deploy", ...means }, secrets, { HOME: home, ...environment });

const locked = keyNamed("locked", "canary");

describe("of all places that have it, the first wins: for", () => {
  /** From the first to the last: what it is there, how it is called then, and what is logged in with. */
  const places = {
    "the key": [
      ["privateKeyFile", fileOf("file", keyNamed("file")), "key of ~/file", "file"],
      ["privateKeyEnv", keyNamed("env"), "key of $privateKeyEnv", "env"],
      ["PGINSTANCE_SSH_PRIVATE_KEY", keyNamed("preset"), "key of $PGINSTANCE_SSH_PRIVATE_KEY", "preset"],
      ["PGINSTANCE_SSH_PRIVATE_KEY_FILE", fileOf("other", keyNamed("other")), "key of ~/other", "other"],
      ["privateKey", keyNamed("inline"), "key of the declaration", "inline"],
    ],
    "the passphrase": [
      ["passphraseEnv", "named", "key of ~/locked", "opened by named"],
      ["PGINSTANCE_SSH_PASSPHRASE", "preset", "key of ~/locked", "opened by preset"],
      ["passphrase", "inline", "key of ~/locked", "opened by inline"],
    ],
    "the password": [
      ["passwordEnv", "named", "password of $passwordEnv", "named"],
      ["PGINSTANCE_SSH_PASSWORD", "preset", "password of $PGINSTANCE_SSH_PASSWORD", "preset"],
      ["password", "inline", "password of the declaration", "inline"],
    ],
  } as const;
  const rungs = Object.entries(places).flatMap(([kind, all]) =>
    all.map(([place, value, tried, content], index) => {
      const given = all.slice(index).map(([name, of]) => [name, of] as const);
      return { kind, place, value, tried, content, given };
    }),
  );

  test.each(rungs)("$kind $place", async ({ kind, value, tried, content, given }) => {
    const properties = given.filter(([name]) => !name.startsWith("PGINSTANCE"));
    // A variable is called like the property that names it.
    const args = Object.fromEntries(properties.map(([name, of]) => [name, name.endsWith("Env") ? name : of]));
    const locked = kind === "the passphrase" && {
      privateKeyFile: fileOf("locked", keyNamed(`opened by ${value}`, value)),
    };
    const found = await authentication({ ...args, ...locked }, args, Object.fromEntries(given));
    expect([found.tried, contents(found)]).toEqual([[tried], [content]]);
  });
});

describe("the methods", () => {
  const key = fileOf("key", keyNamed("key"));

  test("are the key, the agent and the password, in this order, for the user that is declared", async () => {
    const found = await authentication(
      { agent: true, privateKeyFile: key, passwordEnv: "P" },
      {},
      { P: "secret", SSH_AUTH_SOCK: socket },
    );
    expect(contents(found)).toEqual(["key", socket, "secret"]);
    expect(found.methods.map(({ username }) => username)).toEqual(Array(3).fill("deploy"));
    expect(found).toMatchObject({ user: "deploy", tried: ["key of ~/key", "agent", "password of $P"] });
  });

  test("are for the user that runs Pulumi when none is declared", async () => {
    const { user, methods } = await authentication({ user: undefined }, { password: "p" });
    expect([user, methods[0]?.username]).toEqual(Array(2).fill(userInfo().username));
  });

  test("have the agent at a path, whatever SSH_AUTH_SOCK says", async () => {
    const found = await authentication({ agent: "~/agent" }, {}, { SSH_AUTH_SOCK: "/nowhere" });
    expect(contents(found)).toEqual([socket]);
  });

  test("have no agent beside what is declared, when it is not", async () => {
    expect(contents(await authentication({}, { password: "p" }, { SSH_AUTH_SOCK: socket }))).toEqual(["p"]);
  });

  test("have the key opened, and what has to be masked beside them", async () => {
    const found = await authentication({}, { privateKey: locked, passphrase: "canary", password: "p" });
    expect(found.methods[0]).toEqual({ type: "publickey", username: "deploy", key: expect.anything() });
    expect(found.secrets).toEqual([locked.trim(), "canary", "p"]);
  });

  test("are looked up anew each time", async () => {
    const before = await authentication({ privateKeyFile: fileOf("changing", keyNamed("before")) });
    const after = await authentication({ privateKeyFile: fileOf("changing", keyNamed("after")) });
    expect([before, after].map(contents)).toEqual([["before"], ["after"]]);
  });
});

describe("when nothing is given there is", () => {
  const files = { id_rsa: keyNamed("rsa"), id_ed25519: keyNamed("ed25519"), id_ecdsa: locked };
  const agent = { SSH_AUTH_SOCK: socket };

  test.each<[string, Partial<Hop>, Secrets | undefined, Environment, string[]]>([
    ["the agent, then the keys that open", {}, undefined, agent, [socket, "ed25519", "rsa"]],
    ["the keys alone without SSH_AUTH_SOCK", {}, {}, {}, ["ed25519", "rsa"]],
    ["the keys alone where nobody answers", {}, {}, { SSH_AUTH_SOCK: "/nowhere" }, ["ed25519", "rsa"]],
    ["the keys alone for `agent: false`", { agent: false }, {}, agent, ["ed25519", "rsa"]],
    ["the agent alone for `agent: true`", { agent: true }, {}, agent, [socket]],
    ["also the key that a passphrase opens", {}, { passphrase: "canary" }, {}, ["ed25519", "locked", "rsa"]],
    ["the same when our variables are empty", {}, {}, { PGINSTANCE_SSH_PASSWORD: "" }, ["ed25519", "rsa"]],
  ])("%s", async (_, means, secrets, environment, expected) => {
    identities(files);
    expect(contents(await authentication(means, secrets, environment))).toEqual(expected);
  });

  test("an error that says where it was looked when there is nothing either", async () => {
    identities({ id_rsa: locked });
    expect((await refusal(authentication({}))).message.split("\n")[0]).toBe(
      "db1: nothing to log in with as deploy: SSH_AUTH_SOCK is not set; ~/.ssh/id_ed25519 does not exist; " +
        "~/.ssh/id_ecdsa does not exist; ~/.ssh/id_rsa is encrypted, and there is no passphrase for it",
    );
  });
});

describe("what is declared and not there is an error, whatever else is:", () => {
  const preset = "PGINSTANCE_SSH_PRIVATE_KEY_FILE";
  const isNoPath = new RegExp(`${preset} is to be the path of a private key, and is not`);

  test.each<[string, Partial<Hop>, Environment, RegExp]>([
    ["a file", { privateKeyFile: "~/gone" }, {}, /\/gone, named by privateKeyFile, does not exist/],
    ["a folder", { privateKeyFile: "~/" }, {}, /, named by privateKeyFile, is a directory/],
    [
      "a file of our variable",
      {},
      { [preset]: "~/gone" },
      new RegExp(`/gone, named by ${preset}, does not exist`),
    ],
    ["a key for a path", {}, { [preset]: "-----BEGIN canary" }, isNoPath],
    ["a key of many lines for a path", {}, { [preset]: "canary\ncanary" }, isNoPath],
    ["a key of one line for a path", {}, { [preset]: `canary${"a".repeat(300)}` }, isNoPath],
    ["a key's variable", { privateKeyEnv: "GONE" }, {}, /variable GONE, named by privateKeyEnv, is not set/],
    [
      "a password's variable",
      { passwordEnv: "GONE" },
      { GONE: "" },
      /GONE, named by passwordEnv, is not set/,
    ],
    [
      "a passphrase",
      { privateKeyEnv: "KEY" },
      { KEY: locked },
      /the key of \$KEY is encrypted, and there is no/,
    ],
    [
      "a passphrase's variable",
      { privateKeyEnv: "KEY", passphraseEnv: "GONE" },
      { KEY: locked },
      /GONE, named by passphraseEnv, is not set/,
    ],
    [
      "the right passphrase",
      { privateKeyEnv: "KEY", passphraseEnv: "WRONG" },
      { KEY: locked, WRONG: "another canary" },
      /the key of \$KEY, with the passphrase of \$WRONG, cannot be decrypted/,
    ],
    ["an agent", { agent: true }, {}, /no agent: SSH_AUTH_SOCK is not set/],
    [
      "an agent that has ended",
      { agent: true },
      { SSH_AUTH_SOCK: "/nowhere" },
      /nothing answers at \/nowhere, which SSH_AUTH_SOCK names \(ENOENT\)/,
    ],
    ["an agent at a path", { agent: fileOf("no-socket", "") }, {}, /nothing answers at \S+ \(ECONNREFUSED\)/],
    [
      "an agent at a path that is too long",
      { agent: `/${"a".repeat(200)}` },
      {},
      /nothing answers at \/a+ \(/,
    ],
  ])("%s", async (_, means, environment, message) => {
    const error = await refusal(authentication(means, { password: "p" }, environment));
    expect(error.message).toMatch(message);
  });
});

/** The error, which has to say what to do, and nothing of the secrets. */
async function refusal(attempt: Promise<Authentication>): Promise<ConnectionError> {
  const error = await attempt.catch((reason) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ phase: "auth", host: "db1", retryable: false });
  expect(error.hint).toMatch(/\.$/);
  expect(inspect(error, { showHidden: true, depth: 9 }) + JSON.stringify(error)).not.toContain("canary");
  return error;
}
