/** A host behind another: how far the way by a jump goes, and which of the two is named where it ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../../provider/schema/check";
import { inTheDark } from "../../../support/ssh/dark";
import { type TestHost, testHost } from "../../../support/ssh/host";
import { isIn, type Row, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let jump: TestHost;
/** Reachable from the jump alone. */
let behind: TestHost;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("jump", "hostKey");
  jump = await testHost();
  behind = await testHost({ behind: jump });
  await ways.introduce(jump, "jump");
  await ways.introduce(behind, "db2");
  await jump.login("passing", { shell: "/usr/sbin/nologin" });
  await behind.login("postgres");
  await ways.write("stale", `# Of the old machine.\n${behind.address} ${jump.hostKey()}\n`);
});
afterAll(async () => {
  await behind?.dispose();
  await jump?.dispose();
  await ways?.close();
});

/** By the jump to the host behind it, with more said of either. */
const through =
  (hop: Properties = {}, target: () => Properties = () => ({})) =>
  () => ({
    ssh: {
      host: behind.address,
      user: "postgres",
      privateKeyFile: `${behind.folder}/key_postgres`,
      knownHosts: [jump.knownHosts, behind.knownHosts],
      jump: [{ host: jump.address, user: "passing", privateKeyFile: `${jump.folder}/key_passing`, ...hop }],
      ...target(),
    },
  });

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const hasWay = (host: string) =>
  `See that ${host} is up and listens on that port, and that jump knows a way there. ${unchanged}`;
const mayForward = `See AllowTcpForwarding and PermitOpen in the sshd_config of jump, and what its authorized_keys says of the key. ${unchanged}`;
const lookAtKey = (user: string) =>
  `See that ${user} is a user there who may log in, and that its authorized_keys has the public half of the key. It is not tried again.`;

const rows: readonly Row[] = [
  ["login without a shell on the jump", through(), isIn],
  [
    "jump that does not listen",
    through({ port: 1 }),
    `cannot reach jump:1 (connect: connection refused: nothing listens there)\nSee that sshd runs there, and listens on that port. ${unchanged}`,
  ],
  [
    "jump whose name does not exist",
    through({ host: "jump..example" }),
    `cannot reach jump..example (resolve: no such host name)\nSee that the name is right, and known where Pulumi runs. ${unchanged}`,
  ],
  [
    "jump that refuses the login",
    through({ user: "stranger" }),
    `jump refuses the login stranger (auth: tried key of /jump/key_passing; it takes publickey, password)\n${lookAtKey("stranger")}`,
  ],
  [
    "jump whose key is not known",
    through({}, () => ({ knownHosts: [behind.knownHosts] })),
    "jump:22: host key not known. The host offered SHA256:jump (ssh-ed25519), and no key of the host is in /db2/known_hosts.\nCompare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.\necho 'jump KEY-OF-jump' >> /db2/known_hosts",
  ],
  [
    "host that does not listen",
    through({}, () => ({ port: 1 })),
    `cannot reach db2:1 (connect: jump cannot connect there: Connection refused)\n${hasWay("db2:1")}`,
  ],
  [
    "host whose name the jump does not know",
    through({}, () => ({ host: "db2..example" })),
    `cannot reach db2..example (connect: jump cannot connect there: Name or service not known)\n${hasWay("db2..example")}`,
  ],
  [
    "host that refuses the login",
    through({}, () => ({ user: "stranger" })),
    `db2 refuses the login stranger (auth: tried key of /db2/key_postgres; it takes publickey, password)\n${lookAtKey("stranger")}`,
  ],
  [
    "host whose key changed",
    through({}, () => ({ knownHosts: [jump.knownHosts, ways.path("stale")] })),
    "db2:22: host key changed. /keys/stale:2 has SHA256:jump (ssh-ed25519), the host offered SHA256:db2 (ssh-ed25519).\nSomeone may be in the way, or the host was reinstalled; then correct that line. Nothing was sent.",
  ],
];

/** What the sshd of the jump is told. */
const forbidding = ["AllowTcpForwarding no", "PermitOpen 127.0.0.1:22"];

describe.skipIf(!isRoot)("the way by a jump", () => {
  it.each(rows)("with a %s ends as it is said", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });

  it.each(forbidding)("is forbidden by %s, which is said at once", async (line) => {
    await jump.configure([line]);
    const said = await ways.outcome(`jump with ${line}`, through({}, () => ({ retryFor: 20 }))());
    await jump.configure([]);
    expect(said).toBe(`cannot reach db2 (connect: jump may not connect there: open failed)\n${mayForward}`);
  });

  it("to a host that does not answer is given up in time", async () => {
    const given = through({}, () => ({ connectTimeout: 1 }))();
    const said = await inTheDark(behind, () => ways.outcome("host that does not answer", given));
    expect(said).toBe(
      `cannot reach db2 (connect: jump cannot connect there: timed out after 1 s)\n${hasWay("db2")}`,
    );
  });
});
