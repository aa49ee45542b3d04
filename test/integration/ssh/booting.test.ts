/** A host that is not there yet: a create waits for it as long as `retryFor` says, and asks nobody again who refused it. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { requireNothing } from "../../support/ending";
import { heldInitdb } from "../../support/initdb";
import { failureOf, type Place, place } from "../../support/instances";
import { observedOf } from "../../support/outputs";
import { until } from "../../support/processes";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { makeKey } from "../../support/ssh/keys";
import { type TcpProxy, tcpProxy } from "../../support/ssh/proxy";

/** Only root can make logins, and hosts with a network of their own. */
const isRoot = process.getuid?.() === 0;

let host: TestHost;
let login: Login;
let at: Place;
let proxy: TcpProxy;

beforeAll(async () => {
  if (!isRoot) return;
  if (existsSync("/dev/shm")) vi.stubEnv("TMPDIR", "/dev/shm");
  host = await testHost();
  login = await host.login("deploy", { sudo: "nopasswd" });
  // As systemd-user-sessions has it until a host has booted.
  const rule = `account required pam_nologin.so file=${host.folder}/nologin`;
  await host.run(["sh", "-c", 'echo "$1" >>/etc/pam.d/sshd', "sh", rule]);
});
afterAll(async () => {
  await host?.dispose();
  vi.unstubAllEnvs();
});

beforeEach(async () => {
  if (!isRoot) return;
  [at, proxy] = await Promise.all([place("17"), tcpProxy({ host: host.address, port: host.port })]);
});
afterEach(async () => {
  await proxy?.close();
  await at?.folder.dispose();
});

async function inputsBy(way: { host: string; port: number }, more: Properties = {}): Promise<Properties> {
  const known = { knownHosts: [await host.knownHostsFor(way)], connectTimeout: 3, retryFor: 60 };
  return at.inputs({
    host: { ssh: { ...way, user: login.name, privateKeyFile: login.keyFile, ...known, ...more } },
  });
}
const directly = (more: Properties = {}) => inputsBy({ host: host.address, port: host.port }, more);
const byProxy = () => inputsBy({ host: proxy.host, port: proxy.port });

async function removed(id: string, outs: Properties): Promise<void> {
  await instance.delete(id, outs);
  await requireNothing(at);
}

/** How many connections its kernel has refused so far, among them all that nobody listened for. */
async function refusedConnections(): Promise<number> {
  const { stdout } = await host.run(["awk", '$1 == "Tcp:" { print $15 }', "/proc/net/snmp"]);
  return Number(stdout.trim().split("\n").at(-1));
}

/** Until the create has come in vain a second time. */
async function cameTwice(times: () => number | Promise<number>, from = 0): Promise<void> {
  await until("a second attempt", async () => (await times()) - from >= 2, 30);
}

/** How a host is not there, how it is seen that somebody came in vain, and how it comes back. */
interface Absence {
  begin(): Promise<unknown>;
  inVain(): number | Promise<number>;
  end(): Promise<unknown>;
  inputs(): Promise<Properties>;
}

const absences: readonly (readonly [what: string, absence: Absence])[] = [
  [
    "whose sshd does not listen",
    { begin: () => host.stop(), inVain: refusedConnections, end: () => host.start(), inputs: directly },
  ],
  [
    "that takes connections and closes them",
    {
      begin: () => host.stop(),
      inVain: () => proxy.counters.connections,
      end: () => host.start(),
      inputs: byProxy,
    },
  ],
  [
    "that does not answer",
    {
      begin: async () => proxy.halfOpen(),
      inVain: () => proxy.counters.connections,
      end: () => proxy.resume(),
      inputs: byProxy,
    },
  ],
  [
    "that lets nobody in while it boots",
    {
      begin: () => host.run(["touch", `${host.folder}/nologin`]),
      inVain: async () => (await host.log()).match(/^Access denied for user deploy by PAM/gm)?.length ?? 0,
      end: () => host.run(["rm", `${host.folder}/nologin`]),
      inputs: directly,
    },
  ],
];

describe.skipIf(!isRoot)("a create", () => {
  it.each(absences)("waits for a host %s", async (_, { begin, inVain, end, inputs }) => {
    const wanted = await inputs();
    await begin();
    const from = await inVain();
    const creating = instance.create(wanted);
    await cameTwice(inVain, from);
    expect(await readdir(at.folder.path)).toEqual([]);
    await end();
    const { id, outs } = await creating;
    expect(outs).toMatchObject({ phase: "ready" });
    expect(observedOf(outs).server).toBe("running");
    await removed(id, outs as Properties);
  });

  it("whose host restarts sshd in mid-initdb says what is there, and the next up goes on", async () => {
    const wanted = await directly();
    const creating = failureOf(instance.create(wanted));
    const initdb = await heldInitdb(at, "new/global/pg_control");
    await host.stop();
    const from = await refusedConnections();
    await cameTwice(refusedConnections, from);
    await host.start();
    const failure = (await creating) as Error & { id: string; properties: Properties };
    expect(failure.cause).toMatchObject({ phase: "lost" });
    expect(failure.properties).toMatchObject({ phase: "creating" });
    expect(observedOf(failure.properties).existence).toBe("absent");
    const next = instance.update(failure.id, failure.properties, wanted);
    initdb.goOn();
    const { outs } = await next;
    expect(outs).toMatchObject({ phase: "ready" });
    expect(observedOf(outs).server).toBe("running");
    await removed(failure.id, outs as Properties);
  });

  it("is refused once by a host that it has waited for", async () => {
    const stranger = join(host.folder, "stranger");
    await makeKey(stranger, "ed25519");
    const wanted = await directly({ privateKeyFile: stranger });
    await host.stop();
    const [mark, from] = [await host.mark(), await refusedConnections()];
    const creating = failureOf(instance.create(wanted));
    await cameTwice(refusedConnections, from);
    await host.start();
    const failure = (await creating) as Error;
    expect(failure.cause).toBeInstanceOf(ConnectionError);
    expect(failure.cause).toMatchObject({ phase: "auth", retryable: false });
    expect(failure.message).toContain("It is not tried again.");
    expect([await host.handshakes(mark), await host.refusals(mark)]).toEqual([1, 1]);
    expect(await readdir(at.folder.path)).toEqual([]);
  });
});
