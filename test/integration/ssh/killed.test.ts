/**
 * SIGKILL of the provider while initdb runs on another host: that goes on, or is no more. The next `up`, which knows
 * nothing of it, joins it or does it again, and nothing of the killed one is left.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { type Elsewhere, elsewhere } from "../../support/elsewhere";
import { type Ending, ending, requireEnding, requireNothing } from "../../support/ending";
import { heldInitdb } from "../../support/initdb";
import { type Place, place } from "../../support/instances";
import { until } from "../../support/processes";
import { type TestHost, testHost } from "../../support/ssh/host";
import { loginTo } from "../../support/way";

let host: TestHost;
let provider: Elsewhere;
let at: Place;
let inputs: Properties;
let wanted: Ending;

async function removed(id: string, outs: Properties): Promise<void> {
  await instance.delete(id, outs);
  await requireNothing(at);
}

beforeAll(async () => {
  if (existsSync("/dev/shm")) vi.stubEnv("TMPDIR", "/dev/shm");
  [host, provider, at] = await Promise.all([testHost(), elsewhere(), place("17")]);
  const { name, keyFile } = await loginTo(host, "deploy");
  const { address, port, knownHosts } = host;
  const ssh = { host: address, port, user: name, privateKeyFile: keyFile, knownHosts: [knownHosts] };
  inputs = await at.inputs({ host: { ssh }, settings: { work_mem: "5MB" } });
  const { id, outs } = await instance.create(inputs);
  wanted = await ending(at, outs);
  await removed(id, outs);
});
afterAll(async () => {
  await provider.dispose();
  await at.folder.dispose();
  await host.dispose();
  vi.unstubAllEnvs();
});

/** What there is from each on, seen from the instance's own folder. */
const moments = [
  ["its step has begun", "step.name"],
  ["its folder is made", "new"],
  ["pg_control is written", "new/global/pg_control"],
  ["template0 is made", "new/base/4"],
  ["the database postgres is made", "new/base/5"],
  ["the data directory is in place", "../main"],
] as const;

/** How many of them came while initdb could still be stopped. */
let joined = 0;

/** Waits for the step of an earlier session, for up to an hour. */
const waits = () => host.processes().some(({ argv }) => argv.trim().endsWith(" -w 3600 8"));

describe("a provider that is killed over SSH", () => {
  it.each(moments)("once %s: the next up joins the initdb that still runs", async (_, moment) => {
    const { kill, ended } = await provider.start({ method: "create", args: [inputs] });
    const initdb = await heldInitdb(at, moment);
    kill();
    expect(await ended).toBe(true);
    const next = instance.create(inputs);
    if (initdb.isAtWork) {
      await until("the next up to wait", waits);
      joined += 1;
    }
    initdb.goOn();
    const { id, outs } = await next;
    await requireEnding(at, outs, wanted);
    await removed(id, outs);
  });

  it("was joined at more than one of them", () => expect(joined).toBeGreaterThan(1));

  it.each(moments)("once %s, and initdb with it: the next up repairs what is left", async (_, moment) => {
    const { kill, ended } = await provider.start({ method: "create", args: [inputs] });
    const initdb = await heldInitdb(at, moment);
    kill();
    await initdb.die();
    expect(await ended).toBe(true);
    const { id, outs } = await instance.create(inputs);
    await requireEnding(at, outs, wanted);
    await removed(id, outs);
  });

  it("leaves no process on the host", async () => {
    const isListener = (argv: string) => /sshd.* -D/.test(argv);
    await until(
      "the end of every session, ours among them",
      () => host.processes().every(({ argv }) => isListener(argv)),
      20,
    );
  });
});
