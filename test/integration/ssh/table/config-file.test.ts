/** The way of the transport ssh by a configuration of ssh: what it fills in, and what is said where it asks for too much. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../../provider/schema/check";
import { type Agent, sshAgent } from "../../../support/ssh/agent";
import { configuredHere, knownAs, overJumps } from "../../../support/ssh/configured";
import { type TestHost, testHost } from "../../../support/ssh/host";
import { makeKey } from "../../../support/ssh/keys";
import { isIn, textOf, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins and networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let jump: TestHost;
let inner: TestHost;
/** Reachable from the inner jump alone, and that from the first. */
let behind: TestHost;
let agent: Agent;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("configFile", "connect");
  const { host } = ways;
  jump = await testHost();
  inner = await testHost({ behind: jump });
  behind = await testHost({ behind: inner });
  await ways.introduce(jump, "jump");
  await ways.introduce(inner, "inner");
  await ways.introduce(behind, "db2");
  await host.login("postgres");
  await jump.login("passing", { shell: "/usr/sbin/nologin" });
  await inner.login("passing", { shell: "/usr/sbin/nologin" });
  await behind.login("postgres");
  await makeKey(ways.path("stranger"), "ed25519");
  agent = await sshAgent(ways.path("agent"));
  await agent.add(ways.path("key_postgres"));
  const known = await Promise.all([host, jump, inner, behind].map(({ knownHosts }) => textOf(knownHosts)));
  await ways.write("all", known.join(""));
  await ways.write("none", "");
  await ways.write(`known_${host.address}_orders-db`, knownAs(host, host.hostKey()));
  await ways.write("aliased", `orders ${host.hostKey()}\n`);
});
afterAll(async () => {
  await agent?.end();
  await behind?.dispose();
  await inner?.dispose();
  await jump?.dispose();
  await ways?.close();
});

const behindJumps = (...lines: readonly string[]) => overJumps({ jump, inner, db2: behind }, lines);

const named = (...lines: readonly string[]) => ["Host orders-db", `HostName ${ways.host.address}`, ...lines];
const ordersDb = { host: "orders-db" };

type Letting = [what: string, lines: () => readonly string[], more?: () => Properties];

const lettingIn: readonly Letting[] = [
  ["user, key and known hosts of the file", () => []],
  ["name of the file alone", () => named(), () => ordersDb],
  [
    "second key of several",
    () => ["IdentityFile /keys/stranger", "Match all", "IdentityFile /keys/key_postgres"],
  ],
  ["agent of the file", () => ["IdentityFile none", "IdentityAgent /keys/agent"]],
  ["known hosts by tokens", () => named("UserKnownHostsFile /keys/known_%h_%n"), () => ordersDb],
  ["known hosts of which some are missing", () => ["UserKnownHostsFile /keys/nowhere /keys/all"]],
  ["known hosts by another name", () => ["HostKeyAlias orders", "UserKnownHostsFile /keys/aliased"]],
  [
    "key of the program before that of the file",
    () => ["IdentityFile /keys/stranger"],
    () => ({ privateKeyFile: ways.path("key_postgres") }),
  ],
  [
    "user and port of the program before those of the file",
    () => ["User stranger", "Port 1"],
    () => ({ user: "postgres", port: 22 }),
  ],
  [
    "host key of the program",
    () => ["UserKnownHostsFile /keys/none"],
    () => ({ hostKey: ways.host.hostKey() }),
  ],
  ["two jumps of the file, each with its own login", () => behindJumps(), () => ({ host: "db2" })],
  [
    "jump that is reached by another",
    () => behindJumps("Host db2", "ProxyJump inner", "Host inner", "ProxyJump jump"),
    () => ({ host: "db2" }),
  ],
  [
    "jumps of the program that the file knows",
    () => behindJumps(),
    () => ({ host: "db2", jump: [{ host: "jump" }, { host: "inner" }] }),
  ],
];

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const instead =
  "Correct the file of `configFile`, declare in the program what it is to say, or declare `openssh` in place of `ssh`: that runs the ssh of where Pulumi runs, which can do all of it.";
