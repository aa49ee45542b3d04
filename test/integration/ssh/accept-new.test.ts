/** Hosts whose keys nobody knows, and a program that lets them pass at the first contact: their keys are kept in the state. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, messageOf, type Place, place } from "../../support/instances";
import { type TestHost, testHost } from "../../support/ssh/host";
import { hopTo } from "../../support/way";

let near: TestHost;
let far: TestHost;
let at: Place;
let ssh: Properties;
let id: string;
let outs: Properties;

/** As the state has it of a host: without the comment of its .pub file. */
async function keyOf(host: TestHost): Promise<string> {
  const lines = (await readFile(host.knownHosts, "utf8"))
    .split("\n")
    .filter((line) => line.includes("ssh-ed25519"));
  return (lines[0] ?? "").split(" ").slice(1, 3).join(" ");
}
const nameOf = ({ address, port }: TestHost) => (port === 22 ? address : `${address}:${port}`);

beforeAll(async () => {
  near = await testHost();
  far = await testHost({ behind: near.isolated ? near : undefined });
  at = await place("17");
  const [jump, last] = await Promise.all([near, far].map((host) => hopTo(host)));
  const knownHosts = [join(near.folder, "nobody-known")];
  ssh = { ...last, knownHosts, retryFor: 0, jump: near.isolated ? [jump] : [] };
  await writeFile(join(near.folder, "nobody-known"), "");
});
afterAll(async () => {
  await at?.folder.dispose();
  await far?.dispose();
  await near?.dispose();
});

const inputs = (more: Properties = {}, settings: Properties = { work_mem: "5MB" }) =>
  at.inputs({ host: { ssh: { ...ssh, ...more } }, settings });
const accepting = { hostKeyPolicy: "accept-new" };

describe("a host whose key nobody knows, in order:", () => {
  it("is refused unless it is said otherwise", async () => {
    expect(messageOf(await failureOf(instance.create(await inputs())))).toContain("host key not known");
  });

  it("is let pass at the first contact, and each key on the way is kept", async () => {
    const made = await instance.create(await inputs(accepting));
    id = made.id;
    outs = made.outs as Properties;
    const hosts = near.isolated ? [near, far] : [far];
    const keys = await Promise.all(hosts.map(async (host) => [nameOf(host), await keyOf(host)]));
    expect(outs.hostKeys).toEqual(Object.fromEntries(keys));
    const { props } = await instance.read(id, outs);
    expect(props).toEqual(outs);
  });

  it("is refused with another key, by both fingerprints, and nothing is changed", async () => {
    await far.replaceHostKeys();
    // A connection that is open goes on with the old ones: this one is another.
    const news = await inputs({ ...accepting, keepAlive: 11 }, { work_mem: "6MB" });
    const said = messageOf(await failureOf(instance.update(id, outs, news)));
    expect(said).toMatch(
      /host key changed\. At the first contact it was SHA256:\S+, the host offered SHA256:\S+ .*make the new key known, or declare it as hostKey/s,
    );
    expect(said).toContain(nameOf(far));
    await expect(instance.read(id, { ...outs, host: news.host })).rejects.toThrow("host key changed");
  });

  it("is let pass once somebody made the new key known, which counts before the one that was taken", async () => {
    const known = { ...accepting, knownHosts: [far.knownHosts], keepAlive: 12 };
    await expect(instance.read(id, { ...outs, host: (await inputs(known)).host })).resolves.toMatchObject({
      id,
    });
  });

  it("is let pass with the key that is declared, which the state then need not keep", async () => {
    const news = await inputs({ ...accepting, hostKey: await keyOf(far) }, { work_mem: "6MB" });
    outs = (await instance.update(id, outs, news)).outs as Properties;
    expect(Object.keys(outs.hostKeys as object)).toEqual(near.isolated ? [nameOf(near)] : []);
    await instance.delete(id, outs);
  });
});
