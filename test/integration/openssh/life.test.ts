/** Instances on a host that the system's ssh gets to, as the engine drives them: one connection for all, and its loss. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { ending, requireEnding, requireNothing } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import { heldInitdb } from "../../support/initdb";
import { failureOf, type Place, place } from "../../support/instances";
import { until } from "../../support/processes";
import { type TestHost, testHost } from "../../support/ssh/host";
import { type TcpProxy, tcpProxy } from "../../support/ssh/proxy";
import { byConfiguration, loginTo } from "../../support/way";

let host: TestHost;
let at: Place;
let other: Place;
let proxy: TcpProxy;
let openssh: Properties;

inMemory();
beforeAll(async () => {
  [host, at, other] = await Promise.all([testHost(), place("17"), place("17", "second")]);
  proxy = await tcpProxy({ host: host.address, port: host.port });
  const knownHosts = await host.knownHostsFor({ host: proxy.host, port: proxy.port });
  const way = { folder: host.folder, address: proxy.host, port: proxy.port, knownHosts };
  const configured = await byConfiguration(way, await loginTo(host, "deploy"));
  openssh = { ...configured, keepAlive: 1, connectTimeout: 3, retryFor: 0 };
});
afterAll(async () => {
  await proxy.close();
  await at.folder.dispose();
  await other.folder.dispose();
  await host.dispose();
});

interface Known {
  readonly id: string;
  readonly outs: Properties;
}

const inputsOf = (one: Place, settings: Properties = { work_mem: "5MB" }) =>
  one.inputs({ host: { openssh }, restartOnChanges: true, settings });

async function removed(one: Place, { id, outs }: Known): Promise<void> {
  await instance.delete(id, outs);
  await requireNothing(one);
}

async function updated({ id, outs }: Known, inputs: Properties): Promise<Known> {
  return { id, outs: (await instance.update(id, outs, inputs)).outs as Properties };
}

/** What a call comes to whose connection is lost, and what it leaves in the state. */
async function lost(call: Promise<unknown>, words: string): Promise<Known> {
  const { cause, message, id, properties } = (await failureOf(call)) as Error & {
    id: string;
    properties: Properties;
  };
  expect(cause).toBeInstanceOf(ConnectionError);
  expect(cause).toMatchObject({ phase: "lost", host: `${proxy.host}:${proxy.port}` });
  expect(message).toBe(
    `the connection to ${proxy.host}:${proxy.port} was lost: ${words}\n` +
      "What runs there goes on. Run `pulumi up` again: it looks at the host and goes on from there.",
  );
  return { id, outs: properties };
}

/** That lock is waited for where a step of an earlier session runs, for up to an hour. */
const waitsForStep = () => host.processes().some(({ argv }) => argv.trim().endsWith(" -w 3600 8"));

describe("instances on a host of openssh", () => {
  it("are made, read, changed and deleted at once by one connection", async () => {
    const mark = await host.mark();
    const lives = [at, other].map(async (one) => {
      const { id, outs } = await instance.create(await inputsOf(one));
      const { props } = await instance.read(id, outs);
      expect(props).toEqual(outs);
      const settings = { work_mem: "6MB", max_connections: 50 };
      const changed = await updated({ id, outs: outs as Properties }, await inputsOf(one, settings));
      expect(changed.outs).toMatchObject({ phase: "ready", pendingRestart: false, settings });
      await removed(one, changed);
    });
    await Promise.all(lives);
    expect(await host.handshakes(mark)).toBe(1);
  });

  it("are reached again at once after a connection that nobody used was cut", async () => {
    const { id, outs } = await instance.create(await inputsOf(at));
    const mark = await host.mark();
    proxy.cut();
    const { props } = await instance.read(id, outs);
    expect(props).toEqual(outs);
    expect(await host.handshakes(mark)).toBe(1);
    await removed(at, { id, outs: outs as Properties });
  });

  it.each([
    ["cut", "Connection to 127.0.0.1 closed by remote host", () => proxy.cut()],
    ["silent for ever", "no sign of life any more", () => proxy.halfOpen("work")],
  ])("whose connection is %s in mid-initdb are gone on with", async (_, words, disturb) => {
    const inputs = await inputsOf(at);
    const { id, outs } = await instance.create(inputs);
    const wanted = await ending(at, outs);
    await removed(at, { id, outs: outs as Properties });
    const creating = instance.create(inputs);
    const initdb = await heldInitdb(at, "new/global/pg_control");
    disturb();
    const known = await lost(creating, words);
    expect(known.outs).toMatchObject({ phase: "creating" });
    const next = updated(known, inputs);
    await until("the next up to wait", waitsForStep);
    initdb.goOn();
    const made = await next;
    await requireEnding(at, made.outs, wanted);
    await removed(at, made);
  });
});