const unknown = `db1:22: host key not known. The host offered SHA256:db1 (ssh-ed25519), and no key of the host is in /keys/none, /dev/null.\nCompare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.\necho 'db1 KEY-OF-db1' >> /keys/none\nphase: hostKey`;

const ending: readonly (readonly [line: string, outcome: string])[] = [
  [
    "Port 1",
    `cannot reach db1 (connect: connection refused: nothing listens there)\nSee that sshd runs there, and listens on that port. ${unchanged}`,
  ],
  ["StrictHostKeyChecking no\nUserKnownHostsFile /keys/none", unknown],
  ["StrictHostKeyChecking accept-new\nUserKnownHostsFile /keys/none", unknown],
  [
    "IdentityFile /keys/nowhere\nIdentitiesOnly yes",
    "db1: nothing to log in with as postgres: the configuration wants no agent (IdentityAgent, IdentitiesOnly); /keys/nowhere does not exist\nDeclare `privateKeyFile`, `agent: true` or `passwordEnv`, or set PGINSTANCE_SSH_PRIVATE_KEY_FILE.\nphase: auth",
  ],
  ["ProxyCommand nc %h %p", `db1: /config:1: ProxyCommand is not for the transport ssh\n${instead}`],
  [
    "# one\n\n  CertificateFile /keys/a-cert.pub",
    `db1: /config:3: CertificateFile is not for the transport ssh\n${instead}`,
  ],
  [
    "pkcs11Provider /usr/lib/p11.so",
    `db1: /config:1: pkcs11Provider is not for the transport ssh\n${instead}`,
  ],
  [
    "KnownHostsCommand /bin/true",
    `db1: /config:1: KnownHostsCommand is not for the transport ssh\n${instead}`,
  ],
  [
    "RevokedHostKeys /keys/revoked",
    `db1: /config:1: RevokedHostKeys is not for the transport ssh\n${instead}`,
  ],
  [
    "CanonicalizeHostname yes",
    `db1: /config:1: CanonicalizeHostname is not for the transport ssh\n${instead}`,
  ],
  ["User a\nMatch exec true", `db1: /config:2: Match exec is not read here\n${instead}`],
  ["Match tagged a", `db1: /config:1: Match tagged is not read here\n${instead}`],
  ["Port many", `db1: /config:1: "many" is no port\n${instead}`],
  ["ConnectTimeout soon", `db1: /config:1: "soon" is no time\n${instead}`],
  ["IdentityFile /keys/%C", `db1: /config:1: %C is not read here\n${instead}`],
  [
    `IdentityFile $\{NOWHERE_KEYS}/a`,
    `db1: /config:1: the environment variable NOWHERE_KEYS is not set\n${instead}`,
  ],
  ["ProxyJump a b", `db1: /config:1: "a b" is no jump, as in "jump@bastion:22"\n${instead}`],
  ["ProxyJump db1\nHost db1\nProxyJump db1", `db1: /config: more than 8 jumps\n${instead}`],
  ['User "a', `db1: /config cannot be read: Unexpected line break at a\n${instead}`],
  [
    "Include /keys/config_of_a_loop",
    `db1: /keys/config_of_a_loop:1: more than 16 files include each other\n${instead}`,
  ],
];

describe.skipIf(!isRoot)("the way by a configuration", () => {
  it.each<Letting>(lettingIn)("leads in with a %s", async (what, lines, more) => {
    expect(await ways.outcome(what, await configuredHere(ways, lines(), more?.()))).toBe(isIn);
  });

  it.each(ending)("of %j ends as it is said", async (line, outcome) => {
    await ways.write("config_of_a_loop", `Include ${ways.path("config_of_a_loop")}\n`);
    expect(await ways.outcome(line, await configuredHere(ways, line.split("\n")))).toBe(outcome);
  });

  it("is none where the file is missing", async () => {
    const given = await configuredHere(ways, [], { configFile: ways.path("nowhere") });
    expect(await ways.outcome("missing file", given)).toBe(`db1: /keys/nowhere does not exist\n${instead}`);
  });
});
