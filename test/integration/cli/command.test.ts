/** The command as a process of its own: what it prints and exits with, here and over SSH. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply } from "../../../provider/instances";
import { obtainPulumi } from "../../../scripts/setup/pulumi.mjs";
import { type Scripted, scripted } from "../../support/api";
import { type Built, builtProvider } from "../../support/built";
import { installRoot } from "../../support/engine";
import { editAsOwner, runAsOwner } from "../../support/servers";
import { type Done, execute } from "../../support/ssh/clients";
import { openWay, type Way } from "../../support/way";

const isRoot = process.getuid?.() === 0;
const quiet = () => undefined;

let built: Built;
let environment: NodeJS.ProcessEnv;
beforeAll(async () => {
  const [provider, pulumi] = await Promise.all([builtProvider(), obtainPulumi(quiet)]);
  built = provider;
  environment = { PATH: `${pulumi.directory}:${process.env.PATH}`, HOME: built.path };
});
afterAll(() => built?.dispose());

function command(...words: readonly string[]): Promise<Done> {
  return execute(process.execPath, [join(built.path, "sdk", "cli", "main.js"), ...words], environment);
}

/** The way to a host as options say it. */
function wordsOf({ args }: Way): string[] {
  const { ssh, openssh } = args.host ?? {};
  const become = args.become ? ["--become", "sudo"] : [];
  if (openssh) {
    const { host, port, configFile } = openssh;
    return [`${host}:${port}`, "--openssh", "--ssh-config", String(configFile), ...become];
  }
  if (!ssh) return [];
  const { host, port, user, privateKeyFile, knownHosts } = ssh;
  const files = (knownHosts as string[]).flatMap((file) => ["--known-hosts", file]);
  return [`${user}@${host}:${port}`, "--key", String(privateKeyFile), ...files, ...become];
}

interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly { level: string; text: string; remedy: string | null }[];
}

