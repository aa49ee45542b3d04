/** How far the way to a host goes: names, ports, strangers, algorithms and host keys, and what is said where it ends. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../../provider/schema/check";
import { inTheDark } from "../../../support/ssh/dark";
import { type TestHost, testHost } from "../../../support/ssh/host";
import { isIn, type Row, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins and networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
/** Not the one that is meant. */
let other: TestHost;
let login: Properties;
const listeners: Server[] = [];
const ports = new Map<string, number>();

/** What answers in place of sshd. */
const strangers: Readonly<Record<string, (socket: Socket) => void>> = {
  http: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
  smtp: (socket) => socket.write("220 db1 ESMTP\r\n"),
  old: (socket) => socket.write("SSH-1.5-old\r\n"),
  silent: () => undefined,
  closing: (socket) => socket.destroy(),
  resetting: (socket) => socket.resetAndDestroy(),
};

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("network", "hostKey");
  const { host } = ways;
  other = await testHost();
  await ways.introduce(other, "db2");
  login = await ways.login("postgres");
  for (const [name, answer] of Object.entries(strangers)) {
    const server = createServer((socket) => answer(socket.on("error", () => undefined)));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    listeners.push(server);
    ports.set(name, port);
    ways.call(`127.0.0.1:${port}`, `db1:${name}`);
  }
  const line = ({ hostKey }: TestHost) => `${host.address} ${hostKey()}\n`;
  await ways.write("none", "");
  await ways.write("stale", `# Of the old machine.\n${line(other)}`);
  await ways.write("revoked", `${line(host)}@revoked * ${host.hostKey()}\n`);
});
afterAll(async () => {
  for (const server of listeners) server.close();
  await other?.dispose();
  await ways?.close();
});

const by = (more: () => Properties) => () => ({ ssh: { ...login, ...more() } });
const to = (name: string) => by(() => ({ host: "127.0.0.1", port: ports.get(name) ?? 0, connectTimeout: 1 }));
const knowing = (name: string, more: () => Properties = () => ({})) =>
  by(() => ({ knownHosts: [ways.path(name)], ...more() }));

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const isUp = `See that the host is up, and that nothing between it and where Pulumi runs is in the way. ${unchanged}`;
const isSshd = `See that it is sshd that listens there, and that it is not too busy to let anybody in. ${unchanged}`;

const rows: readonly Row[] = [
  ["host itself", by(() => ({})), isIn],
  [
    // Such a one is asked for nowhere.
    "name that does not exist",
    by(() => ({ host: "db1..example" })),
    `cannot reach db1..example (resolve: no such host name)\nSee that the name is right, and known where Pulumi runs. ${unchanged}`,
  ],
  [
    "port that nobody listens on",
    by(() => ({ port: 1 })),
    `cannot reach db1:1 (connect: connection refused: nothing listens there)\nSee that sshd runs there, and listens on that port. ${unchanged}`,
  ],
  [
    "web server",
    to("http"),
    `cannot reach db1:http (connect: no SSH answer, but "HTTP/1.1 400 Bad Request")\n${isSshd}`,
  ],
  [
    "mail server",
    to("smtp"),
    `cannot reach db1:smtp (connect: no SSH answer, but "220 db1 ESMTP")\n${isSshd}`,
  ],
  ["sshd of old", to("old"), `cannot reach db1:old (connect: no SSH answer, but "SSH-1.5-old")\n${isSshd}`],
  [
    "listener that says nothing",
    to("silent"),
    `cannot reach db1:silent (connect: no SSH answer within 1 s)\n${isSshd}`,
  ],
  [
    "listener that closes at once",
    to("closing"),
    `cannot reach db1:closing (connect: closed without an SSH answer)\n${isSshd}`,
  ],
  [
    "listener that resets",
    to("resetting"),
    `cannot reach db1:resetting (connect: connection reset)\n${isSshd}`,
  ],
];

const offered = "the host offered SHA256:db1 (ssh-ed25519)";
const suspicion = "Someone may be in the way, or the host was reinstalled; then correct";

