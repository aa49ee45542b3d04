/**
 * The network forgets a connection without a word, so that neither side hears of its end: the provider does after three
 * signs of life without answer, the host hours later. The next `up` must end as the run that nothing disturbed.
 */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { stateDirectory } from "../../../provider/server/target";
import { ending, requireEnding, requireNothing } from "../../support/ending";
import { heldInitdb } from "../../support/initdb";
import { failureOf, type Place, place } from "../../support/instances";
import { processesWith, until } from "../../support/processes";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { type TcpProxy, tcpProxy } from "../../support/ssh/proxy";
import { loginTo } from "../../support/way";

let host: TestHost;
let login: Login;
let at: Place;
let proxy: TcpProxy;
let ssh: Properties;

const keepAlive = 2;
const connectTimeout = 3;
/** The third sign goes out after three times that, and its answer has as long; then comes one attempt to look at the host. */
const budget = 4 * keepAlive + connectTimeout + 1;

beforeAll(async () => {
  if (existsSync("/dev/shm")) vi.stubEnv("TMPDIR", "/dev/shm");
  host = await testHost();
  login = await loginTo(host, "deploy");
});
afterAll(async () => {
  await host.dispose();
  vi.unstubAllEnvs();
});

beforeEach(async () => {
  [at, proxy] = await Promise.all([place("17"), tcpProxy({ host: host.address, port: host.port })]);
  ssh = {
    host: proxy.host,
    port: proxy.port,
    user: login.name,
    privateKeyFile: login.keyFile,
    knownHosts: [await host.knownHostsFor({ host: proxy.host, port: proxy.port })],
    keepAlive,
    connectTimeout,
    retryFor: 0,
  };
});
afterEach(async () => {
  await proxy.close();
  await at.folder.dispose();
});

interface Known {
  readonly id: string;
  readonly outs: Properties;
}

async function removed({ id, outs }: Known): Promise<void> {
  await instance.delete(id, outs);
  await requireNothing(at);
}

/** What a call comes to that runs while the connection falls silent: an error in time, and what it leaves in the state. */
async function lost(call: Promise<unknown>, newConnections: "work" | "silent"): Promise<Known> {
  proxy.halfOpen(newConnections);
  const began = performance.now();
  const failure = (await failureOf(call)) as Error & { id: string; properties: Properties };
  expect((performance.now() - began) / 1000).toBeLessThan(budget);
  const { cause, message, id, properties } = failure;
  expect(cause).toBeInstanceOf(ConnectionError);
  expect(cause).toMatchObject({ phase: "lost", host: `${proxy.host}:${proxy.port}` });
  expect(message).toBe(
    `the connection to ${proxy.host}:${proxy.port} was lost: no sign of life any more\n` +
      "What runs there goes on. Run `pulumi up` again: it looks at the host and goes on from there.",
  );
  expect(id).toMatch(/^main-/);
  return { id, outs: properties };
}

/** That lock is waited for where a step of an earlier session runs, for up to an hour. */
const waitsForStep = () => host.processes().some(({ argv }) => argv.trim().endsWith(" -w 3600 8"));

describe("a connection that falls silent for ever", () => {
  /** An uninterrupted create, removed again. */
  async function whole(inputs: Properties) {
    const { id, outs } = await instance.create(inputs);
    const wanted = await ending(at, outs);
    await removed({ id, outs });
    return wanted;
  }

  it.each([
    ["while others can be made", "work"],
    ["as the whole network does", "silent"],
  ] as const)("in mid-initdb, %s: the next up waits for that initdb", async (_, newConnections) => {
    const inputs = await at.inputs({ host: { ssh }, settings: { work_mem: "5MB" } });
    const wanted = await whole(inputs);
    const building = join(stateDirectory(at.target), "new");
    const creating = instance.create(inputs);
    const initdb = await heldInitdb(at, "new/global/pg_control");
    const { ino } = statSync(building);
    const { id, outs } = await lost(creating, newConnections);
    expect(outs).toMatchObject({ phase: "creating" });
    if (newConnections === "silent") await proxy.resume();
    const next = instance.update(id, outs, inputs);
    await until("the next up to wait", waitsForStep);
    initdb.goOn();
    const made = { id, outs: (await next).outs as Properties };
    expect(statSync(at.target.dataDirectory).ino).toBe(ino);
    await requireEnding(at, made.outs, wanted);
    await removed(made);
  });

  it("in mid-initdb, which dies: the next up does it again, with nothing of it left", async () => {
    const inputs = await at.inputs({ host: { ssh }, settings: { work_mem: "5MB" } });
    const wanted = await whole(inputs);
    const creating = instance.create(inputs);
    const initdb = await heldInitdb(at, "new/global/pg_control");
    const { id, outs } = await lost(creating, "work");
    await initdb.die();
    const made = { id, outs: (await instance.update(id, outs, inputs)).outs as Properties };
    await requireEnding(at, made.outs, wanted);
    await removed(made);
  });

  it("while a reload is awaited: the next up makes sure of it", async () => {
    // New sessions take their time, so the reload is awaited for as long.
    const slow = { pre_auth_delay: 1 };
    const before = await at.inputs({ host: { ssh }, settings: { work_mem: "5MB", ...slow } });
    const news = await at.inputs({ host: { ssh }, settings: { work_mem: "6MB", ...slow } });
    const { id, outs: created } = await instance.create(before);
    const update = async (outs: Properties, inputs: Properties) =>
      (await instance.update(id, outs, inputs)).outs as Properties;
    let outs = await update(created as Properties, news);
    const wanted = await ending(at, outs);
    outs = await update(outs, before);
    const updating = update(outs, news);
    const conf = join(at.target.dataDirectory, "postgresql.conf");
    const socket = join(at.folder.path, `.s.PGSQL.${at.port}`);
    await until("the wait for the reload", async () => {
      const isWritten = (await readFile(conf, "utf8")).includes("6MB");
      return isWritten && processesWith(socket).length > 0;
    });
    const known = await lost(updating, "work");
    const made = { id, outs: await update(known.outs, news) };
    await requireEnding(at, made.outs, wanted);
    await removed(made);
  });
});
