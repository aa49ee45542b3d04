import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";

let it: Scenario;

/** What the state has of them. */
async function instances() {
  return (await it.project.state()).resources.filter((one) => String(one.type).endsWith("Instance"));
}

/** A resource whose id only an update knows. */
const later = `
  class Later extends pulumi.dynamic.Resource {
    constructor(name) { super({ create: async () => ({ id: "1", outs: {} }) }, name, {}); }
  }
  const later = new Later("later");`;

/** Args that depend on it. */
function knownLater(): string {
  const host = JSON.stringify(it.way.args.host ?? { local: {} });
  return `port: later.id.apply(() => ${it.port}), host: later.id.apply(() => (${host}))`;
}

const [way, major] = ["ssh", "15"] as const;

describe(`${major} (${way}):`, () => {
  beforeAll(async () => {
    it = await Scenario.open({ way, major });
  });
  afterAll(() => it.close());

  describe("before anything exists", () => {
    afterEach(async () => expect(await it.leftovers()).toEqual([]));

    test("all that is wrong with a declaration is said at once, in the preview", async () => {
      await it.declare(
        'version: "13", port: 70000, name: "-x", state: "running", nmae: "x", auth: { host: "trust" }',
      );
      const { exitCode, stdout } = await it.project.preview();
      expect(exitCode).not.toBe(0);
      for (const words of [
        'version: "13" is none of "14", "15", "16", "17", "18"',
        "port: 70000 is not between 1 and 65535",
        'name: "-x" is no name of an instance',
        'state: "running" is none of "started", "stopped"',
        "nmae: is no property of an Instance",
        'auth.host: "trust" lets everybody in without a password',
      ]) {
        expect(stdout).toContain(words);
      }
    });

    test("unknown and malformed settings are refused with the nearest name, the range and the unit", async () => {
      await it.declare(
        'settings: { max_conections: 10, work_mem: "banana", max_connections: 7000000, port: 1, wal_level: "all" }',
      );
      const { stdout } = await it.project.preview();
      expect(stdout).toContain(
        `settings.max_conections: PostgreSQL ${major} has no such setting. Did you mean max_connections?`,
      );
      expect(stdout).toContain(
        'settings.work_mem: "banana" is no amount of memory; 64kB to 2147483647kB, as in "8MB" (default 4MB). ' +
          `See https://www.postgresql.org/docs/${major}/runtime-config-resource.html#GUC-WORK-MEM`,
      );
      expect(stdout).toMatch(/settings\.max_connections: 7000000 is outside 1 to 262143/);
      expect(stdout).toContain("settings.port: use the property port");
      expect(stdout).toMatch(/settings\.wal_level: "all" is none of minimal, replica, logical/);
    });

    test("the update refuses a port in use, and says by whom as far as the login may know", async () => {
      const listener = createServer().listen(it.port);
      await once(listener, "listening");
      // On a host of its own only sshd listens.
      const port = it.way.host?.port ?? it.port;
      await it.declare(`port: ${port}`);
      const up = await it.project.up();
      listener.close();
      expect(up.exitCode).not.toBe(0);
      const whose = it.way.host ? "" : " by .*node.* \\(process \\d+ of \\w+\\)";
      expect(up.stdout).toMatch(new RegExp(`port: ${port} on ${it.where} is in use${whose}`));
      expect(await instances()).toEqual([]);
    });

    test("the update refuses programs, a locale and a user that are not there, and nothing is done", async () => {
      const other = (name: string, args: string) =>
        `new Instance("${name}", { ${it.place}, dataDirectory: ${JSON.stringify(`${it.data}-${name}`)}, ${args} });`;
      await it.declare('binDirectory: "/nowhere/bin"', {
        after: `${other("speaking", 'locale: "tlh_KL.UTF-8"')} ${other("owned", 'owner: "nobody-here"')}`,
      });
      const up = await it.project.up("--continue-on-error");
      expect(up.exitCode).not.toBe(0);
      for (const words of [
        /binDirectory: no PostgreSQL \d+ on HOST .* Looked at \/nowhere\/bin/,
        /locale: HOST has no locale "tlh_KL\.UTF-8"\s+It has .*C/,
        /owner: HOST has no user nobody-here/,
      ]) {
        expect(up.stdout.replaceAll(it.where, "HOST")).toMatch(words);
      }
      expect(await instances()).toEqual([]);
    });

    test("a folder with somebody's files is not touched", async () => {
      await it.edit('mkdir "$1" && echo precious >"$1/file"');
      await it.declare();
      const up = await it.project.up();
      expect(up.exitCode).not.toBe(0);
      expect(up.stdout).toContain(
        `dataDirectory: ${it.data} on ${it.where} is not empty, and holds no PostgreSQL instance. It was not touched.`,
      );
      expect(await it.edit('cat "$1/file" && ls -A "$1" && rm -r "$1"')).toBe("precious\nfile\n");
    });

    test("an instance that is not ours is not touched", async () => {
      await it.edit('"$2/initdb" -D "$1" -A peer >/dev/null && cksum "$1/postgresql.conf" >"$1/../before"');
      await it.declare();
      const up = await it.project.up();
      expect(up.exitCode).not.toBe(0);
      expect(up.stdout).toMatch(/what is at .*\/data was not made by this provider\. It was not touched\./);
      await it.edit('cksum "$1/postgresql.conf" | cmp - "$1/../before" && rm "$1/../before" && rm -r "$1"');
    });
  });

  describe("an instance that exists", () => {
    const first = 'deletionProtection: true, settings: { work_mem: "8MB" }';
    beforeAll(async () => {
      await it.declare(first);
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    });

    test("its removal from the program is refused in the preview while it is protected", async () => {
      await it.project.setProgram("");
      const preview = await it.project.preview();
      expect(preview.exitCode).not.toBe(0);
      expect(preview.stdout + preview.stderr).toMatch(/main.*cannot be deleted|protected/s);
    });

    test("what cannot be changed is refused in the preview, with the way there is", async () => {
      await it.declare(
        `${first}, encoding: "LATIN1", name: "other", dataDirectory: "/srv/elsewhere", port: 5999`,
      );
      const preview = await it.project.preview();
      expect(preview.exitCode).not.toBe(0);
      for (const words of [
        "encoding: changing UTF8 to LATIN1 means a new, empty cluster; refused while deletionProtection is true",
        "name: changing main to other is not possible: a name is for life",
        "to /srv/elsewhere is not done by the provider: it never moves data",
        "to 5999 needs a restart; set restartOnChanges: true with it",
      ]) {
        expect(preview.stdout).toContain(words);
      }
    });

    test("another resource with the same folder is refused, and the first is not touched", async () => {
      await it.declare(first, { after: `new Instance("second", { ${it.place} });` });
      const up = await it.project.up();
      expect(up.exitCode).not.toBe(0);
      expect(up.stdout).toMatch(/what is at .*\/data belongs to main-[0-9a-f]{10}\. It was not touched\./);
      expect(await it.ask("SHOW work_mem")).toBe("8MB");
    });

    test("a new name in the program with an alias changes nothing", async () => {
      await it.declare(first, { name: "renamed", options: '{ aliases: [{ name: "main" }] }' });
      const preview = await it.project.preview();
      expect(preview).toMatchObject({ exitCode: 0 });
      expect(preview.stdout).not.toMatch(/replace|to delete|to create/);
      expect(preview.stdout).toMatch(/2 unchanged/);
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.ask("SHOW cluster_name")).toBe("main");
      expect(await it.project.refresh("--preview-only", "--expect-no-changes")).toMatchObject({
        exitCode: 0,
      });
    });

    test("a port and a host that are unknown in the preview are said to be so, and planned in the update", async () => {
      const options = '{ aliases: [{ name: "main" }] }';
      await it.declare(`${first}, ${knownLater()}`, { before: later, name: "renamed", options });
      const preview = await it.project.preview();
      expect(preview).toMatchObject({ exitCode: 0 });
      expect(preview.stdout).toContain(
        "plan: port is not known yet; what it changes is planned, or refused, in the update",
      );
      expect(preview.stdout).toContain("plan: host is not known yet");
      expect(preview.stdout).not.toContain("warning: restart");
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.ask("SHOW work_mem")).toBe("8MB");
    });

    test("it goes once the protection is lifted by an up of its own", async () => {
      await it.declare('settings: { work_mem: "8MB" }, deletionProtection: false, finalDump: "skip"', {
        name: "renamed",
        options: '{ aliases: [{ name: "main" }] }',
      });
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      expect(await it.leftovers()).toEqual([]);
    });
  });

  test("port and host unknown in the preview of a create are said to be so", async () => {
    await it.declare(knownLater(), { before: later });
    const preview = await it.project.preview();
    expect(preview).toMatchObject({ exitCode: 0 });
    expect(preview.stdout).toContain("plan: port is not known yet; it may be refused in the update");
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SELECT 1")).toBe(1);
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
  });
});
