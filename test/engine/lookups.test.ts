import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, project } from "../support/engine";
import { Scenario } from "../support/scenario";

/** A stack that makes an instance, and another that only looks at it. */
describe("a program that looks up an instance of another stack (ssh), in order:", () => {
  let it: Scenario;
  let other: Project;
  let id: unknown;
  beforeAll(async () => {
    it = await Scenario.open({ way: "ssh", major: "15" });
    other = await project({ program: "" });
    await it.declare(
      'settings: { work_mem: "8MB", archive_command: "echo canary" }, superuserPassword: "canary-2"',
      {
        after: "exports.id = main.id;",
      },
    );
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    ({ id } = await it.project.outputs());
  });
  afterAll(async () => {
    await other?.dispose();
    await it?.close();
  });

  const program = (wanted: unknown) => `
    const { Instance, getInstance, getInstanceOutput, getSettings, listInstances } = require("pulumi-pginstance");
    const pulumi = require("@pulumi/pulumi");
    module.exports = async () => {
      const { port, binDirectory, ...rest } = { ${it.place} };
      const args = { ...rest, name: "main" };
      const found = await getInstance(args);
      const settings = await getSettings(args);
      const { host, become } = args;
      const listed = await listInstances({ host, become, under: [${JSON.stringify(it.directory.path)}] });
      const got = Instance.get("theirs", ${JSON.stringify(wanted)}, args);
      pulumi.log.info("seen at preview: " + found.serverVersion);
      return {
        found,
        workMem: settings.work_mem, command: settings.archive_command,
        listed: listed.filter((one) => one.dataDirectory === args.dataDirectory),
        later: getInstanceOutput({ ...args, name: pulumi.output(args.name) }).port,
        got: { port: got.port, role: got.role, uri: got.uri, systemIdentifier: got.systemIdentifier },
      };
    };`;

  test("sees it in the preview already, and has it after the update", async () => {
    await other.setProgram(program(id));
    expect((await other.preview()).stdout).toContain("seen at preview: 15.");
    expect(await other.up()).toMatchObject({ exitCode: 0 });
    const seen = await other.outputs();
    expect(seen).toMatchObject({
      found: { name: "main", port: it.port, role: "primary", state: "started", pendingRestart: false },
      workMem: { value: "8192", unit: "kB", hidden: false },
      command: { value: null, hidden: true },
      listed: [{ name: "main", version: "15", status: "running", port: it.port }],
      later: it.port,
      got: {
        port: it.port,
        role: "primary",
        uri: expect.stringMatching(/^postgresql:\/\/postgres@.*\/postgres$/),
      },
    });
    expect(JSON.stringify(seen)).not.toMatch(/canary|SCRAM/);
    const { text } = await other.state();
    expect(text).not.toMatch(/canary|SCRAM/);
  });

  test("has nothing to change then, and its destroy leaves the instance alone", async () => {
    expect(await other.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await other.refresh()).toMatchObject({ exitCode: 0 });
    expect(await other.destroy()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("8MB");
  });

  test("is told in the preview when there is none, or another", async () => {
    await other.setProgram(program("main-0000000000"));
    const another = await other.preview();
    expect(another.exitCode).not.toBe(0);
    expect(another.stdout).toContain(`15/main is ${id}, not main-0000000000`);
  });

  test("lifts the protection only with a word on the final dump, which the destroy then makes", async () => {
    const dumps = `${it.directory.path}/dumps`;
    const base =
      'settings: { work_mem: "8MB", archive_command: "echo canary" }, superuserPassword: "canary-2"';
    const declare = (more: string) => it.declare(`${base}, ${more}`);
    await declare("deletionProtection: true");
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    await declare("deletionProtection: false");
    const refused = await it.project.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stdout).toContain("finalDump: must be said before the protection is lifted");
    await declare(`deletionProtection: false, finalDump: ${JSON.stringify(dumps)}`);
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    const destroyed = await it.project.destroy();
    // The embedded programs have no pg_dumpall; Debian's may stand in for them.
    expect(destroyed).toMatchObject({ exitCode: 0 });
    expect(destroyed.stdout).toMatch(/the final dump of 15\/main on .* is .*\/dumps\/main-15-\d+T\d+Z\.sql/);
    expect(await it.edit('grep -c "cluster dump complete" "$3"/*.sql', dumps)).toBe("1\n");
    expect(await it.leftovers()).toEqual(["dumps"]);
  });
});
