import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Credentials, credentialsOf } from "../support/credentials";
import type { Run } from "../support/engine";
import { Scenario } from "../support/scenario";
import { traced } from "../support/traced";

/** Canaries: whoever finds one of these anywhere found a leak. */
const password = "canary-password-7c1f";
const command = "echo canary-command-93ab";

const declaration = (word: string, text: string) =>
  `superuserPassword: pulumi.secret(${JSON.stringify(word)}), ` +
  `settings: { log_statement: "ddl", ssl_passphrase_command: pulumi.secret(${JSON.stringify(text)}), work_mem: "8MB" }`;

/** What only --debug shows: there the SDK prints every resource's inputs as they are, whatever the provider does. */
function isDebug({ diagnosticEvent }: Readonly<Record<string, unknown>>): boolean {
  return typeof diagnosticEvent === "object" && /"severity":"debug"/.test(JSON.stringify(diagnosticEvent));
}

/** Only root can make a host whose logins have passwords. */
const ways = process.getuid?.() === 0 ? (["local", "ssh"] as const) : (["local"] as const);

describe.each(ways)("a password, a string setting and credentials of the way (%s)", (way) => {
  let it: Scenario;
  let credentials: Credentials;
  beforeAll(async () => {
    it = await Scenario.open({ way, major: way === "ssh" ? "15" : "17" });
    credentials = it.way.host ? await credentialsOf(it.way.host) : { args: "", canaries: [], others: {} };
  });
  afterAll(() => it.close());

  const declare = (text: string, way = credentials.args) => it.declare(`${way}${way && ", "}${text}`);

  test("are in no argv, event, preview text, output, state or log, whether the runs succeed or fail", async () => {
    const seen: Record<string, string> = {};
    const keep = (label: string, run: Run) => {
      seen[`${label}: output`] = run.stdout + run.stderr;
      seen[`${label}: events`] = JSON.stringify(run.events.filter((event) => !isDebug(event)));
      return run;
    };
    let state: Awaited<ReturnType<Scenario["project"]["state"]>> | undefined;
    const sessions = it.way.host?.processes() ?? [];
    const pids = sessions.map(({ pid }) => pid);
    seen.argv = await traced(it.project, pids, async (project) => {
      await declare(declaration(password, command));
      keep("preview", await project.preview("--diff"));
      keep("up", await project.up("--diff"));
      state = await project.state();
      await declare(declaration(`${password}-2`, `${command}-2`));
      keep("change", await project.preview("--diff"));
      keep("change up", await project.up("--diff"));
      await it.edit(
        `sed -i "s/^ssl_passphrase_command.*/ssl_passphrase_command = '${"echo canary-" + "hand"}'/" "$1/postgresql.conf"`,
      );
      await it.ask("ALTER ROLE postgres PASSWORD 'another'");
      keep("refresh", await project.refresh("--diff"));
      keep("repair", await project.up("--diff"));
      for (const [label, { args, words }] of Object.entries(credentials.others)) {
        await declare(declaration(`${password}-2`, `${command}-2`), args);
        const { exitCode } = keep(label, await project.up("--diff"));
        if (words === undefined) expect(exitCode).toBe(0);
        else expect(seen[`${label}: output`]).toContain(words);
      }
      await declare(`${declaration(password, command)}, port: 70000`);
      keep("refused", await project.preview("--diff"));
      await declare(declaration(password, `${command}\n`));
      keep("refused setting", await project.preview("--diff"));
      await declare(
        `${declaration(password, command).replace("work_mem", 'unix_socket_group: "no_such_group", work_mem')}, restartOnChanges: true`,
      );
      keep("failed", await project.up("--diff"));
    });
    expect(seen["refused: output"]).toContain("port: 70000");
    expect(seen["failed: output"]).toContain("Its log says");
    expect(seen["refresh: output"]).toMatch(/superuserPasswordVerifier/);
    seen.state = (await it.project.state()).text;
    seen.sshd = (await it.way.host?.log()) ?? "";
    seen.log = await it.edit('cat "$1.pginstance/postgresql.log"');
    seen.journal = await it.edit('cd "$1.pginstance" && for f in step.*; do cat "$f"; done');
    seen.history = await everyFile(join(it.project.stateFile, "..", "..", ".."));
    expect(seen.log).toContain("database system is ready");
    expect(seen.argv).toContain("initdb");
    expect(await it.ask("SHOW ssl_passphrase_command")).toBe(`${command}-2`);
    const verifier = String(await it.ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"));
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:/);
    const canaries = [
      ...credentials.canaries,
      "canary-password",
      "canary-command",
      "canary-hand",
      verifier,
      verifier.split("$")[2] ?? verifier,
    ];
    const leaks = Object.entries(seen).flatMap(([where, text]) =>
      canaries.filter((canary) => text.includes(canary)).map((canary) => `${canary} in ${where}`),
    );
    // What somebody writes by hand is in that person's command, and the server logs it at the next reload, whoever's.
    const byHand = ["canary-hand in argv", "canary-hand in log"];
    expect(leaks.filter((leak) => !byHand.includes(leak))).toEqual([]);
    const [main] = state?.resources.filter(({ type }) => String(type).endsWith("pginstance:Instance")) ?? [];
    // Nothing of the program's code beside it.
    const provider = 'exports.handler = () => require("pulumi-pginstance/provider").instance;';
    expect(main).toMatchObject({ inputs: { __provider: provider }, outputs: { __provider: provider } });
    expect(main?.protect).toBeUndefined();
    const ssh = { host: it.way.host?.address, privateKey: { ciphertext: expect.any(String) } };
    if (way === "ssh") expect(main).toMatchObject({ inputs: { host: { ssh } }, outputs: { host: { ssh } } });
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
  });
});

async function everyFile(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "utf8")))).join(
    "\n",
  );
}
