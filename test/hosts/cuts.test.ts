/**
 * The connection is cut in a create and in a delete of an instance that systemd runs; the next call must end as one that
 * nothing cut, with nothing left over. CUTS=all cuts after every message and within it, not after an even sample.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { differences, Tally } from "../support/ending";
import { type BootedHost, bootedHost } from "../support/hosts/booted";
import { until } from "../support/processes";
import { type Direction, type TcpProxy, tcpProxy } from "../support/ssh/proxy";

let host: BootedHost;
let proxy: TcpProxy;
let inputs: Properties;

beforeAll(async () => {
  host = await bootedHost();
  proxy = await tcpProxy({ host: host.address, port: host.port });
  const { name: user, keyFile: privateKeyFile } = await host.login("deploy", { sudo: "nopasswd" });
  const knownHosts = [await host.knownHostsFor({ host: proxy.host, port: proxy.port })];
  const checked = await instance.check(
    {},
    {
      __urn: "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::orders",
      host: { ssh: { host: proxy.host, port: proxy.port, user, privateKeyFile, knownHosts, retryFor: 0 } },
      version: "17",
      port: 5433,
      deletionProtection: false,
    },
  );
  expect(checked.failures).toEqual([]);
  inputs = checked.inputs;
});
afterAll(async () => {
  await proxy?.close();
  await host?.dispose();
});

interface Made {
  readonly id: string;
  readonly outs: Properties & { readonly unit: string };
}
const sh = async (script: string) => (await host.run(["sh", "-c", script])).stdout.trim();

/** What asks systemd ends some seconds after whoever it waited for has died. */
const nothingUnderWay = () =>
  until("the end of all that was under way", async () => (await sh("ls /run | grep pginstance")) === "", 40);

async function ending({ outs }: Made) {
  await nothingUnderWay();
  const anonymous = (text: string) => text.replaceAll(/orders-[0-9a-f]{10}/g, "orders-random");
  const lines = await sh(`systemctl is-active ${outs.unit}; systemctl is-enabled ${outs.unit}
    cat /etc/systemd/system/pginstance-*; ls /etc/systemd/system /etc/systemd/system/multi-user.target.wants
    ls -A /var/lib/postgresql/pginstance/17/*; cat /var/lib/postgresql/pginstance/17/orders.pginstance/serve
    pgrep -u postgres -f -c "bin/postgres -D /var/lib/postgresql/pginstance"; psql -V >/dev/null && runuser -u postgres -- psql -XAtp 5433 -c "SELECT 1"`);
  return anonymous(lines).split("\n");
}

async function requireNothing(): Promise<void> {
  await nothingUnderWay();
  const left = await sh(
    "ls -d /etc/systemd/system/*pginstance* /etc/systemd/system/*/*pginstance* /var/lib/postgresql/pginstance 2>/dev/null; systemctl list-units --all --no-legend 'pginstance*'; pgrep -u postgres -f postgresql/pginstance",
  );
  if (left !== "") throw new Error(`left over: ${left}`);
}

const create = async () => (await instance.create(inputs)) as Made;
const remove = ({ id, outs }: Made) => instance.delete(id, outs);

/** Of an operation that nothing cuts: so many bytes of each direction when a message was through. */
async function messages<T>(operation: () => Promise<T>) {
  proxy.cut();
  proxy.resetCounters();
  const result = await operation();
  const ends = (direction: Direction) => [
    ...new Set(proxy.boundaries.filter((one) => one.direction === direction).map((one) => one[direction])),
  ];
  const cuts = (["up", "down"] as const).flatMap((direction) =>
    ends(direction).map((bytes) => ({ direction, bytes })),
  );
  const count = process.env.CUTS === "all" ? cuts.length : 8;
  const sample = Array.from({ length: Math.min(count, cuts.length) }, (_, index) => {
    const { direction, bytes } = cuts[Math.floor(((index + 0.5) * cuts.length) / count)] ?? {
      direction: "up",
      bytes: 0,
    };
    return { direction: direction as Direction, bytes: bytes - (index % 3 === 1 ? 7 : 0) };
  });
  return { result, sample };
}

/** @returns what came of it, and whether it was cut */
async function cutOnce<T>(cut: { direction: Direction; bytes: number } | undefined, run: () => Promise<T>) {
  proxy.cut();
  proxy.resetCounters();
  if (cut) proxy.cutAfter(cut.direction === "up" ? { up: cut.bytes } : { down: cut.bytes });
  const done = await run().then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error }),
  );
  proxy.cut();
  return done;
}

/** The engine keeps what such an error carries. */
const keptBy = (error: unknown): Made | undefined => {
  const { id, properties } = (error ?? {}) as { id?: string; properties?: Made["outs"] };
  return id !== undefined && properties ? { id, outs: properties } : undefined;
};

const timeout = process.env.CUTS === "all" ? 3_600_000 : 400_000;

it("in a create, and in a delete: the next call ends as the one that nothing cut", { timeout }, async () => {
  const births = await messages(create);
  const wanted = await ending(births.result);
  const deaths = await messages(() => remove(births.result));
  await requireNothing();
  const creates = new Tally("create with a unit", "cuts");
  const deletes = new Tally("delete with a unit", "cuts");
  for (let turn = 0; turn < Math.max(births.sample.length, deaths.sample.length); turn++) {
    const [birth, death] = [births.sample[turn], deaths.sample[turn]];
    let made: Made | undefined;
    await creates.try(JSON.stringify(birth ?? "uncut"), async () => {
      const { result, error } = await cutOnce(birth, create);
      const kept = keptBy(error);
      made =
        result ??
        (kept
          ? { id: kept.id, outs: (await instance.update(kept.id, kept.outs, inputs)).outs as Made["outs"] }
          : await create());
      const lines = differences(await ending(made), wanted);
      if (lines.length > 0) throw new Error(lines.join("; "));
      return error !== undefined;
    });
    await deletes.try(JSON.stringify(death ?? "uncut"), async () => {
      if (made === undefined) throw new Error("there was nothing to delete");
      const one = made;
      const { error } = await cutOnce(death, () => remove(one));
      if (error !== undefined) await remove(one);
      await requireNothing();
      return error !== undefined;
    });
  }
  creates.report(1);
  deletes.report(1);
});
