import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../provider/instances";
import { installRoot, type Project, project } from "../support/engine";
import { debianCluster, type Foreign, handMade, pgliftInstance } from "../support/foreign";
import { owner } from "../support/instances";
import { binDirectory, freePort, type OwnedDirectory, ownedDirectory } from "../support/servers";

const secretive = ["app.password", "archive_command", "restore_command", "ssl_passphrase_command"];

/** As root alone Debian's tools make a cluster for postgres. */
const makers = [
  () => handMade(["work_mem = 6MB  # by hand", ...secretive.map((name) => `${name} = 'canary'`)]),
  pgliftInstance,
  ...(process.getuid?.() === 0 ? [debianCluster] : []),
];

describe("a host whose instances are imported, in order:", () => {
  let theirs: Foreign[];
  let folder: OwnedDirectory;
  let stack: Project;
  let program: string;
  const data = (name: string) => join(folder.path, "instances", name);
  const all = () => [...theirs.map(({ dataDirectory }) => dataDirectory), data("orders"), data("archive")];

  beforeAll(async () => {
    [folder, stack, ...theirs] = await Promise.all([
      ownedDirectory(),
      project({ program: "" }),
      ...makers.map((make) => make()),
    ]);
    const bin = await binDirectory("15");
    for (const [name, more] of Object.entries(ours)) {
      const place = { dataDirectory: data(name), binDirectory: bin, owner, port: await freePort() };
      const settings = { unix_socket_directories: folder.path, work_mem: "8MB" };
      await apply({ local: {} }, { name, version: "15", ...place, settings, ...more });
    }
  });
  afterAll(async () => {
    await stack?.dispose();
    await Promise.all([...(theirs ?? []), folder].map((it) => it?.dispose()));
  });

  const ours = {
    orders: {
      hba: {
        app: { type: "host", database: "all", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" },
      },
      auth: { local: "peer" },
    },
    archive: { state: "stopped" },
  } as const;

  const fingerprints = () => Promise.all(theirs.map((it) => it.fingerprint()));
  const asScript = (text: string) =>
    text
      .replace(
        'import { Instance } from "pulumi-pginstance";',
        'const { Instance } = require("pulumi-pginstance");',
      )
      .replaceAll("export const", "const");

  test("the command writes the import file and the program, and nothing on the host", async () => {
    const before = await fingerprints();
    const main = join(await installRoot("npm"), "node_modules/pulumi-pginstance/dist/sdk/cli/main.js");
    const only = all().flatMap((directory) => ["--only", directory]);
    const under = [`--under=${folder.path}`, `--owner=${owner}`, `--into=${stack.folder}`];
    const { stdout } = await promisify(execFile)(process.execPath, [main, "import", ...under, ...only]);
    expect(stdout).toContain(`${all().length} instances: `);
    program = await readFile(join(stack.folder, "instances.ts"), "utf8");
    expect(program.match(/^export const /gm)).toHaveLength(all().length);
    expect(program).toContain('work_mem: "6MB"');
    for (const name of secretive) expect(program).toContain(`// ${name} (postgresql.conf:`);
    const file = await readFile(join(stack.folder, "import.json"), "utf8");
    expect(program + file).not.toContain("canary");
    expect(await fingerprints()).toEqual(before);
    for (const { dataDirectory } of theirs) expect(existsSync(`${dataDirectory}.pginstance`)).toBe(false);
  });

  test("the engine takes them all over, and has nothing to change then", async () => {
    const before = await fingerprints();
    await stack.setProgram(asScript(program));
    await stack.succeed("import", "--file", "import.json", "--generate-code=false", "--yes");
    const preview = await stack.preview("--expect-no-changes", "--diff");
    expect(preview, preview.stdout).toMatchObject({ exitCode: 0 });
    expect(await stack.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await fingerprints()).toEqual(before);
    const { text } = await stack.state();
    expect(text).not.toContain("canary");
  });

  test("a first change is made, and is all that is different", async () => {
    await stack.setProgram(asScript(program).replaceAll(/work_mem: "[68]MB"/g, 'work_mem: "7MB"'));
    const up = await stack.up();
    expect(up, up.stdout + up.stderr).toMatchObject({ exitCode: 0 });
    const marked = theirs.map(({ dataDirectory }) => existsSync(`${dataDirectory}.pginstance/marker.json`));
    expect(marked).toEqual(theirs.map((_, index) => index === 0));
    expect(await readFile(theirs[0]?.files[0] ?? "", "utf8")).toMatch(/^work_mem = 7MB/m);
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });
});
