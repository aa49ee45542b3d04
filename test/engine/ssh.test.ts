import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";
import { tcpProxy } from "../support/ssh/proxy";

/** What the state has of the instance: the engine itself drops and adds notes of its own. */
async function kept(it: Scenario): Promise<unknown> {
  const { resources } = await it.project.state();
  const { id, inputs, outputs } = resources.find((one) => String(one.type).endsWith("Instance")) ?? {};
  // The same secret is encrypted anew each time.
  return JSON.stringify({ id, inputs, outputs }).replace(/"ciphertext":"[^"]*"/g, "");
}

/** What there is only where the host is another machine. */
describe("an instance on a host that is reached by SSH", () => {
  test("is not gone when the host cannot be reached: refresh fails, the state stays; preview needs no host", async () => {
    const it = await Scenario.open({ way: "ssh" });
    const host = it.way.host;
    if (!host) throw new Error("no host");
    const ssh = it.way.args.host as { ssh: Record<string, unknown> };
    ssh.ssh.retryFor = 0;
    try {
      await it.declare('settings: { work_mem: "8MB" }');
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      const before = await kept(it);
      const mark = await host.mark();
      await host.stop();
      const failed = await it.project.refresh();
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stdout).toContain(`cannot reach ${it.where} (connect: connection refused`);
      expect(failed.stdout).toContain("unreachable does not mean gone");
      expect(await kept(it)).toEqual(before);
      expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      await host.start();
      expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      expect(await host.handshakes(mark)).toBe(0);
      expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });

      const known = join(it.directory.path, "known_hosts");
      await copyFile(host.knownHosts, known);
      await host.replaceHostKeys();
      ssh.ssh.knownHosts = [known];
      await it.declare('settings: { work_mem: "9MB" }');
      const changed = await it.project.up();
      expect(changed.exitCode).not.toBe(0);
      expect(changed.stdout).toMatch(
        /host key changed\. .*known_hosts:\d+ has SHA256:.* the host offered SHA256:/,
      );
      expect(await it.ask("SHOW work_mem")).toBe("8MB");

      ssh.ssh.knownHosts = [host.knownHosts];
      await it.declare('settings: { work_mem: "9MB" }');
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.ask("SHOW work_mem")).toBe("9MB");
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      expect(await it.leftovers()).toEqual(["known_hosts"]);
    } finally {
      await it.close();
    }
  });

  test("shares one connection with nineteen others", { timeout: 300_000 }, async () => {
    const it = await Scenario.open({ way: "ssh" });
    const host = it.way.host;
    if (!host) throw new Error("no host");
    const proxy = await tcpProxy({ host: host.address, port: host.port });
    try {
      const ssh = (it.way.args.host as { ssh: Record<string, unknown> }).ssh;
      const through = { ...ssh, host: proxy.host, port: proxy.port };
      const knownHosts = [await host.knownHostsFor({ host: proxy.host, port: proxy.port })];
      const common = { ...it.way.args, host: { ssh: { ...through, knownHosts } }, binDirectory: it.bin };
      await it.project.setProgram(`
        const { Instance } = require("pulumi-pginstance");
        for (let i = 0; i < 20; i++) new Instance("i" + i, {
          ...${JSON.stringify(common)}, version: "17", port: 20000 + i, deletionProtection: false,
          dataDirectory: ${JSON.stringify(it.directory.path)} + "/i" + i,
          settings: { shared_buffers: "1MB", max_connections: 10 } });`);
      const long = it.project.with({}, 250_000);
      for (const run of ["up", "refresh", "destroy"] as const) {
        const mark = await host.mark();
        proxy.resetCounters();
        expect(await long[run]()).toMatchObject({ exitCode: 0 });
        const [handshakes, channels] = [await host.handshakes(mark), await host.channels(mark)];
        const { roundTrips, bytesUp, bytesDown } = proxy.counters;
        console.log(
          `${run} of 20 instances: ${handshakes} handshakes, ${channels} channels, ${roundTrips} round trips, ${bytesUp + bytesDown} bytes`,
        );
        expect(handshakes).toBe(1);
        expect(channels).toBeLessThan(20);
      }
      expect(await it.leftovers()).toEqual([]);
    } finally {
      await proxy.close();
      await it.close();
    }
  });
});
