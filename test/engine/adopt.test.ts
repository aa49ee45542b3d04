import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, project } from "../support/engine";
import { debianCluster, type Foreign, handMade, pgliftInstance } from "../support/foreign";
import { owner } from "../support/instances";

/** As root alone Debian's tools make a cluster for postgres. */
const makers =
  process.getuid?.() === 0 ? [handMade, pgliftInstance, debianCluster] : [handMade, pgliftInstance];

describe("instances that others made, taken over in one program, in order:", () => {
  let theirs: Foreign[];
  let stack: Project;
  beforeAll(async () => {
    theirs = await Promise.all(makers.map((make) => make()));
    stack = await project({ program: "" });
  });
  afterAll(async () => {
    await stack?.dispose();
    await Promise.all((theirs ?? []).map((it) => it.dispose()));
  });

  const declare = (args = "") =>
    stack.setProgram(`
      const { Instance } = require("pulumi-pginstance");
      for (const { name, ...place } of ${JSON.stringify(
        theirs.map(({ name, version, port, dataDirectory, binDirectory }) => ({
          ...{ name, version, port, dataDirectory, binDirectory, owner },
        })),
      )}) {
        const isDebian = place.version === "15";
        new Instance(name, { ...place, adopt: true, deletionProtection: false, ${args} });
      }`);
  const fingerprints = () => Promise.all(theirs.map((it) => it.fingerprint()));

  test("the preview says what adoption is; the update changes no byte and restarts nothing", async () => {
    await declare();
    const before = await fingerprints();
    const preview = await stack.preview();
    for (const { name, version, dataDirectory } of theirs) {
      expect(preview.stdout).toContain(
        `plan: adopt ${version}/${name} on this machine: ${dataDirectory} is taken over as it is. No file of it is changed, and nothing is restarted`,
      );
    }
    const up = await stack.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(up.stdout).toContain("was taken over as it is");
    expect(up.stdout).not.toContain("it is not as declared yet");
    expect(await fingerprints()).toEqual(before);
  });

  test("nothing is left to do then, and nothing has drifted", async () => {
    const before = await fingerprints();
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await stack.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await fingerprints()).toEqual(before);
  });

  test("a change is written where each has its files", async () => {
    await declare(
      'settings: { work_mem: "7MB", ...(isDebian && { max_connections: 40 }) }, restartOnChanges: true',
    );
    const preview = await stack.preview();
    const restarts = new Set(preview.stdout.match(/restart of \S+ on .*max_connections/g));
    expect(restarts.size).toBe(theirs.filter(({ version }) => version === "15").length);
    expect(await stack.up()).toMatchObject({ exitCode: 0 });
    for (const { files } of theirs)
      expect(await readFile(files[0] ?? "", "utf8")).toMatch(/^work_mem = 7MB/m);
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("a deletion removes the data, and names what it leaves", async () => {
    const destroy = await stack.destroy();
    expect(destroy).toMatchObject({ exitCode: 0 });
    expect(destroy.stdout).toMatch(/\/lifted\.wal was not made by the provider, and is left/);
    for (const { dataDirectory, files } of theirs) {
      expect(existsSync(dataDirectory)).toBe(false);
      const left = files.filter((file) => !file.startsWith(dataDirectory));
      for (const file of left) {
        expect(existsSync(file)).toBe(true);
        expect(destroy.stdout).toContain(`${file} was not made by the provider, and is left`);
      }
    }
  });
});
