/** Every means to log in to a host with, and what is said where it does not let in. */
import { createPublicKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publicKey } from "../../../support/public-keys";
import { type Agent, sshAgent } from "../../../support/ssh/agent";
import { execute } from "../../../support/ssh/clients";
import { isIn, type Row, textOf, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

const user = "deploy";
const password = "its own password";
const passphrase = "the key's passphrase";
let ways: WaysIn;
let agent: Agent;
let keyText: string;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("authentication", "auth");
  const { host } = ways;
  const login = await host.login(user, { sudo: "nopasswd", password });
  keyText = await textOf(login.keyFile);
  const keygen = (name: string, ...words: string[]) =>
    ways.makeKey(login, name, "ssh-keygen", "-q", "-N", "", "-f", "FILE", ...words);
  await keygen("rsa", "-t", "rsa", "-b", "2048");
  await keygen("ecdsa", "-t", "ecdsa");
  await keygen("locked", "-t", "ed25519");
  await execute("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", ways.path("locked")]);
  await host.authorise(user, await pkcs8(ways.path("pkcs8")));
  await execute("ssh-keygen", ["-q", "-N", "", "-f", ways.path("stranger")]);
  await ways.write("damaged", keyText.replace(/\n.{20}/, "\n"));
  agent = await sshAgent(ways.path("agent"));
  await agent.add(ways.path("rsa"));
  await sshAgent(ways.path("empty")).then((empty) => afterAll(() => empty.end()));
});
afterAll(async () => {
  await agent?.end();
  await ways?.close();
});

/** Its public half, which ssh-keygen cannot make of this form. */
async function pkcs8(path: string): Promise<string> {
  const made = await execute("openssl", ["genpkey", "-algorithm", "ed25519", "-out", path]);
  if (made.code !== 0) throw new Error(made.stderr);
  const { x = "" } = createPublicKey(await textOf(path)).export({ format: "jwk" });
  return publicKey("ssh-ed25519", Buffer.from(x, "base64url"));
}

const key = (name: string) => (at: WaysIn) => ({ ssh: { user, privateKeyFile: at.path(name) } });
const byPassword = (given: string) => () => ({ ssh: { user, password: given } });
const again =
  "It is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.";
const lookAtKey = (who: string) =>
  `See that ${who} is a user there who may log in, and that its authorized_keys has the public half of the key. It is not tried again.`;

const lettingIn: readonly Row[] = [
  ["key file, Ed25519", key("key_deploy"), isIn],
  ["key file, RSA", key("rsa"), isIn],
  ["key file, ECDSA", key("ecdsa"), isIn],
  ["key file, PKCS#8", key("pkcs8"), isIn],
  ["key file with a passphrase", (at) => ({ ssh: { ...key("locked")(at).ssh, passphrase } }), isIn],
  [
    "key file with a passphrase of `passphraseEnv`",
    (at) => ({
      ssh: { ...key("locked")(at).ssh, passphraseEnv: "DB1_PASSPHRASE" },
      environment: { DB1_PASSPHRASE: passphrase },
    }),
    isIn,
  ],
  ["agent, at a path", (at) => ({ ssh: { user, agent: at.path("agent") } }), isIn],
  [
    "agent of SSH_AUTH_SOCK",
    (at) => ({ ssh: { user, agent: true }, environment: { SSH_AUTH_SOCK: at.path("agent") } }),
    isIn,
  ],
  ["password", byPassword(password), isIn],
  [
    "`passwordEnv`",
    () => ({ ssh: { user, passwordEnv: "DB1_PASSWORD" }, environment: { DB1_PASSWORD: password } }),
    isIn,
  ],
  ["`privateKey`", () => ({ ssh: { user, privateKey: keyText } }), isIn],
  [
    "`privateKeyEnv`",
    () => ({ ssh: { user, privateKeyEnv: "DB1_KEY" }, environment: { DB1_KEY: keyText } }),
    isIn,
  ],
  [
    "PGINSTANCE_SSH_PRIVATE_KEY",
    () => ({ ssh: { user }, environment: { PGINSTANCE_SSH_PRIVATE_KEY: keyText } }),
    isIn,
  ],
  [
    "PGINSTANCE_SSH_PRIVATE_KEY_FILE and PGINSTANCE_SSH_PASSPHRASE",
    (at) => ({
      ssh: { user },
      environment: {
        PGINSTANCE_SSH_PRIVATE_KEY_FILE: at.path("locked"),
        PGINSTANCE_SSH_PASSPHRASE: passphrase,
      },
    }),
    isIn,
  ],
  [
    "PGINSTANCE_SSH_PASSWORD",
    () => ({ ssh: { user }, environment: { PGINSTANCE_SSH_PASSWORD: password } }),
    isIn,
  ],
  ["key that is refused, then a password", (at) => ({ ssh: { ...key("stranger")(at).ssh, password } }), isIn],
];

