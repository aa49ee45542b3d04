import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";
import { ssh as bySsh } from "../support/ssh/clients";
import type { TestHost } from "../support/ssh/host";
import { tcpProxy } from "../support/ssh/proxy";
import { loginTo } from "../support/way";

/** What there is only where the host is another machine. */
async function opened() {
  const scenario = await Scenario.open({ way: "ssh" });
  const { host, args } = scenario.way;
  if (!host || !args.host?.ssh) throw new Error("no host");
  return { scenario, host, ssh: args.host.ssh };
}

/** Everything that has come to a host: what its sshd says, and how many TCP segments, where its network is its own. */
async function arrived(host: TestHost): Promise<unknown[]> {
  const count = ["awk", '$1 == "Tcp:" { print $11 }', "/proc/net/snmp"];
  return [await host.log(), host.isolated && (await host.run(count)).stdout];
}

describe("an instance on a host that is reached by SSH, in order:", () => {
  let it: Scenario;
  let host: TestHost;
  let ssh: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    ({ scenario: it, host, ssh } = await opened());
    ssh = { ...ssh, retryFor: 0 };
  });
  afterAll(() => it.close());

  const declare = (workMem: string, way: object = {}) =>
    it.declare(`host: ${JSON.stringify({ ssh: { ...ssh, ...way } })}, settings: { work_mem: "${workMem}" }`);

  /** Nobody may become aware of a preview. */
  async function preview(...flags: string[]) {
    const before = await arrived(host);
    const run = await it.project.preview(...flags);
    expect(await arrived(host)).toEqual(before);
    return run;
  }

  /** What the state says of it; how it is encrypted is the engine's affair. */
  async function remembered() {
    const { deployment } = JSON.parse(await it.project.succeed("stack", "export", "--show-secrets"));
    const { inputs, outputs } = deployment.resources.find((one: { id?: string }) =>
      one.id?.startsWith("main-"),
    );
    return { inputs, outputs };
  }

  test("it is previewed without any connection, and made", async () => {
    await declare("8MB");
    expect((await preview()).stdout).toContain(`plan: new instance 17/main on ${it.where}`);
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("8MB");
  });

  test("it is not gone when the host cannot be reached: refresh fails, the state stays", async () => {
    const before = await remembered();
    await host.stop();
    const failed = await it.project.refresh();
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stdout).toContain(`cannot reach ${it.where} (connect: connection refused`);
    expect(failed.stdout).toContain("unreachable does not mean gone");
    expect(await remembered()).toEqual(before);
    expect(await preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    await host.start();
    expect(await preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test.runIf(process.getuid?.() === 0)("another login is an update without any step", async () => {
    const started = "SELECT pg_postmaster_start_time()::text || pg_conf_load_time()";
    const before = await it.ask(started);
    const { name, keyFile } = await loginTo(host, "ops");
    ssh = { ...ssh, user: name, privateKeyFile: keyFile };
    await declare("8MB");
    const announced = await preview("--diff");
    expect(announced.stdout).toMatch(/~ user\s*: "deploy" => "ops"/);
    expect(announced.stdout + announced.stderr).not.toMatch(/plan:|warning:/);
    const mark = await host.mark();
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(up.stdout).toMatch(/1 updated/);
    expect(await host.log(mark)).toContain("Accepted publickey for ops");
    expect(await it.ask(started)).toBe(before);
    expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("another host key is refused by the update, before anything is changed", async () => {
    const known = join(host.folder, "known_before");
    await copyFile(host.knownHosts, known);
    await host.replaceHostKeys();
    await declare("9MB", { knownHosts: [known] });
    expect(await preview()).toMatchObject({ exitCode: 0 });
    const up = await it.project.up();
    expect(up.exitCode).not.toBe(0);
    expect(up.stdout).toMatch(/host key changed\. .*known_before:\d+ has SHA256:.* the host offered SHA256:/);
    expect(await it.ask("SHOW work_mem")).toBe("8MB");
  });

  test("it is changed and removed once the new key is known", async () => {
    await declare("9MB");
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("9MB");
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
    expect(await it.leftovers()).toEqual([]);
  });
});

/** INSTANCES=100 in the environment tries so many. */
const many = Number(process.env.INSTANCES ?? 20);

test(`${many} instances share one connection`, { timeout: 15_000 * many }, async () => {
  const { scenario, host, ssh } = await opened();
  const proxy = await tcpProxy({ host: host.address, port: host.port });
  try {
    const at = { host: proxy.host, port: proxy.port };
    const knownHosts = await host.knownHostsFor(at);
    const through = { ssh: { ...ssh, ...at, knownHosts: [knownHosts] } };
    const login = { name: String(ssh.user), keyFile: String(ssh.privateKeyFile) };
    const reached = { address: proxy.host, port: proxy.port, knownHosts };
    expect(await bySsh(reached, login, "true", "-o", "IdentitiesOnly=yes")).toMatchObject({ code: 0 });
    const bare = proxy.counters.roundTrips;
    await scenario.project.setProgram(`
      const { Instance } = require("pulumi-pginstance");
      for (let i = 0; i < ${many}; i++) new Instance("i" + i, {
        ${scenario.place}, host: ${JSON.stringify(through)}, port: 20000 + i, deletionProtection: false,
        dataDirectory: ${JSON.stringify(scenario.directory.path)} + "/i" + i,
        settings: { shared_buffers: "1MB", max_connections: 10 } });`);
    const patient = scenario.project.with({}, 12_500 * many);
    for (const run of ["up", "refresh", "destroy"] as const) {
      const mark = await host.mark();
      proxy.resetCounters();
      expect(await patient[run]()).toMatchObject({ exitCode: 0 });
      const [handshakes, channels] = [await host.handshakes(mark), await host.channels(mark)];
      const { roundTrips, bytesUp, bytesDown } = proxy.counters;
      console.log(
        `${run} of ${many} instances: ${handshakes} handshakes, ${channels} channels, ${roundTrips} round trips (one command of ssh: ${bare}), ${bytesUp + bytesDown} bytes`,
      );
      expect(handshakes).toBe(1);
      expect(channels).toBeLessThan(24);
      // The work itself: what a handshake takes is taken by one command, too.
      if (run === "refresh") expect(roundTrips - bare).toBeLessThanOrEqual(6);
    }
    expect(await scenario.leftovers()).toEqual([]);
  } finally {
    await proxy.close();
    await scenario.close();
  }
});
