import { describe, expect, test } from "vitest";
import type { OpensshArgs } from "../../../provider/host/openssh/login";
import type { SshArgs } from "../../../provider/host/ssh/login";
import { check, type Properties } from "../../../provider/schema/check";
import { parseInputs } from "../../../provider/schema/inputs";
import type { HostArgs } from "../../../sdk";

const failuresOf = (given: Properties) => check({}, { version: "17", ...given }).failures;
const reasonsOf = (given: Properties) =>
  failuresOf(given).map(({ property, reason }) => `${property}: ${reason}`);
const ofHost = (host: unknown) => reasonsOf({ host });
const ofSsh = (more: Properties) => ofHost({ ssh: { host: "db1.example.com", ...more } });

const ofOpenssh = (more: Properties) => ofHost({ openssh: { host: "db1", ...more } });

const canary = "c4nary-s3cret";
const armoured = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;
const fingerprint = `SHA256:${"a".repeat(43)}`;

describe("a host", () => {
  test("may say everything", () => {
    const host = {
      ssh: {
        host: "db1.example.com",
        port: 2222,
        user: "deploy",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== root@db1",
        agent: "/run/agent.sock",
        privateKeyFile: "~/.ssh/deploy",
        privateKeyEnv: "DB1_KEY",
        passphraseEnv: "DB1_PASSPHRASE",
        passwordEnv: "_password1",
        privateKey: armoured("OPENSSH PRIVATE KEY"),
        passphrase: "p a ss",
        password: "pässword",
        jump: [
          { host: "bastion", port: 1, user: "jump", hostKey: fingerprint, agent: true },
          { host: "inner" },
        ],
        jumpCredentials: { bastion: { privateKey: armoured("RSA PRIVATE KEY") }, inner: { password: "x" } },
        knownHosts: ["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
        configFile: "~/.ssh/config",
        connectTimeout: 600,
        retryFor: 0,
        keepAlive: 1,
      },
    };
    expect(ofHost(host)).toEqual([]);
    expect(check({}, { version: "17", host }).inputs.host).toEqual(host);
    expect(parseInputs({ ...check({}, { version: "17", host }).inputs }).host).toEqual(host);
  });

  test("is what the way to it asks for, and what the class takes", () => {
    const { host } = parseInputs(check({}, { version: "17", host: { ssh: { host: "db1" } } }).inputs);
    const args: SshArgs | undefined = host.ssh;
    const again: HostArgs = host;
    expect(args).toEqual({ host: "db1" });
    expect(again).toEqual({ ssh: { host: "db1" } });
    expect(parseInputs(check({}, { version: "17" }).inputs).host).toEqual({ local: {} });
  });

  test.each<[unknown, string]>([
    ["local", "host: is no object of local, ssh, openssh"],
    [{}, 'host: needs one of local, ssh and openssh, as in { ssh: { host: "db1.example.com" } }'],
    [
      { local: {}, ssh: { host: "db1" } },
      'host: needs one of local, ssh and openssh, as in { ssh: { host: "db1.example.com" } }',
    ],
    [
      { ssh: { host: "db1" }, openssh: { host: "db1" } },
      'host: needs one of local, ssh and openssh, as in { ssh: { host: "db1.example.com" } }',
    ],
    [{ local: {}, docker: {} }, "host: has no docker; what it can have: local, ssh, openssh"],
    [{ local: { user: "a" } }, "host.local: takes nothing: { local: {} }"],
    [{ local: true }, "host.local: takes nothing: { local: {} }"],
    [
      { ssh: {} },
      'host.ssh.host: nothing is no host name or address alone, as in "db1.example.com" or "2001:db8::7"',
    ],
  ])("%j is refused", (host, reason) => {
    expect(ofHost(host)).toEqual([reason]);
  });
});

describe("a part of ssh", () => {
  test.each<[Properties, string]>([
    [{ user: "-oProxyCommand=x" }, 'user: "-oProxyCommand=x" is no name of a user, as in "deploy"'],
    [{ user: "a;b" }, 'user: "a;b" is no name of a user, as in "deploy"'],
    [{ user: "a\\" }, 'user: "a\\\\" is no name of a user, as in "deploy"'],
    [{ port: 0 }, "port: 0 is not between 1 and 65535"],
    [{ port: "22" }, 'port: "22" is no port: a number between 1 and 65535'],
    [
      { hostKey: "db1 ssh-rsa AAAA" },
      'hostKey: "db1 ssh-rsa AAAA" is no public key of a host, as in "ssh-ed25519 AAAA...", or its fingerprint, as in "SHA256:..."',
    ],
    [{ agent: 1 }, "agent: 1 is not true, false or the absolute path of an agent's socket"],
    [{ agent: "agent" }, 'agent: "agent" is not true, false or the absolute path of an agent\'s socket'],
    [
      { privateKeyFile: ".ssh/a" },
      'privateKeyFile: ".ssh/a" is no absolute path, as in "/etc/keys/deploy" or "~/.ssh/deploy"',
    ],
    [
      { knownHosts: "~/.ssh/known_hosts" },
      'knownHosts: "~/.ssh/known_hosts" is no list of files, as in ["~/.ssh/known_hosts"]',
    ],
    [
      { knownHosts: ["~a/known_hosts"] },
      'knownHosts.0: "~a/known_hosts" is no absolute path, as in "/etc/keys/deploy" or "~/.ssh/deploy"',
    ],
    [{ connectTimeout: 0 }, "connectTimeout: 0 is not between 1 and 600 seconds"],
    [{ connectTimeout: 601 }, "connectTimeout: 601 is not between 1 and 600 seconds"],
    [{ retryFor: -1 }, "retryFor: -1 is not between 0 and 3600 seconds"],
    [{ retryFor: 3601 }, "retryFor: 3601 is not between 0 and 3600 seconds"],
    [{ keepAlive: 0 }, "keepAlive: 0 is not between 1 and 600 seconds"],
    [{ keepAlive: 1.5 }, "keepAlive: 1.5 is no whole number of seconds"],
    [{ jump: { host: "a" } }, 'jump: is no list of jumps, in order, as in [{ host: "bastion.example.com" }]'],
    [{ jump: Array.from({ length: 9 }, (_, i) => ({ host: `j${i}` })) }, "jump: has more than 8 jumps"],
    [
      { jump: [{ host: "a" }, { host: "b" }, { host: "a" }] },
      'jump: "a" is there twice; credentials are found by it',
    ],
    [
      { jump: [{ host: "-a" }] },
      'jump.0.host: "-a" is no host name or address alone, as in "db1.example.com" or "2001:db8::7"',
    ],
    [
      { configFile: ".ssh/config" },
      'configFile: ".ssh/config" is no absolute path, as in "/etc/keys/deploy" or "~/.ssh/deploy"',
    ],
    [
      { configFile: "~/.ssh/config", hostKeyPolicy: "accept-new" },
      'hostKeyPolicy: "accept-new" needs a way that the program declares whole, without configFile',
    ],
    [{ jumpCredentials: [] }, "jumpCredentials: is no map from the host of a jump to its secrets"],
    [{ jumpCredentials: { a: {} } }, 'jumpCredentials: "a" is the host of no jump; those are none'],
    [
      { jump: [{ host: "a" }, { host: "b" }], jumpCredentials: { a: {}, c: {} } },
      'jumpCredentials: "c" is the host of no jump; those are a, b',
    ],
    [
      { jump: [{ host: "a" }], jumpCredentials: { a: { agent: true } } },
      "jumpCredentials.a: has no agent; what it can have: privateKey, passphrase, password",
    ],
  ])("%j is refused", (more, reason) => {
    expect(ofSsh(more)).toEqual([`host.ssh.${reason}`]);
  });

  test("may have credentials for a jump that configFile alone knows", () => {
    expect(ofSsh({ configFile: "/etc/ssh/config", jumpCredentials: { bastion: { password: "x" } } })).toEqual(
      [],
    );
  });

  test("gets the list of those there are when it is misspelt", () => {
    expect(ofSsh({ username: "a" })[0]).toMatch(
      /^host\.ssh: has no username; .*host, port, user, hostKey, agent/,
    );
  });

  test.each([
    "db1",
    "db1.example.com",
    "DB_1.example.com",
    "10.0.0.1",
    "2001:db8::1",
    "::1",
    "::ffff:10.0.0.1",
    "fe80::1%eth0.5",
  ])("host: %s is taken", (host) => {
    expect(ofSsh({ host })).toEqual([]);
  });

  test.each([
    "",
    "-oProxyCommand=x",
    "a b",
    "a;b",
    "$(id)",
    "`id`",
    "a\nb",
    "db1:22",
    "[::1]",
    "ssh://db1",
    "db1/x",
    "fe80::1%a b",
    "a".repeat(254),
  ])("host: %j is refused", (host) => {
    expect(ofSsh({ host })).toHaveLength(1);
  });

  test.each(["deploy", "db.admin_1", "svc@example.com", "CORP\\deploy", "9lives", "a+b"])(
    "user: %s is taken",
    (user) => {
      expect(ofSsh({ user })).toEqual([]);
    },
  );

  test.each([
    "ssh-rsa AAAAB3NzaC1yc2EAAA==",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY",
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= root@db1 of the shop\n",
    fingerprint,
    `${fingerprint}=\n`,
  ])("hostKey: %j is taken", (hostKey) => {
    expect(ofSsh({ hostKey })).toEqual([]);
  });

  test.each([
    "",
    "ssh-ed25519",
    "ssh-dss AAAAB3NzaC1kc3MAAA==",
    "ssh-ed25519 AAAA\nssh-rsa AAAA",
    "SHA256:short",
    "MD5:d0:0d",
    "AAAAC3NzaC1lZDI1NTE5AAAAIA==",
  ])("hostKey: %j is refused", (hostKey) => {
    expect(ofSsh({ hostKey })).toHaveLength(1);
  });

  test.each([
    ...["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"].map(armoured),
    `\n  ${armoured("OPENSSH PRIVATE KEY")}`,
    "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n",
  ])("privateKey: %j is taken", (privateKey) => {
    expect(ofSsh({ privateKey })).toEqual([]);
  });
});

describe("a host of openssh", () => {
  test("may say everything", () => {
    const openssh = {
      host: "orders-db",
      port: 2222,
      user: "deploy",
      configFile: "~/.ssh/deploy_config",
      connectTimeout: 600,
      retryFor: 0,
      keepAlive: 1,
    };
    const { inputs, failures } = check({}, { version: "17", host: { openssh } });
    expect(failures).toEqual([]);
    expect(inputs).toMatchObject({ host: { openssh }, address: "orders-db" });
    const { host } = parseInputs(inputs);
    const args: OpensshArgs | undefined = host.openssh;
    const again: HostArgs = host;
    expect(args).toEqual(openssh);
    expect(again).toEqual({ openssh });
  });

  test.each<[Properties, string]>([
    [
      { host: "-oProxyCommand=x" },
      '.host: "-oProxyCommand=x" is no host name or address alone, as in "db1.example.com" or "2001:db8::7"',
    ],
    [{ user: "-x" }, '.user: "-x" is no name of a user, as in "deploy"'],
    [{ port: 0 }, ".port: 0 is not between 1 and 65535"],
    [
      { configFile: "config" },
      '.configFile: "config" is no absolute path, as in "/etc/keys/deploy" or "~/.ssh/deploy"',
    ],
    [{ connectTimeout: 0 }, ".connectTimeout: 0 is not between 1 and 600 seconds"],
    [{ retryFor: -1 }, ".retryFor: -1 is not between 0 and 3600 seconds"],
    [{ keepAlive: 601 }, ".keepAlive: 601 is not between 1 and 600 seconds"],
    [
      { privateKeyFile: "~/.ssh/a", jump: [] },
      ": has privateKeyFile, jump, which ssh itself sees to there: say it in its configuration (configFile), or declare ssh",
    ],
    [
      { password: "x" },
      ": has password, which ssh itself sees to there: say it in its configuration (configFile), or declare ssh",
    ],
    [
      { hostKeyPolicy: "accept-new" },
      ": has hostKeyPolicy, which ssh itself sees to there: say it in its configuration (configFile), or declare ssh",
    ],
    [
      { options: {} },
      ": has no options; what it can have: host, port, user, configFile, connectTimeout, retryFor, keepAlive",
    ],
  ])("%j is refused", (more, reason) => {
    expect(ofOpenssh(more)).toEqual([`host.openssh${reason}`]);
  });
});

describe("a private key", () => {
  test.each<[unknown, string]>([
    ["", "is empty"],
    [" \n", "is empty"],
    [5, "is no text of a private key"],
    [`ssh-ed25519 ${canary}`, "is a public key; the private one belongs here"],
    [`ecdsa-sha2-nistp256 ${canary}`, "is a public key; the private one belongs here"],
    [`sk-ssh-ed25519@openssh.com ${canary}`, "is a public key; the private one belongs here"],
    [armoured("PUBLIC KEY"), "is a public key; the private one belongs here"],
    [armoured("RSA PUBLIC KEY"), "is a public key; the private one belongs here"],
    [`---- BEGIN SSH2 PUBLIC KEY ----\n${canary}`, "is a public key; the private one belongs here"],
    [`~/.ssh/${canary}`, "is the path of a file: use privateKeyFile, or the text of that file"],
    [`/etc/${canary}\n`, "is the path of a file: use privateKeyFile, or the text of that file"],
    [`../${canary}`, "is the path of a file: use privateKeyFile, or the text of that file"],
    [canary, 'is no private key, which begins with "-----BEGIN"'],
  ])("is not %j", (privateKey, reason) => {
    expect(ofSsh({ privateKey })).toEqual([`host.ssh.privateKey: ${reason}`]);
  });

  test("or a password in a jump gets the way to jumpCredentials", () => {
    const elsewhere =
      "which belongs in jumpCredentials by the jump's host: one secret in a list hides all of it";
    expect(ofSsh({ jump: [{ host: "a", privateKey: canary }] })).toEqual([
      `host.ssh.jump.0: has privateKey, ${elsewhere}`,
    ]);
    expect(ofSsh({ jump: [{ host: "b" }, { host: "a", password: canary, passphrase: canary }] })).toEqual([
      `host.ssh.jump.1: has password, passphrase, ${elsewhere}`,
    ]);
  });
});

describe("becoming the owner", () => {
  test.each([
    {},
    { method: "none" },
    { method: "runuser" },
    { method: "sudo", password: "x" },
    { method: "su", passwordEnv: "OWNER_PASSWORD" },
    { password: "x", passwordEnv: "X" },
  ])("may be said so: %j", (become) => {
    expect(reasonsOf({ become })).toEqual([]);
    expect(parseInputs(check({}, { version: "17", become }).inputs).become).toEqual(become);
  });

  test.each<[unknown, string[]]>([
    ["sudo", ["become: is no object of method, password, passwordEnv"]],
    [{ method: "pfexec" }, ['become.method: "pfexec" is none of "none", "runuser", "sudo", "doas", "su"']],
    [
      { method: "runuser", password: "x", passwordEnv: "X" },
      [
        "become.password: is of no use with the method runuser: only sudo and su ask for one",
        "become.passwordEnv: is of no use with the method runuser: only sudo and su ask for one",
      ],
    ],
    [
      { method: "none", password: "x" },
      ["become.password: is of no use with the method none: only sudo and su ask for one"],
    ],
    [{ password: "" }, ["become.password: is empty"]],
    [{ password: "x\n" }, ["become.password: holds a line break or NUL: trim what was read from a file"]],
    [{ password: 5 }, ["become.password: is no text"]],
    [
      { passwordEnv: "a b" },
      ['become.passwordEnv: is no name of an environment variable, as in "DB1_PASSWORD"'],
    ],
  ])("may not be %j", (become, reasons) => {
    expect(reasonsOf({ become })).toEqual(reasons);
  });
});

describe("a secret is never in a message", () => {
  const pem = armoured("OPENSSH PRIVATE KEY").replace("AAAA", `${canary}${"A".repeat(60)}`);
  test.each<[string, unknown]>([
    ["a host that is a URL", `ssh://deploy:${canary}@db1`],
    ["hosts in a list", [canary]],
    ["ssh that is a URL", { ssh: `deploy:${canary}@db1` }],
    ["a name with user and password", { ssh: { host: `deploy:${canary}@db1` } }],
    ["a user with a password", { ssh: { host: "db1", user: `deploy:${canary}` } }],
    ["a key where its path belongs", { ssh: { host: "db1", privateKeyFile: pem } }],
    ["a key as the host's", { ssh: { host: "db1", hostKey: pem } }],
    ["a key as the agent", { ssh: { host: "db1", agent: pem } }],
    ["a password where its variable belongs", { ssh: { host: "db1", passwordEnv: canary } }],
    ["a key where its variable belongs", { ssh: { host: "db1", privateKeyEnv: pem } }],
    ["a passphrase where its variable belongs", { ssh: { host: "db1", passphraseEnv: canary } }],
    ["a password with a line break", { ssh: { host: "db1", password: `${canary}\n` } }],
    ["a passphrase as an object", { ssh: { host: "db1", passphrase: { text: canary } } }],
    ["a key as a list", { ssh: { host: "db1", privateKey: [canary] } }],
    ["a jump that is a URL", { ssh: { host: "db1", jump: [`deploy:${canary}@db1`] } }],
    ["jumps that are a URL", { ssh: { host: "db1", jump: `deploy:${canary}@db1` } }],
    ["the same jump twice", { ssh: { host: "db1", jump: [1, 2].map(() => ({ host: `a:${canary}@b` })) } }],
    ["credentials that are none", { ssh: { host: "db1", jumpCredentials: canary } }],
    [
      "a jump's that are none",
      { ssh: { host: "db1", jump: [{ host: "a" }], jumpCredentials: { a: canary } } },
    ],
    ["a property nobody knows", { ssh: { host: "db1", pasword: canary } }],
    ["a key in the local host", { local: { privateKey: canary } }],
    ["openssh that is a URL", { openssh: `deploy:${canary}@db1` }],
    ["a password for openssh", { openssh: { host: "db1", password: canary } }],
    ["a key for openssh", { openssh: { host: "db1", privateKey: pem } }],
    ["both hosts", { local: {}, ssh: { host: "db1", password: canary } }],
  ])("%s", (_, host) => {
    const failures = failuresOf({ host });
    expect(failures.length).toBeGreaterThan(0);
    expect(JSON.stringify(failures)).not.toContain(canary);
  });

  test.each<[unknown]>([
    [canary],
    [{ method: "none", password: canary }],
    [{ passwordEnv: canary }],
    [{ pasword: canary }],
  ])("nor of becoming: %j", (become) => {
    const failures = failuresOf({ become });
    expect(failures.length).toBeGreaterThan(0);
    expect(JSON.stringify(failures)).not.toContain(canary);
  });
});