const failing: readonly Row[] = [
  [
    "user that is not there",
    (at) => ({ ssh: { user: "stranger", privateKeyFile: at.path("key_deploy") } }),
    `db1 refuses the login stranger (auth: tried key of /keys/key_deploy; it takes publickey, password)\n${lookAtKey("stranger")}`,
  ],
  [
    "key that is refused",
    key("stranger"),
    `db1 refuses the login deploy (auth: tried key of /keys/stranger; it takes publickey, password)\n${lookAtKey(user)}`,
  ],
  [
    "password that is wrong",
    byPassword("another password"),
    "db1 refuses the login deploy (auth: tried password of the declaration; it takes publickey, password)\nSee that deploy is a user there who may log in, and that the password is the right one. It is not tried again.",
  ],
  [
    "agent without a key",
    (at) => ({ ssh: { user, agent: at.path("empty") } }),
    "db1 refuses the login deploy (auth: tried agent)\nSee that deploy is a user there who may log in, and that the agent holds a key (ssh-add -l) which its authorized_keys has. It is not tried again.",
  ],
  [
    "agent that is not there",
    (at) => ({ ssh: { user, agent: at.path("nowhere") } }),
    'db1: no agent: nothing answers at /keys/nowhere (ENOENT)\nStart one where Pulumi runs (eval "$(ssh-agent)", then ssh-add), or declare `privateKeyFile` instead.',
  ],
  [
    "key file that is missing",
    key("nowhere"),
    `db1: the private key /keys/nowhere, named by privateKeyFile, does not exist\n${again}`,
  ],
  [
    "key file that is the public half",
    key("key_deploy.pub"),
    "db1: the key of /keys/key_deploy.pub is a public key\nGive the private one: its file has the same name without .pub.",
  ],
  [
    "key file that is damaged",
    key("damaged"),
    "db1: the key of /keys/damaged cannot be read as a private key\nAll of its text is needed, from -----BEGIN to the last -----, as ssh-keygen wrote it.",
  ],
  [
    "passphrase that is missing",
    key("locked"),
    "db1: the key of /keys/locked is encrypted, and there is no passphrase for it\nName its variable by `passphraseEnv`, set PGINSTANCE_SSH_PASSPHRASE, or add the key to an agent and declare `agent: true`.",
  ],
  [
    "passphrase that is wrong",
    (at) => ({ ssh: { ...key("locked")(at).ssh, passphrase: "another passphrase" } }),
    "db1: the key of /keys/locked, with the passphrase of the declaration, cannot be decrypted: the passphrase is another one, or the text is damaged\nSee whether it opens the key: ssh-keygen -y -f FILE.",
  ],
  [
    "`privateKeyEnv` that is not set",
    () => ({ ssh: { user, privateKeyEnv: "DB1_KEY" } }),
    `db1: the environment variable DB1_KEY, named by privateKeyEnv, is not set\n${again}`,
  ],
  [
    "`passwordEnv` that is not set",
    () => ({ ssh: { user, passwordEnv: "DB1_PASSWORD" } }),
    `db1: the environment variable DB1_PASSWORD, named by passwordEnv, is not set\n${again}`,
  ],
  [
    "nothing at all",
    () => ({ ssh: { user }, environment: { HOME: "/nowhere", SSH_AUTH_SOCK: "" } }),
    "db1: nothing to log in with as deploy: SSH_AUTH_SOCK is not set; ~/.ssh/id_ed25519 does not exist; ~/.ssh/id_ecdsa does not exist; ~/.ssh/id_rsa does not exist\nDeclare `privateKeyFile`, `agent: true` or `passwordEnv`, or set PGINSTANCE_SSH_PRIVATE_KEY_FILE.",
  ],
];

/** Only by PAM's own questions. */
const prompting = "PasswordAuthentication no; KbdInteractiveAuthentication yes";
const secondFactor =
  "One prompt that does not echo is answered, with the password; a second factor or a new password is not given: let this login in there by a key, or by a password alone (AuthenticationMethods, and the PAM of sshd). It is not tried again.";

