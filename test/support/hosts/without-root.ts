/** A booted host where nobody may become root, and a program with one instance of alice, who logs in herself. */
import { afterAll, beforeAll } from "vitest";
import { type Project, project } from "../engine";
import { done } from "../said";
import { type BootedHost, bootedHost } from "./booted";

const home = "/home/alice";

/** For all of a test file. */
export function withoutRoot() {
  let host: BootedHost;
  let stack: Project;
  beforeAll(async () => {
    [host, stack] = await Promise.all([bootedHost(), project({ program: "" })]);
    await host.login("alice");
  });
  afterAll(async () => {
    await stack?.dispose();
    await host?.dispose();
  });

  const sh = async (script: string, ...more: string[]) =>
    (await host.run(["sh", "-c", script, "sh", ...more])).stdout.trim();
  const hers = (script: string, ...more: string[]) => host.runOwn("alice", script, ...more);
  return {
    get host() {
      return host;
    },
    get stack() {
      return stack;
    },
    ...{ home, data: `${home}/pginstance/17/orders`, units: `${home}/.config/systemd/user`, sh, hers },
    started: () =>
      hers('psql -XAtq -h /tmp -p 5433 postgres postgres -c "SELECT pg_postmaster_start_time()"'),
    /** Every file of ours outside of the data and its notes, and every unit that some systemd still knows. */
    traces: async () => [
      await sh(
        `find / -xdev -name '*pginstance*' ! -path '*/pginstance/*' ! -path ${home}/pginstance 2>/dev/null`,
      ),
      await sh("systemctl list-units --all --no-legend 'pginstance*'"),
      await hers("systemctl --user list-units --all --no-legend 'pginstance*' 2>/dev/null"),
    ],
    async declare(more: object = {}, user = "alice"): Promise<void> {
      const { keyFile: privateKeyFile } = await host.login(user);
      const ssh = { host: host.address, user, privateKeyFile, knownHosts: [host.knownHosts] };
      const args = {
        ...{ host: { ssh }, owner: "alice", version: "17", port: 5433, deletionProtection: false },
        ...{ settings: { unix_socket_directories: "/tmp" }, restartOnChanges: true, ...more },
      };
      await stack.setProgram(
        `const { Instance } = require("pulumi-pginstance");
    exports.unit = new Instance("orders", ${JSON.stringify(args)}).unit;`,
      );
    },
    nothingToDo: () => done(stack.preview("--refresh", "--expect-no-changes")),
  };
}
