/** An sshd that allows fewer sessions a connection than we would open. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import type { Host } from "../../../provider/host/host";
import { OpensshHost } from "../../../provider/host/openssh/openssh-host";
import { SshHost } from "../../../provider/host/ssh/ssh-host";
import { failureOf } from "../../support/instances";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { byConfiguration } from "../../support/way";

let host: TestHost;
let login: Login;

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  host = await testHost();
  login = await host.login("deploy", { sudo: "nopasswd" });
  for (const name of ["alice", "bob"]) await host.login(name);
});
afterAll(() => host.dispose());

let timeout = 20;

/** By each transport, on another connection than that of the test before. */
const transports = {
  ssh: async () =>
    new SshHost({
      host: host.address,
      port: host.port,
      user: login.name,
      privateKeyFile: login.keyFile,
      knownHosts: [host.knownHosts],
      connectTimeout: timeout++,
    }),
  openssh: async () =>
    new OpensshHost({ ...(await byConfiguration(host, login)), connectTimeout: timeout++ }),
} as const;

const who = (user?: string) => ({ name: "who", script: "id -un", user });

describe.skipIf(!isRoot).each(["ssh", "openssh"] as const)("a host that is reached by %s", (transport) => {
  async function hostWith(sessions: number): Promise<Host> {
    await host.configure([`MaxSessions ${sessions}`]);
    return transports[transport]();
  }

  it.each([1, 2])("with MaxSessions %i serves any number of users, in turn and at once", async (sessions) => {
    const few = await hostWith(sessions);
    const mark = await host.mark();
    const users = ["alice", "bob", "deploy", "alice"];
    for (const user of users) {
      expect((await few.run(who(user))).stdout.toString()).toBe(`${user}\n`);
    }
    const all = await Promise.all(users.map((user) => few.run(who(user))));
    expect(all.map(({ stdout }) => stdout.toString().trim())).toEqual(users);
    expect(await host.handshakes(mark)).toBe(1);
  });

  it.each([1, 3])(
    "with MaxSessions %i gives each its own shell who reserves one, in turn",
    async (sessions) => {
      const few = await hostWith(sessions);
      const work = async () => {
        const shell = await few.reserve("alice");
        await shell.hold({ name: "take", script: 'echo "$held"; held=yes' });
        const { stdout } = await shell.run({ name: "work", script: "sleep 0.1; id -un" });
        await shell.hold({ name: "leave", script: "held=" });
        shell.release();
        return stdout.toString();
      };
      expect(await Promise.all(Array.from({ length: 6 }, work))).toEqual(Array(6).fill("alice\n"));
    },
  );

  it.each([1, 2])(
    "with MaxSessions %i lets each look as others who have reserved a shell",
    async (sessions) => {
      const few = await hostWith(sessions);
      const mark = await host.mark();
      const together = Array.from({ length: sessions }, async () => {
        const shell = await few.reserve("alice");
        return { shell, seen: await few.run(who("bob")).finally(shell.release) };
      });
      for (const { seen } of await Promise.all(together)) expect(seen.stdout.toString()).toBe("bob\n");
      expect(await host.handshakes(mark)).toBeLessThanOrEqual(2);
    },
  );

  it("with MaxSessions 0 is an error that names it", async () => {
    const error = await failureOf((await hostWith(0)).run(who()));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toMatch(/has no room for a shell.*\n.*MaxSessions/);
  });
});
