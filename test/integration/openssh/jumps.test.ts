/** A host behind another by the system's ssh (ProxyJump): what holds for the host holds for the jump, and who ends it is named. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configured, overJumps } from "../../support/ssh/configured";
import { type TestHost, testHost } from "../../support/ssh/host";
import { isIn, textOf, WaysIn } from "../../support/ssh/ways-in";

/** Only root can make networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let jump: TestHost;
let inner: TestHost;
/** Reachable from the inner jump alone, and that from the first. */
let behind: TestHost;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("openssh by jumps", "connect");
  jump = await testHost();
  inner = await testHost({ behind: jump });
  behind = await testHost({ behind: inner });
  await ways.introduce(jump, "jump");
  await ways.introduce(inner, "inner");
  await ways.introduce(behind, "db2");
  await jump.login("passing", { shell: "/usr/sbin/nologin" });
  await inner.login("passing", { shell: "/usr/sbin/nologin" });
  await behind.login("postgres");
  const [first, second, last] = await Promise.all(
    [jump, inner, behind].map(({ knownHosts }) => textOf(knownHosts)),
  );
  await ways.write("all", `${first}${second}${last}`);
  await ways.write("none", "");
});
afterAll(async () => {
  await behind?.dispose();
  await inner?.dispose();
  await jump?.dispose();
  await ways?.close();
});

const way = (lines: readonly string[]) => overJumps({ jump, inner, db2: behind }, lines);

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const listens = `See that sshd runs there, and listens on that port. ${unchanged}`;
const compare =
  "Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known: `ssh` by hand asks for that. Nothing was sent.";
const strict = "and you have requested strict checking";

const rows: readonly (readonly [what: string, lines: readonly string[], outcome: string])[] = [
  ["two jumps that have no shell", [], isIn],
  [
    "jump that does not listen",
    ["Host jump", "Port 1"],
    `cannot reach db2 (connect: ssh: connect to host jump port 1: Connection refused)\n${listens}`,
  ],
  [
    "jump whose key is not known, whatever the configuration says of that",
    ["Host jump", "UserKnownHostsFile /keys/none", "StrictHostKeyChecking no"],
    `cannot reach db2 (hostKey: No ED25519 host key is known for jump ${strict})\n${compare}`,
  ],
  [
    "host whose key is not known, whatever the configuration says of that",
    ["Host db2", "UserKnownHostsFile /keys/none", "StrictHostKeyChecking no"],
    `cannot reach db2 (hostKey: No ED25519 host key is known for db2 ${strict})\n${compare}`,
  ],
  [
    "jump that refuses the login",
    ["Host inner", "User stranger"],
    "cannot reach db2 (auth: stranger@inner: Permission denied (publickey,password))\nNobody answers here: ssh needs a key, certificate or ticket that comes without a question (`ssh -o BatchMode=yes HOST true` shows what it finds), and it is given no password. It is not tried again.",
  ],
  [
    "host that does not listen",
    ["Host db2", "Port 1"],
    `cannot reach db2 (connect: channel 0: open failed: connect failed: Connection refused)\nSee that the host is up and listens on that port, and that the jump knows a way there. ${unchanged}`,
  ],
];

describe.skipIf(!isRoot)("the way by ssh and jumps", () => {
  it.each(rows)("with a %s ends as it is said", async (what, lines, outcome) => {
    expect(await ways.outcome(what, await configured(ways, way(lines), { host: "db2" }))).toBe(outcome);
  });

  it("is forbidden by the sshd of a jump, which is said at once", async () => {
    await jump.configure(["AllowTcpForwarding no"]);
    const given = await configured(ways, way([]), { host: "db2", retryFor: 20 });
    const said = await ways.outcome("jump that forwards nothing", given);
    await jump.configure([]);
    expect(said).toBe(
      `cannot reach db2 (connect: channel 0: open failed: administratively prohibited: open failed)\nSee AllowTcpForwarding and PermitOpen in the sshd_config of the jump, and what its authorized_keys says of the key. ${unchanged}`,
    );
  });
});
