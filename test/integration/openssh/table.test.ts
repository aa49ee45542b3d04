/** How far the way to a host goes by the system's ssh, and what is said, in its words, where it ends. */
import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../provider/schema/check";
import { type Agent, sshAgent } from "../../support/ssh/agent";
import { configured, keygen, knownAs } from "../../support/ssh/configured";
import { inTheDark } from "../../support/ssh/dark";
import { type TestHost, testHost } from "../../support/ssh/host";
import { makeKey } from "../../support/ssh/keys";
import { program } from "../../support/ssh/programs";
import { isIn, textOf, WaysIn } from "../../support/ssh/ways-in";

/** Only root can make logins and networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
/** Not the one that is meant. */
let other: TestHost;
let agent: Agent;
const listeners: Server[] = [];
const ports = new Map<string, number>();

/** What answers in place of sshd. */
const strangers: Readonly<Record<string, (socket: Socket) => void>> = {
  http: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
  silent: () => undefined,
};

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("openssh", "connect");
  other = await testHost();
  await ways.introduce(other, "db2");
  const { host } = ways;
  await host.login("postgres", { password: "a password" });
  await host.login("visitor", { shell: "/usr/sbin/nologin" });
  for (const [name, answer] of Object.entries(strangers)) {
    const server = createServer((socket) => answer(socket.on("error", () => undefined)));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    listeners.push(server);
    ports.set(name, port);
    ways.call(`127.0.0.1 port ${port}`, `db1 port ${name}`);
    ways.call(`127.0.0.1:${port}`, `db1:${name}`);
  }
  const keys = ["authority", "certified", "stranger", "locked", "expired"];
  for (const name of keys) await makeKey(ways.path(name), "ed25519");
  const sign = (...words: readonly string[]) => keygen("-s", ways.path("authority"), "-I", "test", ...words);
  await sign("-n", "postgres", "-V", "-1h:+1h", ways.path("certified.pub"));
  await sign("-n", "postgres", "-V", "-2h:-1h", ways.path("expired.pub"));
  await sign("-h", "-n", host.address, ways.path("host_ed25519.pub"));
  await keygen("-p", "-N", "a passphrase", "-P", "", "-f", ways.path("locked"));
  await host.configure([
    `TrustedUserCAKeys ${ways.path("authority.pub")}`,
    `HostCertificate ${ways.path("host_ed25519-cert.pub")}`,
  ]);
  agent = await sshAgent(ways.path("agent"));
  await agent.add(ways.path("key_postgres"));
  await ways.write("none", "");
  await ways.write("stale", `# Of the old machine.\n${knownAs(host, other.hostKey())}`);
  await ways.write("revoked", `${knownAs(host, host.hostKey())}@revoked * ${host.hostKey()}\n`);
  await ways.write("trusting", `@cert-authority ${knownAs(host, await textOf(ways.path("authority.pub")))}`);
});
afterAll(async () => {
  for (const server of listeners) server.close();
  await agent?.end();
  await other?.dispose();
  await ways?.close();
});

type Letting = [what: string, lines: () => readonly string[], more?: Properties];

const lettingIn: readonly Letting[] = [
  ["key", () => []],
  ["user of the program, before that of the configuration", () => ["User stranger"], { user: "postgres" }],
  ["certificate of the user", () => ["IdentityFile /keys/certified"]],
  [
    "certificate of the user by its own name",
    () => ["IdentityFile /keys/certified", "CertificateFile /keys/certified-cert.pub"],
  ],
  ["certificate of the host", () => ["UserKnownHostsFile /keys/trusting"]],
  ["agent", () => ["IdentityFile none", "IdentityAgent /keys/agent"]],
  [
    "name that the configuration alone knows",
    () => ["Host orders-db", `HostName ${ways.host.address}`],
    { host: "orders-db" },
  ],
  [
    "configuration that wants more than is good",
    () => [
      "ForwardAgent yes",
      "RemoteForward 9 localhost:9",
      "RequestTTY force",
      "LocalCommand false",
      "PermitLocalCommand yes",
      "RemoteCommand false",
      "LogLevel QUIET",
      "ControlMaster auto",
      "ControlPath /keys/own",
      "ControlPersist yes",
      "ServerAliveInterval 0",
    ],
  ],
];

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const isUp = `See that the host is up, and that nothing between it and where Pulumi runs is in the way. ${unchanged}`;
const isSshd = `See that it is sshd that listens there, and that it is not too busy to let anybody in. ${unchanged}`;
const compare =
  "Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known: `ssh` by hand asks for that. Nothing was sent.";
const suspicion =
  "Someone may be in the way, or the host was reinstalled; then correct that line. Nothing was sent.";
const nobodyAnswers =
  "Nobody answers here: ssh needs a key, certificate or ticket that comes without a question (`ssh -o BatchMode=yes HOST true` shows what it finds), and it is given no password. It is not tried again.";
const correct =
  "Correct the configuration of ssh where Pulumi runs; `ssh -G HOST` shows how it is understood.";
const denied = "postgres@db1: Permission denied (publickey,password)";

type Ending = [what: string, lines: readonly string[], outcome: string, more?: () => Properties];

const unknownKey = `cannot reach db1 (hostKey: No ED25519 host key is known for db1 and you have requested strict checking)\n${compare}`;

