/** What one more instance adds to a preview without changes, beside a resource that is nothing at all. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { observedState, printObserved } from "../../../provider/schema/observed";
import { type Project, project } from "../../support/engine";
import type { Case } from "../comparison";
import type { Site, Spot } from "../site";
import { slope } from "../statistics";
import type { Bench } from "./bench";
import { counted } from "./counted";

const amounts = [1, 10, 100];

export async function preview({ site }: Bench): Promise<Case> {
  const { instances, nulls, close } = await stacks(site, amounts);
  const own = counted(site, 0, { name: "ours", run: () => costOfOne(instances) });
  return {
    ours: own.contender,
    counts: own.counts,
    peers: [{ name: "null", run: () => costOfOne(nulls) }],
    unit: "ms each",
    close,
  };
}

/** Stacks that are up, of so many instances each and of so many resources that are nothing. */
export async function stacks(site: Site, sizes: readonly number[]) {
  const projects: Project[] = [];
  const open = async (program: string) => {
    const made = await project({ program });
    projects.push(made);
    return made;
  };
  const spot = await site.spot("preview0");
  const close = async () => {
    await site.clear(spot);
    for (const one of projects) await one.dispose();
  };
  try {
    const nulls: Project[] = [];
    for (const size of sizes) nulls.push(await open(nullProgram(size)));
    for (const one of nulls) await one.succeed("up", "--yes", "--skip-preview");

    const first = await open(instanceProgram(site, spot, 1));
    await first.succeed("up", "--yes", "--skip-preview");
    const instances: Project[] = [];
    for (const size of sizes) {
      const next = size === 1 ? first : await open(instanceProgram(site, spot, size));
      if (next !== first) await multiply(first, next, spot, size);
      instances.push(next);
    }
    return { instances, nulls, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function costOfOne(projects: readonly Project[]): Promise<number> {
  const points: { x: number; y: number }[] = [];
  const upwards = [...projects.entries()];
  // There and back: a machine that becomes slower meanwhile tilts nothing.
  for (const [index, one] of [...upwards, ...upwards.toReversed()]) {
    const begin = performance.now();
    await one.succeed("preview", "--expect-no-changes");
    points.push({ x: amounts[index] ?? 0, y: performance.now() - begin });
  }
  return slope(points);
}

/** No inputs, no work, and its provider is as constant as ours: what is left is the engine's own. */
const nullProgram = (amount: number) => `
  const pulumi = require("@pulumi/pulumi");
  const provider = "exports.handler = () => ({" +
    "check: async (olds, inputs) => ({ inputs, failures: [] })," +
    "diff: async () => ({ changes: false })," +
    "create: async () => ({ id: 'nothing', outs: {} }) });";
  for (let index = 0; index < ${amount}; index++) {
    new pulumi.CustomResource("pulumi-nodejs:dynamic/nothing:Nothing", "nothing" + index, { __provider: provider });
  }`;

const instanceProgram = (site: Site, spot: Spot, amount: number) => `
  const { Instance } = require("pulumi-pginstance");
  const args = ${JSON.stringify(args(site, spot))};
  for (let index = 0; index < ${amount}; index++) {
    const name = "preview" + index;
    new Instance(name, { ...args, name, dataDirectory: args.dataDirectory.replace("preview0", name) });
  }`;

const args = ({ programs, owner, folder, access }: Site, { port, data }: Spot) => ({
  ...{ version: programs.major, binDirectory: programs.binDirectory, owner, port, dataDirectory: data },
  settings: { unix_socket_directories: folder, work_mem: "8MB", max_connections: 50 },
  host: access(0),
});

/** As an export that shows secrets has one. */
interface Secret {
  readonly plaintext: string;
}

/** A hundred servers would say nothing more about a preview than a hundred entries in the state. */
async function multiply(from: Project, to: Project, spot: Spot, amount: number): Promise<void> {
  const { deployment } = JSON.parse(await from.succeed("stack", "export", "--show-secrets"));
  const copies = deployment.resources.flatMap((resource: { outputs?: { observed?: Secret } }) => {
    const secret = resource.outputs?.observed;
    if (!secret) return [resource];
    return Array.from({ length: amount }, (_, index) => {
      const named = <T>(value: T): T =>
        JSON.parse(JSON.stringify(value).replaceAll(spot.name, `preview${index}`));
      const observed = printObserved(named(observedState.parse(JSON.parse(secret.plaintext))));
      return named({
        ...resource,
        outputs: { ...resource.outputs, observed: { ...secret, plaintext: JSON.stringify(observed) } },
      });
    });
  });
  const empty = JSON.parse(await to.succeed("stack", "export"));
  const file = join(to.folder, "state.json");
  await writeFile(file, JSON.stringify({ ...empty, deployment: { ...empty.deployment, resources: copies } }));
  await to.succeed("stack", "import", "--file", file);
}
