/** A host behind a jump whose sshd ends: the way to the jump stays, and nobody waits for what cannot come. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { type Place, place } from "../../support/instances";
import { type TestHost, testHost } from "../../support/ssh/host";
import { hopTo } from "../../support/way";

/** Only root has a host that is reached by another alone. */
const isRoot = process.getuid?.() === 0;

let near: TestHost;
let far: TestHost;
let at: Place;
let inputs: Properties;

beforeAll(async () => {
  if (!isRoot) return;
  near = await testHost();
  far = await testHost({ behind: near });
  at = await place("17");
  const [first, last] = await Promise.all([near, far].map((host) => hopTo(host)));
  const knownHosts = [near.knownHosts, far.knownHosts];
  inputs = await at.inputs({ host: { ssh: { ...last, knownHosts, jump: [first] } } });
});
afterAll(async () => {
  await at?.folder.dispose();
  await far?.dispose();
  await near?.dispose();
});

describe.skipIf(!isRoot)("an instance behind a jump", () => {
  it("is reached again at once after its host's sshd was started again, by the jump that was never lost", async () => {
    const { id, outs } = await instance.create(inputs);
    await instance.read(id, outs);
    const marks = { near: await near.mark(), far: await far.mark() };
    await far.stop();
    await far.start();
    const { props } = await instance.read(id, outs);
    expect(props).toEqual(outs);
    expect(await near.handshakes(marks.near)).toBe(0);
    expect(await far.handshakes(marks.far)).toBe(1);
    await instance.delete(id, outs as Properties);
  });
});
