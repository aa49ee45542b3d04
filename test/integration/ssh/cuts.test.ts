/**
 * The connection is cut at the boundaries of the messages of a create and of a change; the next `up` must end as the
 * run that nothing interrupted, and leave nothing over.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { stateDirectory } from "../../../provider/server/target";
import { messageOf, type Place, place } from "../../support/instances";
import { processesWith, until } from "../../support/processes";
import { type TestHost, testHost } from "../../support/ssh/host";
import { type TcpProxy, tcpProxy } from "../../support/ssh/proxy";

let host: TestHost;
let proxy: TcpProxy;
let at: Place;
let ssh: Properties;

beforeAll(async () => {
  host = await testHost();
  const login = await host.login("deploy", { sudo: "nopasswd" });
  proxy = await tcpProxy({ host: host.address, port: host.port });
  const knownHosts = [await host.knownHostsFor({ host: proxy.host, port: proxy.port })];
  ssh = {
    host: proxy.host,
    port: proxy.port,
    user: login.name,
    privateKeyFile: login.keyFile,
    knownHosts,
    retryFor: 0,
  };
});
beforeEach(async () => {
  at = await place("17");
});
afterEach(() => at.folder.dispose());
afterAll(async () => {
  await proxy.close();
  await host.dispose();
});

interface Known {
  readonly id: string;
  readonly outs: Properties;
}

/** What a failed call leaves in the state: the engine keeps what such an error carries. */
function keptBy(error: unknown): Known | undefined {
  const { id, properties } = (error ?? {}) as { id?: string; properties?: Properties };
  return id !== undefined && properties ? { id, outs: properties } : undefined;
}

/** Everything that must not depend on what happened on the way. */
async function ending({ outs }: Known) {
  const { dataDirectory: data } = at.target;
  const own = stateDirectory(at.target);
  await until("the end of everything but the server", () => processesWith(at.folder.path).length === 1);
  const files = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];
  const contents = files.map((file) => readFile(join(data, file), "utf8"));
  const listings = [data, own, at.folder.path].map(async (folder) => (await readdir(folder)).sort());
  const text = JSON.stringify([outs, await Promise.all(contents), await Promise.all(listings)]);
  return text
    .replace(/main-[0-9a-f]{10}/g, "main-random")
    .replace(/(systemIdentifier[\\": ]+)[0-9]+/g, "$1number");
}

/** Messages of an operation that nothing cuts: bytes after each of them. */
async function boundariesOf(operation: () => Promise<unknown>): Promise<number[]> {
  proxy.cut();
  proxy.resetCounters();
  await operation();
  return proxy.boundaries.map(({ total }) => total);
}

/** Cut after so many bytes; then the error, or what came of it when that was too late to matter. */
async function cutAt<T>(
  bytes: number,
  operation: () => Promise<T>,
): Promise<{ error?: unknown; result?: T }> {
  proxy.cut();
  proxy.cutAfter(bytes);
  const outcome = await operation().then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  proxy.cut();
  return outcome;
}

async function removed(known: Known): Promise<void> {
  await instance.delete(known.id, known.outs);
  await until("the end of every process", () => processesWith(at.folder.path).length === 0);
  expect(await readdir(at.folder.path)).toEqual([]);
}

const create = async (inputs: Properties): Promise<Known> => {
  const { id, outs } = await instance.create(inputs);
  return { id, outs: outs as Properties };
};
const update = async (known: Known, news: Properties): Promise<Known> => {
  const { outs } = await instance.update(known.id, known.outs, news);
  return { id: known.id, outs: outs as Properties };
};

/** So many of them, evenly. */
const some = (all: readonly number[], most: number): number[] =>
  all.filter((_, index) => index % Math.ceil(all.length / most) === 0);

describe("a connection that is cut at the end of any message", () => {
  it("of a create: the next up ends as the uninterrupted run", { timeout: 400_000 }, async () => {
    const inputs = await at.inputs({ host: { ssh }, settings: { work_mem: "5MB" } });
    let whole: Known | undefined;
    const all = await boundariesOf(async () => {
      whole = await create(inputs);
    });
    if (!whole) throw new Error("nothing was made");
    const wanted = await ending(whole);
    await removed(whole);
    const tried = some(all, 40);
    const divergences: string[] = [];
    for (const bytes of tried) {
      try {
        const { error, result } = await cutAt(bytes, () => create(inputs));
        const kept = keptBy(error);
        const next = result ?? (await (kept ? update(kept, inputs) : create(inputs)));
        expect(await ending(next)).toBe(wanted);
        await removed(next);
      } catch (error) {
        divergences.push(`${bytes}: ${messageOf(error)}`);
        break;
      }
    }
    console.log(
      `create: ${all.length} messages, ${tried.length} cuts tried, ${divergences.length} divergences`,
    );
    expect(divergences).toEqual([]);
  });

  it("of a change: the next up ends as the uninterrupted run", { timeout: 400_000 }, async () => {
    const restartable = { host: { ssh }, restartOnChanges: true };
    const before = await at.inputs({ ...restartable, settings: { work_mem: "5MB", max_connections: 40 } });
    const news = await at.inputs({ ...restartable, settings: { work_mem: "6MB", max_connections: 50 } });
    let known = await create(before);
    known = await update(known, news);
    const wanted = await ending(known);
    known = await update(known, before);
    const all = await boundariesOf(async () => {
      known = await update(known, news);
    });
    known = await update(known, before);
    const divergences: string[] = [];
    for (const bytes of all) {
      try {
        const { error, result } = await cutAt(bytes, () => update(known, news));
        known = result ?? (await update(keptBy(error) ?? known, news));
        expect(await ending(known)).toBe(wanted);
        known = await update(known, before);
      } catch (error) {
        divergences.push(`${bytes}: ${messageOf(error)}`);
        break;
      }
    }
    console.log(
      `change: ${all.length} messages, ${all.length} cuts tried, ${divergences.length} divergences`,
    );
    expect(divergences).toEqual([]);
    await removed(known);
  });
});