describe.each(["local", "ssh", "openssh"] as const)("an instance as the command sees it (%s)", (name) => {
  let at: Scripted;
  let way: string[];
  let port: number;
  let other: string;
  /** Others run at the same time. */
  const unique = `command${process.pid}${name}`;
  beforeAll(async () => {
    at = await scripted(name, "17");
    const settings = { max_connections: 50, work_mem: "16MB", archive_command: "cp canary" };
    const manifest = at.manifest(settings, { name: unique });
    port = Number(manifest.port);
    await apply(at.host, manifest);
    other = `${at.folder.path}/by hand`;
    await runAsOwner(`${at.ref.binDirectory}/initdb`, "--auth=peer", "--no-sync", "-D", other);
    way = wordsOf(at.way);
  });
  afterAll(() => at?.dispose());

  const owned = (...words: readonly string[]) => [...words, "--owner", String(at.ref.owner)];

  it("is listed beside one of another maker", async () => {
    const words = owned("list", ...way, "--under", at.folder.path);
    const table = await command(...words);
    expect(table).toMatchObject({ code: 0, stderr: "" });
    const lines = table.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^NAME +VERSION +PORT +STATUS +MANAGED +DATA DIRECTORY( +PROBLEM)?$/);
    const row = (data: string) => lines.find((line) => line.endsWith(data))?.split(/ {2,}/);
    expect(row(at.data)).toEqual([unique, "17", String(port), "running", "yes", at.data]);
    expect(row(other)).toEqual(["by hand", "17", "5432", "stopped", "no", other]);
    const json = await command(...words, "--json");
    expect(json).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(json.stdout)).toEqual(
      expect.arrayContaining([
        {
          name: unique,
          version: "17",
          port,
          status: "running",
          managed: true,
          dataDirectory: at.data,
          binDirectory: at.ref.binDirectory,
        },
        {
          name: "by hand",
          version: "17",
          port: 5432,
          status: "stopped",
          managed: false,
          dataDirectory: other,
          binDirectory: null,
        },
      ]),
    );
  });

  it("is shown by its name, with its version or without, and by its data directory, without what may be secret", async () => {
    await at.sql("SELECT pg_create_physical_replication_slot('kept')");
    const byName = await command(...owned("get", ...way, unique));
    expect(byName).toMatchObject({ code: 0, stderr: "" });
    const rows = byName.stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows).toEqual(
      expect.arrayContaining([
        ["PROPERTY", "VALUE"],
        ["name", unique],
        ["port", String(port)],
        ["dataDirectory", at.data],
        ["pendingRestart", "no"],
        ["replication", "a primary"],
        ["SETTING", "VALUE"],
        ["work_mem", "16MB"],
        ["archive_command", "(not shown)"],
        ["SLOT", "ACTIVE", "WAL", "KEPT"],
        ["kept", "no", "-", "-"],
      ]),
    );
    expect(await command(...owned("get", ...way, `17/${unique}`))).toEqual(byName);
    const byPlace = await command(...owned("get", ...way, `${at.data}/`, "--json"));
    expect(byPlace).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(byPlace.stdout)).toMatchObject({
      ...{ name: unique, version: "17", port, state: "started", role: "primary", pendingRestart: false },
      settings: { work_mem: "16MB", archive_command: null },
      replication: { receiver: null, senders: [], slots: [{ name: "kept", active: false }] },
    });
    expect(byName.stdout + byPlace.stdout).not.toContain("canary");
  });

  it("is not shown where it is another's, or not there", async () => {
    const where = way[0] ?? "this machine";
    expect(await command(...owned("get", ...way, other))).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: 17/by hand on ${where} at ${other} is not managed by this provider\nAdopt or import it to have it managed.\n`,
    });
    const missing = await command(...owned("get", ...way, `no-${unique}`));
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(`error: there is no instance no-${unique} on ${where}\n`);
    expect(missing.stderr).toContain(`17/${unique}`);
    await editAsOwner('mkdir "$2" && cp -a "$1" "$2"', other, `${at.folder.path}/second`);
    const twice = await command(...owned("get", ...way, "by hand", "--under", at.folder.path));
    expect(twice).toMatchObject({ code: 2, stdout: "" });
    expect(twice.stderr).toContain(
      `by hand is the name of several: 17 at ${other}, 17 at ${at.folder.path}/second`,
    );
  });

  it("is fine for the doctor while nothing waits, and warned of when something does", async () => {
    const words = owned("doctor", ...way, "--bin-directory", String(at.ref.binDirectory), "--version", "17");
    const before = await diagnose(words);
    expect(before.findings).toEqual(
      expect.arrayContaining([
        { level: "ok", text: `Node ${process.versions.node} on this machine`, remedy: null },
        { level: "ok", text: expect.stringMatching(/^Pulumi 3\.\d+\.\d+ on this machine$/), remedy: null },
        { level: "ok", text: `may run as ${at.ref.owner}`, remedy: null },
        {
          level: expect.stringMatching(/^(ok|notice)$/),
          text: expect.stringContaining(`in ${at.ref.binDirectory}`),
          remedy: before.findings.find(({ text }) => text.includes(String(at.ref.binDirectory)))?.remedy,
        },
        { level: "ok", text: `17/${unique}, a primary at port ${port}, is running`, remedy: null },
      ]),
    );
    expect(before.findings.filter(({ level }) => level === "failed")).toEqual([]);
    await at.sql("ALTER SYSTEM SET max_connections = 60");
    await at.sql("SELECT pg_reload_conf()");
    const line = `17/${unique}: max_connections 50 -> 60 waits for a restart`;
    const after = await diagnose(words);
    expect(after.ok).toBe(true);
    expect(after.findings).toContainEqual({
      level: "warning",
      text: line,
      remedy: expect.stringContaining("Restart it when its clients can bear that"),
    });
    const gate = await command(...words, "--exit-code");
    expect(gate).toMatchObject({ code: 1, stderr: "" });
    expect(gate.stdout).toContain(`warning  ${line}\n         Restart it when`);
    const seen = await command(...owned("get", ...way, unique));
    expect(seen.stdout).toMatch(/^pendingRestart +max_connections 50 -> 60$/m);
  });

  async function diagnose(words: readonly string[]): Promise<Diagnosis> {
    const { code, stdout, stderr } = await command(...words, "--json");
    const found: Diagnosis = JSON.parse(stdout);
    expect({ code, stderr }).toEqual({ code: found.ok ? 0 : 1, stderr: "" });
    return found;
  }

  it("is a warning of the doctor when it is broken", async () => {
    await runAsOwner(`${at.ref.binDirectory}/pg_ctl`, "-w", "-m", "fast", "-D", at.data, "stop");
    await editAsOwner('mv "$1" "$1.away"', `${at.data}/global/pg_control`);
    const words = owned("doctor", ...way, "--version", "17", "--under", at.folder.path);
    const { stdout } = await command(...words);
    expect(stdout).toContain(`warning  17/${unique}: ${at.data} has no readable global/pg_control`);
  });
});

describe("a host", () => {
  let way: Way;
  let means: string[];
  let place: string;
  beforeAll(async () => {
    way = await openWay("ssh");
    [place = "", ...means] = wordsOf(way);
  });
  afterAll(() => way?.dispose());

  /** As the command and the doctor say it. */
  async function expectRefusal(words: readonly string[], refusal: string, remedy: string): Promise<void> {
    const list = await command("list", ...words);
    expect(list).toMatchObject({ code: 1, stdout: "" });
    expect(list.stderr).toMatch(new RegExp(`^error: .*${refusal}.*\\n.*${remedy}`));
    const doctor = await command("doctor", ...words);
    expect(doctor).toMatchObject({ code: 1, stderr: "" });
    expect(doctor.stdout).toMatch(new RegExp(`^failed {3}.*${refusal}.*\\n {9}.*${remedy}`, "m"));
  }

  it("whose key is not known is refused", async () => {
    const none = join(built.path, "none");
    await writeFile(none, "");
    const words = [place, "--key", String(means[1]), "--known-hosts", none];
    await expectRefusal(words, "host key not known\\.", "Nothing was sent\\.");
  });

  it("that does not answer is out of reach", async () => {
    const closed = place.replace(/:\d+$/, ":1");
    await expectRefusal([closed, ...means], "connect: connection refused", "See that sshd runs there");
  });

  it("that does not know the login says so", async () => {
    const stranger = place.replace(/^\w+@/, "nobody-of-here@");
    await expectRefusal(
      [stranger, ...means],
      "refuses the login nobody-of-here",
      "See that nobody-of-here is a user",
    );
  });

  it.runIf(isRoot)("that has no such owner says so, and one whom nothing makes of the login", async () => {
    const others = means.filter((word) => !["--become", "sudo"].includes(word));
    await expectRefusal(
      [place, ...others, "--owner", "nobody-of-here"],
      "has no user nobody-of-here",
      "Make it",
    );
    const words = ["doctor", place, ...others, "--become", "none", "--owner", "postgres"];
    expect(await command(...words)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^failed {3}become: cannot run as postgres on .*, only as deploy$/m),
    });
  });

  it.runIf(isRoot)("whose login may not become the owner says so", async () => {
    const { host } = way;
    const login = await host?.login("plain", { shell: "/bin/bash" });
    const known = ["--known-hosts", String(host?.knownHosts), "--owner", "postgres"];
    const words = [`plain@${host?.address}:${host?.port}`, "--key", String(login?.keyFile), ...known];
    const { code, stdout } = await command("doctor", ...words);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok {7}reached .* as plain$/m);
    expect(stdout).toMatch(/^failed {3}.*plain.*postgres/m);
  });
});

describe("the command", () => {
  const usage = "See `pulumi-pginstance --help`.\n";

  it.each([
    [[], `error: a command is missing; there are list, get, import, doctor\n${usage}`],
    [["drop"], `error: there is no command "drop"; there are list, get, import, doctor\n${usage}`],
    [["toString"], `error: there is no command "toString"; there are list, get, import, doctor\n${usage}`],
    [["list", "a", "b"], `error: too many words: "a", "b"\n${usage}`],
    [["get"], `error: NAME, VERSION/NAME or DATA_DIRECTORY is missing\n${usage}`],
    [["list", "--version", "13"], 'error: list: "13" is none of 14, 15, 16, 17, 18\n'],
    [
      ["list", "--become", "magic"],
      'error: become.method: "magic" is none of "none", "runuser", "sudo", "doas", "su"\n',
    ],
    [
      ["list", "--owner", "root"],
      "error: owner: PostgreSQL refuses to run as root; use a user of its own, as in",
    ],
    [["doctor", "db1:ssh"], 'error: host.ssh.port: "ssh" is no port: a number between 1 and 65535\n'],
    [["get", "a b", "x"], 'error: host.ssh.host: "a b" is no host name or address alone'],
  ])("is used wrongly with %j", async (words, message) => {
    const { code, stdout, stderr } = await command(...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("prints its help, and needs nothing else for that", async () => {
    const help = await command("--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: pulumi-pginstance COMMAND/);
    expect(await command("get", "--help")).toEqual(help);
  });

  it.runIf(isRoot)("finds nothing where there is nothing", async () => {
    const words = ["list", "--owner", "daemon"];
    expect(await command(...words)).toEqual({
      code: 0,
      stdout: "No instances on this machine. With --under DIR more places are looked at.\n",
      stderr: "",
    });
    expect(await command(...words, "--json")).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
    expect(await command("get", "--owner", "daemon", "orders")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "error: there is no instance orders on this machine\nThere is none at all",
      ),
    });
  });

  it("is installed with the package", async () => {
    const root = await installRoot("npm", quiet);
    const installed = await execute(join(root, "node_modules", ".bin", "pulumi-pginstance"), ["--help"]);
    expect(installed).toEqual(await command("--help"));
  });
});
