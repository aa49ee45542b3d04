import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";

/** Canaries: whoever finds one of these anywhere found a leak. */
const password = "canary-password-7c1f";
const command = "echo canary-command-93ab";

let it: Scenario;
beforeAll(async () => {
  it = await Scenario.open();
});
afterAll(() => it.close());

const declaration = (word: string, text: string) =>
  `superuserPassword: pulumi.secret(${JSON.stringify(word)}), ` +
  `settings: { log_statement: "ddl", ssl_passphrase_command: pulumi.secret(${JSON.stringify(text)}), work_mem: "8MB" }`;

/** What only --debug shows: there the SDK prints every resource's inputs as they are, whatever the provider does. */
function isDebug({ diagnosticEvent }: Readonly<Record<string, unknown>>): boolean {
  return typeof diagnosticEvent === "object" && /"severity":"debug"/.test(JSON.stringify(diagnosticEvent));
}

/** Every exec below a process of ours, with its whole argv. */
async function traced(body: () => Promise<unknown>): Promise<string> {
  const log = join(it.directory.path, "execs");
  const tracer = spawn(
    "strace",
    ["-f", "-qq", "-s", "100000", "-e", "trace=execve", "-o", log, "-p", String(process.pid)],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(tracer.exitCode).toBeNull();
  await body();
  tracer.kill("SIGINT");
  await once(tracer, "exit");
  const text = await readFile(log, "utf8");
  await rm(log);
  return text;
}

describe("a password and a string setting made secret", () => {
  test("are in no argv, event, preview text, output, state or log, whether the runs succeed or fail", async () => {
    const seen: Record<string, string> = {};
    const keep = (
      label: string,
      run: { stdout: string; stderr: string; events: readonly Record<string, unknown>[] },
    ) => {
      seen[`${label}: output`] = run.stdout + run.stderr;
      seen[`${label}: events`] = JSON.stringify(run.events.filter((event) => !isDebug(event)));
    };
    seen.argv = await traced(async () => {
      await it.declare(declaration(password, command));
      keep("preview", await it.project.preview("--diff"));
      keep("up", await it.project.up("--diff"));
      await it.declare(declaration(`${password}-2`, `${command}-2`));
      keep("change", await it.project.preview("--diff"));
      keep("change up", await it.project.up("--diff"));
      await it.edit(
        `sed -i "s/^ssl_passphrase_command.*/ssl_passphrase_command = '${"echo canary-" + "hand"}'/" "$1/postgresql.conf"`,
      );
      await it.ask("ALTER ROLE postgres PASSWORD 'another'");
      keep("refresh", await it.project.refresh("--diff"));
      keep("repair", await it.project.up("--diff"));
      await it.declare(`${declaration(password, command)}, port: 70000`);
      keep("refused", await it.project.preview("--diff"));
      await it.declare(`${declaration(password, `${command}\n`)}`);
      keep("refused setting", await it.project.preview("--diff"));
      await it.declare(
        `${declaration(password, command).replace("work_mem", 'shared_buffers: "900GB", work_mem')}, restartOnChanges: true`,
      );
      keep("failed", await it.project.up("--diff"));
    });
    expect(seen["refused: output"]).toContain("port: 70000");
    expect(seen["failed: output"]).toContain("Its log says");
    expect(seen["refresh: output"]).toMatch(/superuserPasswordVerifier/);
    seen.state = (await it.project.state()).text;
    seen.log = await it.edit('cat "$1.pginstance/postgresql.log"');
    seen.journal = await it.edit('cd "$1.pginstance" && for f in step.*; do cat "$f"; done');
    seen.history = await everyFile(join(it.project.stateFile, "..", "..", ".."));
    expect(seen.log).toContain("database system is ready");
    expect(seen.argv).toContain("initdb");
    expect(await it.ask("SHOW ssl_passphrase_command")).toBe(`${command}-2`);
    const verifier = String(await it.ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"));
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:/);
    const canaries = [
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
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
  });

  test("the state has the constant provider text, and nothing else of the program's code", async () => {
    await it.declare();
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    const { resources } = await it.project.state();
    const kept = resources.find((one) => one.type === "pulumi-nodejs:dynamic/pginstance:Instance");
    const provider = 'exports.handler = () => require("pulumi-pginstance/provider").instance;';
    expect(kept).toMatchObject({ inputs: { __provider: provider }, outputs: { __provider: provider } });
    expect(kept?.protect).toBeUndefined();
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
