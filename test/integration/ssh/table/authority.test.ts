/** An sshd that shows a certificate, and files that know its authority: what only that vouches for is refused. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execute, ssh } from "../../../support/ssh/clients";
import type { Login } from "../../../support/ssh/host";
import { isIn, type Row, textOf, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let login: Login;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("certificate of a host", "hostKey");
  const { host } = ways;
  login = await host.login("postgres");
  const made = async (...words: string[]) => {
    const { code, stderr } = await execute("ssh-keygen", words);
    if (code !== 0) throw new Error(stderr);
  };
  await made("-q", "-t", "ed25519", "-N", "", "-f", ways.path("ca"));
  const key = join(host.folder, "host_ed25519.pub");
  await made("-q", "-s", ways.path("ca"), "-h", "-I", "db1", "-n", host.address, key);
  await host.configure([`HostCertificate ${join(host.folder, "host_ed25519-cert.pub")}`]);
  const authority = `@cert-authority * ${await textOf(ways.path("ca.pub"))}`;
  await ways.write("authority", `# Of all hosts.\n${authority}`);
  await ways.write("both", `${authority}${host.address} ${host.hostKey()}\n`);
});
afterAll(async () => {
  await ways?.close();
});

const known = (file: string, hostKey?: () => string) => (at: WaysIn) => ({
  ssh: {
    user: "postgres",
    privateKeyFile: login.keyFile,
    knownHosts: [at.path(file)],
    ...(hostKey && { hostKey: hostKey() }),
  },
});

const rows: readonly Row[] = [
  [
    "authority alone",
    known("authority"),
    "db1:22: host key not known. The host offered SHA256:db1 (ssh-ed25519), and the files have only an authority for it: /keys/authority:2.\nCertificates of hosts are not checked here, so the key itself has to be known. Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.\necho 'db1 KEY-OF-db1' >> /keys/authority",
  ],
  ["authority and the key", known("both"), isIn],
  ["authority, and the key declared", known("authority", () => ways.host.hostKey()), isIn],
];

describe.skipIf(!isRoot)("a host with a certificate", () => {
  it("is one that ssh lets in by the authority alone", async () => {
    const files = [`UserKnownHostsFile=${ways.path("authority")}`, "GlobalKnownHostsFile=none"];
    const done = await ssh(ways.host, login, "echo in", ...files.flatMap((file) => ["-o", file]));
    expect(done).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it.each(rows)("that the files know by %s ends as it is said", async (what, given, outcome) => {
    expect(await ways.outcome(what, given(ways))).toBe(outcome);
  });
});