const ending: readonly Ending[] = [
  ["host key that is not known", ["UserKnownHostsFile /keys/none"], unknownKey],
  [
    "host key that is not known, whatever the configuration says of that",
    ["UserKnownHostsFile /keys/none", "StrictHostKeyChecking no"],
    unknownKey,
  ],
  [
    "host key that changed",
    ["UserKnownHostsFile /keys/stale"],
    `cannot reach db1 (hostKey: SHA256:db1; Offending ED25519 key in /keys/stale:2; Host key for db1 has changed and you have requested strict checking)\n${suspicion}`,
  ],
  [
    "host key that is revoked",
    ["UserKnownHostsFile /keys/revoked"],
    `cannot reach db1 (hostKey: The ED25519-CERT host key for db1 is marked as revoked; ED25519-CERT host key for db1 was revoked and you have requested strict checking)\n${suspicion}`,
  ],
  [
    "key that nobody authorised",
    ["IdentityFile /keys/stranger"],
    `cannot reach db1 (auth: ${denied})\n${nobodyAnswers}`,
  ],
  [
    "key that has a passphrase",
    ["IdentityFile /keys/locked"],
    `cannot reach db1 (auth: ${denied})\n${nobodyAnswers}`,
  ],
  [
    "key that is not there",
    ["IdentityFile /keys/nowhere"],
    `cannot reach db1 (auth: no such identity: /keys/nowhere: No such file or directory; ${denied})\n${nobodyAnswers}`,
  ],
  [
    "certificate that has expired",
    ["IdentityFile /keys/expired"],
    `cannot reach db1 (auth: ${denied})\n${nobodyAnswers}`,
  ],
  ["password alone", ["PubkeyAuthentication no"], `cannot reach db1 (auth: ${denied})\n${nobodyAnswers}`],
  [
    "login without a shell",
    ["IdentityFile /keys/key_visitor", "User visitor"],
    "db1: the login shell of visitor runs no commands: This account is currently not available.\nGive visitor a shell (chsh), see that what it runs at a login (.bashrc, ForceCommand) lets commands through, or log in as another user.\nphase: become",
  ],
  [
    "name that does not exist",
    [],
    `cannot reach db1..example (resolve: ssh: Could not resolve hostname db1..example: Name or service not known)\nSee that the name is right, and known where Pulumi runs. ${unchanged}`,
    () => ({ host: "db1..example" }),
  ],
  [
    "port that nobody listens on",
    ["Port 1"],
    `cannot reach db1 (connect: ssh: connect to host db1 port 1: Connection refused)\nSee that sshd runs there, and listens on that port. ${unchanged}`,
  ],
  [
    "option that ssh does not know",
    ["Colour red"],
    `cannot reach db1 (connect: /config: line 1: Bad configuration option: colour)\n${correct}`,
  ],
  [
    "value that ssh does not take",
    ["Port many"],
    `cannot reach db1 (connect: /config line 1: Bad port 'many')\n${correct}`,
  ],
  [
    "cipher that the host does not have",
    ["Ciphers 3des-cbc"],
    `cannot reach db1 (connect: Unable to negotiate with db1 port 22: no matching cipher found. Their offer: chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com)\nSee what its sshd_config says of Ciphers, KexAlgorithms, MACs and HostKeyAlgorithms. ${unchanged}`,
  ],
  [
    "web server",
    [],
    `cannot reach db1:http (connect: kex_exchange_identification: Connection closed by remote host)\n${isSshd}`,
    () => ({ host: "127.0.0.1", port: ports.get("http") }),
  ],
  [
    "listener that says nothing",
    [],
    `cannot reach db1:silent (connect: Connection timed out during banner exchange)\n${isSshd}`,
    () => ({ host: "127.0.0.1", port: ports.get("silent"), connectTimeout: 1 }),
  ],
  [
    "configuration that is not there",
    [],
    "db1: the configuration /keys/nowhere, named by configFile, does not exist\nIt is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
    () => ({ configFile: ways.path("nowhere") }),
  ],
];

describe.skipIf(!isRoot)("the way by ssh", () => {
  it.each<Letting>(lettingIn)("leads in with a %s", async (what, lines, more) => {
    expect(await ways.outcome(what, await configured(ways, lines(), more))).toBe(isIn);
  });

  it.each<Ending>(ending)("with a %s ends as it is said", async (what, lines, outcome, more) => {
    expect(await ways.outcome(what, await configured(ways, lines, more?.()))).toBe(outcome);
  });

  it("into the dark is given up in time", async () => {
    const given = await configured(ways, [], { connectTimeout: 1 });
    const said = await inTheDark(ways.host, () => ways.outcome("host that does not answer", given));
    expect(said).toBe(
      `cannot reach db1 (connect: ssh: connect to host db1 port 22: Connection timed out)\n${isUp}`,
    );
  });

  it("is none where there is no ssh, which is said", async () => {
    const folder = ways.path("bin");
    await mkdir(folder);
    for (const name of ["sh", "rm"] as const) await symlink(program(name), `${folder}/${name}`);
    const given = { ...(await configured(ways, [])), environment: { PATH: folder } };
    expect(await ways.outcome("no ssh", given)).toMatch(
      /^cannot reach db1 \(connect: pginstance: .*ssh: .*not found\)\nInstall OpenSSH's client where Pulumi runs, or declare `ssh` in place of `openssh`: that needs none\.$/,
    );
  });
});