/** What an sshd that is told so makes of it. */
const strict: readonly (readonly [sshd: string, ...Row])[] = [
  [
    "PasswordAuthentication no",
    "password, to an sshd that takes keys alone",
    byPassword(password),
    "db1 refuses the login deploy (auth: tried password of the declaration; it takes publickey)\nIt wants a key (`privateKeyFile` or `agent`). It is not tried again.",
  ],
  [
    "AuthenticationMethods publickey,password",
    "key, to an sshd that wants a password besides",
    key("key_deploy"),
    "db1 refuses the login deploy (auth: tried key of /keys/key_deploy; it takes password)\nIt wants a password (`passwordEnv`). It is not tried again.",
  ],
  [
    "AuthenticationMethods publickey,password",
    "key and password, to an sshd that wants both",
    (at) => ({ ssh: { ...key("key_deploy")(at).ssh, password } }),
    isIn,
  ],
  [prompting, "password, to an sshd that asks for it at a prompt", byPassword(password), isIn],
  [
    prompting,
    "password that is wrong, at a prompt",
    byPassword("another password"),
    "db1 refuses the login deploy (auth: tried password of the declaration, password of the declaration at its prompt; it takes publickey, keyboard-interactive)\nSee that deploy is a user there who may log in, and that the password is the right one. It is not tried again.",
  ],
  [
    `${prompting}; AuthenticationMethods publickey,keyboard-interactive`,
    "key and password, to an sshd that asks for the password at a prompt besides",
    (at) => ({ ssh: { ...key("key_deploy")(at).ssh, password } }),
    isIn,
  ],
  [
    `${prompting}; AuthenticationMethods publickey,keyboard-interactive`,
    "key, to an sshd that asks for a password at a prompt besides",
    key("key_deploy"),
    "db1 refuses the login deploy (auth: tried key of /keys/key_deploy; it takes keyboard-interactive)\nIt wants a password (`passwordEnv`). It is not tried again.",
  ],
  [
    "KbdInteractiveAuthentication yes; AuthenticationMethods password,keyboard-interactive",
    "password, to an sshd that asks for more when it has it",
    byPassword(password),
    `db1 refuses the login deploy (auth: tried password of the declaration; it takes keyboard-interactive)\n${secondFactor}`,
  ],
  [
    "KbdInteractiveAuthentication yes",
    "password that is wrong, which is not said again at a prompt",
    byPassword("another password"),
    "db1 refuses the login deploy (auth: tried password of the declaration; it takes publickey, password, keyboard-interactive)\nSee that deploy is a user there who may log in, and that the password is the right one. It is not tried again.",
  ],
  [
    "DenyUsers deploy",
    "user whom sshd denies",
    key("key_deploy"),
    `db1 refuses the login deploy (auth: tried key of /keys/key_deploy; it takes publickey, password)\n${lookAtKey(user)}`,
  ],
  [
    "MaxAuthTries 1",
    "two means that are wrong, to an sshd that takes one",
    (at) => ({ ssh: { ...key("stranger")(at).ssh, password: "another password" } }),
    "db1 refuses the login deploy (auth: tried key of /keys/stranger; Too many authentication failures)\n" +
      lookAtKey(user),
  ],
];

describe.skipIf(!isRoot)("a host", () => {
  it.each(lettingIn)("lets in by %s", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });

  it.each(failing)("is not entered by %s, and that is said", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });

  it.each(strict)("with %s judges %s", async (sshd, what, given, outcome) => {
    await ways.host.configure(sshd.split("; "));
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
    await ways.host.configure([]);
  });

  it("that asks for a new password besides gets no second answer", async () => {
    await ways.host.run(["sed", "-i", "$ a password required pam_unix.so", "/etc/pam.d/sshd"]);
    await ways.host.run(["chage", "-d", "0", user]);
    await ways.host.configure(prompting.split("; "));
    const mark = await ways.host.mark();
    const said = await ways.outcome("password that has expired, at a prompt", byPassword(password)());
    expect(await ways.host.handshakes(mark)).toBe(1);
    await ways.host.configure([]);
    await ways.host.run(["chage", "-d", "20000", user]);
    expect(said).toBe(
      `db1 refuses the login deploy (auth: tried password of the declaration, password of the declaration at its prompt; it takes publickey, keyboard-interactive; it asks "You are required to change your password immediately (administrator enforced). Changing password for deploy. Current password:")\n${secondFactor}`,
    );
  });

  it("whose account has run out is an error of the login", async () => {
    await ways.host.run(["chage", "-E", "1", user]);
    const said = await ways.outcome("account that has run out", key("key_deploy")(ways));
    expect(said).toBe(
      "db1 closed the connection while deploy logged in (auth: tried key of /keys/key_deploy; Your account has expired; please contact your system administrator)\nIt is booting, or going down, or deploy may not log in there: see the log of its sshd.",
    );
  });

  it("is asked once by each means that it refuses, however many resources want in", async () => {
    const given = { ssh: { ...key("stranger")(ways).ssh, password: "another password", retryFor: 20 } };
    await ways.host.run(["chage", "-E", "-1", user]);
    const mark = await ways.host.mark();
    await ways.outcome("key and password that are wrong, tried again for 20 s", given);
    expect(await ways.host.refusals(mark)).toBe(2);
    expect(await ways.host.handshakes(mark)).toBe(1);
  });
});
