/** The kit itself, with a plain dynamic resource: to be replaced by the tests of Instance. */
import { afterEach, describe, expect, test } from "vitest";
import { type PackageManager, type Project, project } from "../support/engine";

const program = (value: string, seconds = 0) => `
  const pulumi = require("@pulumi/pulumi");
  const provider = {
    async create(inputs) {
      await new Promise((resolve) => setTimeout(resolve, ${seconds * 1000}));
      return { id: "thing-1", outs: { ...inputs, flag: process.env.KIT_FLAG ?? "none" } };
    },
    async diff(id, olds, news) { return { changes: olds.value !== news.value }; },
    async update(id, olds, news) { return { outs: { ...news, flag: "updated" } }; },
    async read(id, props) { return { id, props }; },
  };
  class Thing extends pulumi.dynamic.Resource {
    constructor(name, args) { super(provider, name, { ...args, flag: undefined }); }
  }
  const thing = new Thing("thing", { value: ${JSON.stringify(value)} });
  exports.flag = thing.flag;
`;

let made: Project | undefined;
afterEach(async () => {
  await made?.dispose();
  made = undefined;
});

describe.each<PackageManager>(["npm", "pnpm"])("a project installed by %s", (manager) => {
  test("is brought up, unchanged, changed, refreshed and destroyed", async () => {
    made = await project({ manager, program: program("one"), config: { size: "3" } });

    const preview = await made.preview();
    expect(preview.stdout).toContain("2 to create");

    const first = await made.with({ KIT_FLAG: "given" }).up();
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 created") });
    expect(first.events.some((event) => "resOutputsEvent" in event)).toBe(true);
    expect(await made.outputs()).toEqual({ flag: "given" });

    const second = await made.up("--expect-no-changes");
    expect(second).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 unchanged") });

    await made.setProgram(program("two"));
    expect(await made.up()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("1 updated") });
    expect(await made.refresh("--preview-only", "--expect-no-changes")).toMatchObject({ exitCode: 0 });

    const { resources, text } = await made.state();
    expect(resources.map((resource) => resource.type)).toContain("pulumi-nodejs:dynamic:Resource");
    expect(text).toContain('"two"');

    expect(await made.destroy()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 deleted") });
    expect((await made.state()).resources).toEqual([]);
  });
});

test("the provider of one run can be killed, and its run fails", async () => {
  made = await project({ program: program("one", 30) });
  const running = made.start("up", "--yes", "--skip-preview");
  const [provider] = await running.providerPids();
  expect(provider).toBeGreaterThan(0);
  process.kill(provider as number, "SIGKILL");
  const { exitCode } = await running.finished;
  expect(exitCode).toBeGreaterThan(0);
});

test("a run past its time limit is ended with all it started", async () => {
  made = await project({ program: program("one", 30) });
  const running = made.with({}, 5_000).start("up", "--yes", "--skip-preview");
  const [provider] = await running.providerPids();
  expect((await running.finished).exitCode).toBeNull();
  expect(() => process.kill(provider as number, 0)).toThrow("ESRCH");
});
