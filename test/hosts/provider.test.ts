/** An Instance on a real Debian: made over SSH by a login that may use sudo, beside Debian's own cluster, and deleted. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { type BootedHost, bootedHost } from "../support/hosts/booted";

let host: BootedHost;
afterAll(() => host?.dispose());
beforeAll(async () => {
  host = await bootedHost();
});

async function inputs(more: Properties = {}): Promise<Properties> {
  const { name: user, keyFile: privateKeyFile } = await host.login("deploy", { sudo: "nopasswd" });
  const { address, port, knownHosts } = host;
  const given = {
    __urn: "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::orders",
    host: { ssh: { host: address, port, user, privateKeyFile, knownHosts: [knownHosts] } },
    version: "17",
    port: 5433,
    owner: "postgres",
    deletionProtection: false,
    ...more,
  };
  const checked = await instance.check({}, given);
  expect(checked.failures).toEqual([]);
  return checked.inputs;
}

const asPostgres = async (...argv: string[]) => (await host.run(argv, { user: "postgres" })).stdout.trim();

it("makes an instance with Debian's programs, finds it as it left it, and deletes it without a trace", async () => {
  const mark = await host.mark();
  const { id, outs } = await instance.create(await inputs({ settings: { work_mem: "8MB" } }));
  expect(await asPostgres("psql", "-XAtp", "5433", "-c", "SHOW work_mem")).toBe("8MB");
  expect(await host.handshakes(mark)).toBe(1);
  const { props } = await instance.read(id, outs as Properties);
  expect(props).toEqual(outs);
  const { dataDirectory } = outs as { dataDirectory: string };
  expect(await asPostgres("cat", `${dataDirectory}/PG_VERSION`)).toBe("17");
  await instance.delete(id, outs as Properties);
  expect((await host.run(["sh", "-c", 'ls -d "$1"*', "sh", dataDirectory])).stdout).toBe("");
  expect(await asPostgres("pg_lsclusters", "--no-header")).toMatch(/^17 +main +5432 online postgres [^\n]*$/);
});
