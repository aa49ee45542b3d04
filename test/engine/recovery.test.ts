import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";

const hook = `--require=${join(process.cwd(), "test/support/kill-at-step.cjs")}`;

let it: Scenario;

/** Everything that must be the same after an interruption as without one. */
async function whatIs() {
  const settings = "max_connections,work_mem,cluster_name,port,listen_addresses,log_statement";
  return {
    settings: await it.ask(
      `SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE name IN ('${settings.replaceAll(",", "','")}')`,
    ),
    conf: await it.edit(
      'cat "$1/postgresql.conf" "$1/postgresql.auto.conf" "$1/pg_hba.conf" "$1/pg_ident.conf"',
    ),
    own: await it.edit('cd "$1.pginstance" && ls -A | sort | grep -v "^made$"'),
    password: typeof (await it.ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")),
    outputs: await it.project.outputs(),
  };
}

const created = 'settings: { work_mem: "8MB", max_connections: 50 }, superuserPassword: "s3cret-word"';
const changed =
  'settings: { work_mem: "9MB", max_connections: 60 }, superuserPassword: "other-word", restartOnChanges: true';

async function killedAt(step: string, after: string | undefined): Promise<void> {
  const killed = it.project.with({
    NODE_OPTIONS: hook,
    KILL_STEP: step,
    ...(after && { KILL_AFTER: after }),
  });
  expect((await killed.up()).exitCode, `killed around ${step}`).not.toBe(0);
}

const [way, major] = ["ssh", "15"] as const;

/**
 * Killed so many milliseconds after a step begins, where it then runs; before one is what the socket's turn tries. Every
 * moment that there is has its turn without the engine, in the integration tests of faults; here KILLS=all tries more.
 */
const moments = ["120"];
const killed =
  process.env.KILLS === "all"
    ? { create: ["initdb", "configuration", "start"], change: ["configuration", "restart"] }
    : { create: ["initdb"], change: ["restart"] };

describe(`${major} (${way}):`, () => {
  beforeAll(async () => {
    it = await Scenario.open({ way, major });
  });
  afterAll(() => it.close());

  describe("SIGKILL of the provider", () => {
    test("at any step of a create or a change: the next up ends as the uninterrupted run", {
      timeout: 600_000,
    }, async () => {
      await it.declare(created);
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      const whole = await whatIs();
      await it.declare(changed);
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      const wholeChanged = await whatIs();
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });

      const divergences: string[] = [];
      let kills = 0;
      const compare = async (label: string, expected: object) => {
        kills += 1;
        const preview = await it.project.preview("--expect-no-changes");
        const now = await whatIs();
        if (preview.exitCode !== 0 || JSON.stringify(now) !== JSON.stringify(expected)) {
          divergences.push(`${label}: ${JSON.stringify(now)} instead of ${JSON.stringify(expected)}`);
        }
      };
      const socket = `/tmp/.s.PGSQL.${it.port}`;
      for (const step of [...killed.create, socket]) {
        for (const after of step === socket ? [undefined] : moments) {
          await it.declare(created);
          await killedAt(step, after);
          const again = await it.project.up();
          if (again.exitCode !== 0) divergences.push(`create, ${step}, ${after}: ${again.stdout}`);
          else await compare(`create, ${step}, ${after ?? "before"}`, whole);
          expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
          expect(await it.leftovers()).toEqual([]);
        }
      }
      await it.declare(created);
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      for (const step of killed.change) {
        for (const after of moments) {
          await it.declare(changed);
          await killedAt(step, after);
          const again = await it.project.up();
          if (again.exitCode !== 0) divergences.push(`change, ${step}, ${after}: ${again.stdout}`);
          else await compare(`change, ${step}, ${after ?? "before"}`, wholeChanged);
          await it.declare(`${created}, restartOnChanges: true`);
          expect(await it.project.up()).toMatchObject({ exitCode: 0 });
        }
      }
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      console.log(`${kills} kills tried, ${divergences.length} divergences`);
      expect(divergences).toEqual([]);
    });
  });

  describe("a create that failed half-way", () => {
    test("stays unfinished through a refresh, which clears the engine's own mark", async () => {
      await it.declare('settings: { shared_buffers: "900GB" }');
      expect((await it.project.up()).exitCode).not.toBe(0);
      expect(await it.project.refresh()).toMatchObject({ exitCode: 0 });
      await it.declare();
      const up = await it.project.up();
      expect(up).toMatchObject({ exitCode: 0 });
      expect(await it.project.outputs()).toMatchObject({ phase: "ready" });
      expect(await it.ask("SELECT 1")).toBe(1);
      await it.project.destroy();
    });

    test("is kept in the state with the server's own words, and finished by the next up", async () => {
      await it.declare('settings: { shared_buffers: "900GB", work_mem: "8MB" }');
      const failed = await it.project.up();
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stdout).toContain(
        `start: the server of ${major}/main on ${it.where} exited. Its log says:`,
      );
      expect(failed.stdout).toContain("could not map anonymous shared memory");
      const { resources } = await it.project.state();
      const kept = resources.find((one) => String(one.type).endsWith("Instance"));
      expect(kept).toMatchObject({ outputs: { phase: "creating" } });

      await it.declare('settings: { work_mem: "8MB" }');
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.ask("SHOW work_mem")).toBe("8MB");
      expect(await it.project.outputs()).toMatchObject({ phase: "ready" });
      expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    });
  });

  describe("a change that the server refuses at its restart", () => {
    test("is put back, the server runs again, and the next preview shows the wish again", async () => {
      await it.declare(
        'settings: { work_mem: "8MB", unix_socket_group: "no_such_group" }, restartOnChanges: true',
      );
      const failed = await it.project.up();
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stdout).toContain(
        `the configuration is back as it was, pg_hba.conf included, and ${major}/main on ${it.where} runs again.`,
      );
      expect(failed.stdout).toContain('group "no_such_group" does not exist');
      expect(await it.ask("SHOW unix_socket_group")).toBe("");
      const preview = await it.project.preview("--diff");
      expect(preview.stdout).toContain('+ unix_socket_group: "no_such_group"');
      await it.declare('settings: { work_mem: "8MB" }');
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      expect(await it.leftovers()).toEqual([]);
    });
  });
});
