/** What is left of the system's ssh once the process that uses it has ended, or was killed: nothing. */
import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { type Built, builtProvider } from "../../support/built";
import { type Elsewhere, elsewhere } from "../../support/elsewhere";
import { requireNothing } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import { heldInitdb } from "../../support/initdb";
import { type Place, place } from "../../support/instances";
import { processesWith, until } from "../../support/processes";
import { type TestHost, testHost } from "../../support/ssh/host";
import { byConfiguration, loginTo } from "../../support/way";

let host: TestHost;
let at: Place;
let provider: Elsewhere;
let built: Built;
let openssh: Properties;
/** Of the process that is to end: what it leaves there, or names it, is its own. */
let temporary: string;
let runs = 0;

inMemory();
beforeAll(async () => {
  [host, at, provider, built] = await Promise.all([testHost(), place("17"), elsewhere(), builtProvider()]);
  openssh = await byConfiguration(host, await loginTo(host, "deploy"));
});
beforeEach(async () => {
  temporary = join(host.folder, `t${runs++}`);
  await mkdir(temporary);
});
afterAll(async () => {
  await built.dispose();
  await provider.dispose();
  await at.folder.dispose();
  await host.dispose();
});

const running = () => processesWith(temporary).map(({ argv }) => argv);
/** Its servers stay. */
const sessions = () => host.processes().filter(({ argv }) => /^sshd(-session)?: (?!.* -D )/.test(argv));

async function nothingLeft(): Promise<void> {
  await until("the end of every ssh", () => running().length === 0);
  expect(await readdir(temporary)).toEqual([]);
  // Of this process, too, whose connection is idle.
  await until("the end of every session on the host", () => sessions().length === 0, 20);
}

describe("nothing is left of ssh", () => {
  it("after a process that has ended", async () => {
    const inputs = await at.inputs({ host: { openssh } });
    const { id, outs } = await instance.create(await at.inputs());
    const environment = { TMPDIR: temporary };
    const { ended } = await provider.start({ method: "update", args: [id, outs, inputs] }, { environment });
    await until("its connection", () => running().some((argv) => argv.includes("ssh -M")));
    expect(await ended).toBe(false);
    await nothingLeft();
    await instance.delete(id, outs);
    await requireNothing(at);
  });

  it("after a process that was killed in mid-initdb, which goes on", async () => {
    const inputs = await at.inputs({ host: { openssh } });
    const environment = { TMPDIR: temporary };
    const { kill, ended } = await provider.start({ method: "create", args: [inputs] }, { environment });
    const initdb = await heldInitdb(at, "new/global/pg_control");
    expect((await readdir(temporary)).length).toBe(1);
    kill();
    expect(await ended).toBe(true);
    await until("the end of every ssh", () => running().length === 0);
    expect(await readdir(temporary)).toEqual([]);
    initdb.goOn();
    const { id, outs } = await instance.create(inputs);
    await instance.delete(id, outs);
    await requireNothing(at);
  });

  it("after a script that has no more to do, which an idle connection does not keep", async () => {
    const script = `
      const { list } = require(process.argv[1] + "/provider/instances/index.js");
      (async () => { for await (const one of list({ openssh: JSON.parse(process.argv[2]) })); })()
        .then(() => { const at = Date.now(); process.on("exit", () => console.log(Date.now() - at)); });`;
    const argv = ["-e", script, built.path, JSON.stringify(openssh)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      env: { PATH: process.env.PATH, TMPDIR: temporary },
    });
    // The connection itself would be closed after 10 s.
    expect(Number(stdout)).toBeLessThan(5000);
    await nothingLeft();
  });
});