const keys: readonly Row[] = [
  [
    "host key that is not known",
    knowing("none"),
    "db1:22: host key not known. The host offered SHA256:db1 (ssh-ed25519), and no key of the host is in /keys/none.\nCompare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.\necho 'db1 KEY-OF-db1' >> /keys/none",
  ],
  [
    "file of known hosts that is missing",
    knowing("nowhere"),
    "db1:22: cannot read /keys/nowhere: ENOENT: no such file or directory, open '/keys/nowhere'.\nIt says which key is the host's, or that one is revoked: make it readable, or correct knownHosts. Nothing was sent.",
  ],
  [
    "host key that changed",
    knowing("stale"),
    `db1:22: host key changed. /keys/stale:2 has SHA256:db2 (ssh-ed25519), ${offered}.\n${suspicion} that line. Nothing was sent.`,
  ],
  [
    "host key that is revoked",
    knowing("revoked"),
    "db1:22: host key revoked. The host offered SHA256:db1 (ssh-ed25519), revoked by /keys/revoked:2.\nWhoever has that key can pose as the host: give the host a new one, then make the new one known. Nothing was sent.",
  ],
  ["`hostKey`, in no file", knowing("none", () => ({ hostKey: ways.host.hostKey() })), isIn],
  [
    "`hostKey` that is another's",
    knowing("none", () => ({ hostKey: other.hostKey() })),
    `db1:22: host key is not the declared one. hostKey is SHA256:db2 (ssh-ed25519), ${offered}.\n${suspicion} hostKey. Nothing was sent.`,
  ],
  [
    "`hostKey` that is the fingerprint of another's",
    knowing("none", () => ({ hostKey: `SHA256:${"A".repeat(43)}` })),
    `db1:22: host key is not the declared one. hostKey is SHA256:${"A".repeat(43)}, ${offered}.\n${suspicion} hostKey. A host has several keys: declare the whole key, and it is asked for that one. Nothing was sent.`,
  ],
];

const noCommon = (what: string) =>
  `cannot reach db1 (connect: no matching ${what})\nSee what its sshd_config says of Ciphers, KexAlgorithms, MACs and HostKeyAlgorithms. ${unchanged}`;

const algorithms: readonly (readonly [line: string, outcome: string])[] = [
  ["KexAlgorithms diffie-hellman-group1-sha1", noCommon("key exchange algorithm")],
  ["Ciphers 3des-cbc", noCommon("C->S cipher")],
  ["HostKeyAlgorithms ssh-rsa", noCommon("host key format")],
];

describe.skipIf(!isRoot)("the way to a host", () => {
  it.each([...rows, ...keys])("with a %s ends as it is said", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });

  it.each(algorithms)("to an sshd with %s is an error of no second attempt", async (line, outcome) => {
    await ways.host.configure([line]);
    const said = await ways.outcome(line, { ssh: { ...login, retryFor: 20 } });
    await ways.host.configure([]);
    expect(said).toBe(outcome);
  });

  it("into the dark is given up in time", async () => {
    const ssh = { ...login, connectTimeout: 1 };
    const said = await inTheDark(ways.host, () => ways.outcome("host that does not answer", { ssh }));
    expect(said).toBe(`cannot reach db1 (connect: timed out after 1 s)\n${isUp}`);
  });

  it("without a route is an error at once", async () => {
    const behind = await testHost({ behind: other });
    await ways.introduce(behind, "db3");
    const said = await ways.outcome("host without a route", { ssh: { ...login, host: behind.address } });
    await behind.dispose();
    expect(said).toBe(`cannot reach db3 (connect: no route to the host)\n${isUp}`);
  });

  it("to an sshd that is too busy is said to be that", async () => {
    const { host } = ways;
    await host.configure(["MaxStartups 1"]);
    const waiting = connect(host.port, host.address).on("error", () => undefined);
    await once(waiting, "data");
    const said = await ways.outcome("sshd that lets one in at a time", { ssh: login });
    waiting.destroy();
    await host.configure([]);
    expect(said).toBe(`cannot reach db1 (connect: no SSH answer, but "Exceeded MaxStartups")\n${isSshd}`);
  });
});
