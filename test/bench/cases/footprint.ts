/** What the provider's process takes of the memory for a hundred instances, beside a hundred resources that are nothing. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Project } from "../../support/engine";
import type { Case } from "../comparison";
import type { Bench } from "./bench";
import { stacks } from "./preview";

const amount = 100;

export async function footprint({ site, say }: Bench): Promise<Case> {
  const { instances, nulls, close } = await stacks(site, [amount]);
  const [ours, nothing] = [instances[0], nulls[0]];
  if (!ours || !nothing) throw new Error("no stack");
  say(`  the state has ${await bytesOfOne(ours)} bytes an instance`);
  return {
    ours: { name: "ours", run: () => memoryOf(ours) },
    peers: [{ name: "null", run: () => memoryOf(nothing) }],
    unit: "MiB",
    close,
  };
}

/** As the engine keeps it: without the white space of an export. */
async function bytesOfOne(project: Project): Promise<number> {
  const { deployment } = JSON.parse(await project.succeed("stack", "export"));
  const of = deployment.resources.filter(({ id }: { id?: string }) => id?.startsWith("preview"));
  return Math.round(Buffer.byteLength(JSON.stringify(of)) / of.length);
}

/** The most that a process of the provider has held while a preview ran, in MiB. */
async function memoryOf(project: Project): Promise<number> {
  let isOver = false;
  let most = 0;
  const run = project.succeed("preview", "--expect-no-changes").finally(() => {
    isOver = true;
  });
  while (!isOver) {
    most = Math.max(most, ...(await Promise.all((await readdir("/proc")).map(highWater))));
    await sleep(20);
  }
  await run;
  if (most === 0) throw new Error("no process of a provider was seen");
  return most / 1024;
}

/** Of a process of a dynamic provider, in kB; 0: it is another, or gone. */
async function highWater(pid: string): Promise<number> {
  if (!/^\d+$/.test(pid)) return 0;
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "");
  if (!(await read("cmdline")).includes("/cmd/dynamic-provider")) return 0;
  return Number(/^VmHWM:\s*(\d+)/m.exec(await read("status"))?.[1] ?? 0);
}
