/** A host behind two others, each with a key, a login and files of its own: which of the three is named where it ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SshHost } from "../../../../provider/host/ssh/ssh-host";
import type { Properties } from "../../../../provider/schema/check";
import { type TestHost, testHost } from "../../../support/ssh/host";
import { isIn, type Row, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make networks. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let outer: TestHost;
/** Reachable from the outer one alone. */
let middle: TestHost;
/** Reachable from the middle one alone. */
let last: TestHost;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("two jumps", "hostKey");
  outer = await testHost();
  middle = await testHost({ behind: outer });
  last = await testHost({ behind: middle });
  await ways.introduce(outer, "outer");
  await ways.introduce(middle, "middle");
  await ways.introduce(last, "last");
  await outer.login("passing", { shell: "/usr/sbin/nologin" });
  await middle.login("further", { shell: "/usr/sbin/nologin" });
  await last.login("postgres");
  await ways.write("stale", `${middle.address} ${outer.hostKey()}\n`);
});
afterAll(async () => {
  await last?.dispose();
  await middle?.dispose();
  await outer?.dispose();
  await ways?.close();
});

const known = () => [outer.knownHosts, middle.knownHosts, last.knownHosts];

const way = (second: Properties = {}, target: Properties = {}) => ({
  host: last.address,
  user: "postgres",
  privateKeyFile: `${last.folder}/key_postgres`,
  knownHosts: known(),
  jump: [
    { host: outer.address, user: "passing", privateKeyFile: `${outer.folder}/key_passing` },
    { host: middle.address, user: "further", privateKeyFile: `${middle.folder}/key_further`, ...second },
  ],
  ...target,
});

/** With more said of the second jump, or of the host. */
const through =
  (second: () => Properties = () => ({}), target: () => Properties = () => ({})) =>
  () => ({ ssh: way(second(), target()) });

const suspicion = "Someone may be in the way, or the host was reinstalled; then correct";

const rows: readonly Row[] = [
  ["files that know all three", through(), isIn],
  [
    "one key declared for each, and no file",
    () => {
      const { jump, ...rest } = way(
        { hostKey: middle.hostKey() },
        { hostKey: last.hostKey(), knownHosts: [] },
      );
      return { ssh: { ...rest, jump: [{ ...jump[0], hostKey: outer.hostKey() }, jump[1]] } };
    },
    isIn,
  ],
  [
    "second jump whose key changed",
    through(undefined, () => ({ knownHosts: [outer.knownHosts, ways.path("stale"), last.knownHosts] })),
    `middle:22: host key changed. /keys/stale:1 has SHA256:outer (ssh-ed25519), the host offered SHA256:middle (ssh-ed25519).\n${suspicion} that line. Nothing was sent.`,
  ],
  [
    "second jump that has the key of the host",
    through(() => ({ hostKey: last.hostKey() })),
    `middle:22: host key is not the declared one. hostKey is SHA256:last (ssh-ed25519), the host offered SHA256:middle (ssh-ed25519).\n${suspicion} hostKey. Nothing was sent.`,
  ],
  [
    "second jump whose key is not known",
    through(undefined, () => ({ knownHosts: [outer.knownHosts, last.knownHosts] })),
    "middle:22: host key not known. The host offered SHA256:middle (ssh-ed25519), and no key of the host is in /outer/known_hosts, /last/known_hosts.\nCompare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.\necho 'middle KEY-OF-middle' >> /outer/known_hosts",
  ],
  [
    "second jump that refuses the login",
    through(() => ({ user: "stranger" })),
    "middle refuses the login stranger (auth: tried key of /middle/key_further; it takes publickey, password)\nSee that stranger is a user there who may log in, and that its authorized_keys has the public half of the key. It is not tried again.",
  ],
  [
    "second jump that does not listen",
    through(() => ({ port: 1 })),
    "cannot reach middle:1 (connect: outer cannot connect there: Connection refused)\nSee that middle:1 is up and listens on that port, and that outer knows a way there. The state is unchanged: unreachable does not mean gone.",
  ],
  [
    "host that does not listen",
    through(undefined, () => ({ port: 1 })),
    "cannot reach last:1 (connect: middle cannot connect there: Connection refused)\nSee that last:1 is up and listens on that port, and that middle knows a way there. The state is unchanged: unreachable does not mean gone.",
  ],
];

describe.skipIf(!isRoot)("the way by two jumps", () => {
  it.each(rows)("with a %s ends as it is said", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });

  it("is one connection to each, however many resources take it at once", async () => {
    const hosts = [outer, middle, last];
    const marks = await Promise.all(hosts.map((host) => host.mark()));
    const answers = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const { stdout } = await new SshHost(way()).run({ name: "say", script: `echo ${number}` });
        return stdout.toString();
      }),
    );
    expect(answers).toEqual(["1\n", "2\n", "3\n"]);
    const made = await Promise.all(hosts.map((host, index) => host.handshakes(marks[index])));
    expect(made).toEqual([1, 1, 1]);
  });
});
