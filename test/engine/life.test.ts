import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";

/** One stack's whole life, told in order, with the packed package as npm installs it. What a local one does, `rows` and `majors` show. */
const [way, major] = ["jump", "15"] as const;

describe(`the life of an instance of ${major} (${way})`, () => {
  let it: Scenario;
  const its = () => `${major}/main on ${it.where}`;
  beforeAll(async () => {
    it = await Scenario.open({ manager: "npm", way, major });
  });
  afterAll(() => it.close());

  test("the preview says that an instance is made, and knows its address", async () => {
    await it.declare('settings: { work_mem: "8MB" }');
    const preview = await it.project.preview();
    expect(preview).toMatchObject({ exitCode: 0 });
    expect(preview.stdout).toContain(
      `plan: new instance ${its()}, port ${it.port}: initdb, configuration, start`,
    );
    const address = it.way.host?.address ?? "localhost";
    expect(preview.stdout).toMatch(new RegExp(`uri\\s+: "postgresql://postgres@${address}:\\d+/postgres"`));
    expect(await it.way.host?.handshakes()).toBe(0);
    expect(await it.leftovers()).toEqual([]);
  });

  test("up makes it, shows each step, and the server has the declared setting", async () => {
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    for (const step of ["initdb", "writing postgresql.conf", "waiting for the server"])
      expect(up.stdout).toContain(step);
    expect(await it.ask("SHOW work_mem")).toBe("8MB");
    expect(await it.ask("SHOW data_checksums")).toBe("on");
    expect(await it.project.outputs()).toMatchObject({
      phase: "ready",
      pendingRestart: false,
      serverVersion: expect.stringMatching(new RegExp(`^${major}\\.`)),
    });
  });

  test("a second up has nothing to do, and a refresh finds nothing", async () => {
    expect(await it.project.up("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await it.project.refresh("--preview-only", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("the same meaning in another spelling is no change", async () => {
    await it.declare('settings: { work_mem: "8192kB" }');
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("a reload adds nothing to the engine's own diff", async () => {
    await it.declare('settings: { work_mem: "16MB" }');
    const preview = await it.project.preview("--diff");
    expect(preview.stdout).toContain('~ work_mem: "8MB" => "16MB"');
    expect(preview.stdout + preview.stderr).not.toMatch(/plan:|warning:/);
    const up = await it.project.up();
    expect(up.stdout).toContain("reloading the configuration");
    expect(await it.ask("SHOW work_mem")).toBe("16MB");
  });

  test("without restartOnChanges a restart setting is written and stays pending, and the preview says so", async () => {
    await it.declare('settings: { work_mem: "16MB", max_connections: 150 }');
    const preview = await it.project.preview();
    expect(preview.stdout).toContain(
      "plan: max_connections 100 -> 150: written, pending until the next restart (restartOnChanges is false)",
    );
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW max_connections")).toBe("100");
    expect(await it.project.outputs()).toMatchObject({ pendingRestart: true });
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("turning restartOnChanges on restarts what is pending, after a warning", async () => {
    await it.declare('settings: { work_mem: "16MB", max_connections: 150 }, restartOnChanges: true');
    const preview = await it.project.preview();
    expect(preview.stdout).toContain(
      `warning: restart of ${its()}: max_connections is pending. Clients are disconnected.`,
    );
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW max_connections")).toBe("150");
    expect(await it.project.outputs()).toMatchObject({ pendingRestart: false });
  });

  test("a restart is announced with the old and the new value, and done", async () => {
    await it.declare('settings: { work_mem: "16MB", max_connections: 200 }, restartOnChanges: true');
    const preview = await it.project.preview("--diff");
    expect(preview.stdout).toContain("~ max_connections: 150 => 200");
    expect(preview.stdout + preview.stderr).toContain(
      `warning: restart of ${its()}: max_connections 150 -> 200. Clients are disconnected.`,
    );
    const up = await it.project.up();
    expect(up.stdout).toContain("restarting the server");
    expect(await it.ask("SHOW max_connections")).toBe("200");
  });

  test("a line edited by hand is seen by refresh with its place, and repaired by up", async () => {
    await it.edit('sed -i "s/^work_mem.*/work_mem = 64MB  # in a hurry/" "$1/postgresql.conf"');
    const look = await it.project.refresh("--preview-only", "--diff", "--expect-no-changes");
    expect(look.exitCode).not.toBe(0);
    expect(look.stdout).toContain('~ work_mem: "16MB" => "64MB"');
    expect(look.stdout + look.stderr).toMatch(/plan: work_mem was changed in postgresql\.conf:\d+/);
    expect(await it.project.refresh()).toMatchObject({ exitCode: 0 });
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("16MB");
    expect(await it.edit('grep "^work_mem" "$1/postgresql.conf"')).toBe("work_mem = 16MB  # in a hurry\n");
  });

  test("ALTER SYSTEM is seen by refresh with file and line, and taken out by up", async () => {
    await it.ask("ALTER SYSTEM SET work_mem = '32MB'");
    await it.ask("SELECT pg_reload_conf()");
    const look = await it.project.refresh("--diff");
    expect(look.stdout).toContain('~ work_mem: "16MB" => "32MB"');
    expect(look.stdout + look.stderr).toContain(
      "plan: work_mem is overridden in postgresql.auto.conf:3 (ALTER SYSTEM)",
    );
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("16MB");
    expect(await it.edit('cat "$1/postgresql.auto.conf"')).not.toContain("work_mem");
  });

  test("a stopped server is seen by refresh, and started by up", async () => {
    await it.edit('"$2/pg_ctl" stop -D "$1" -m fast');
    const look = await it.project.refresh("--diff");
    expect(look.stdout).toMatch(/~ state\s*: "started" => "stopped"/);
    const preview = await it.project.preview();
    expect(preview.stdout).toContain(`plan: start of ${its()}`);
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SELECT 1")).toBe(1);
  });

  test("a hand edit that no announced step covers is left, and named", async () => {
    await it.edit('sed -i "s/^work_mem.*/work_mem = 64MB/" "$1/postgresql.conf"');
    await it.declare(
      'settings: { work_mem: "16MB", max_connections: 200, log_min_duration_statement: "1s" }, restartOnChanges: true',
    );
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(up.stdout).toMatch(
      /warning: work_mem was changed on the host \(postgresql\.conf:\d+\), and was left so: refresh to see it/,
    );
    expect(await it.edit('grep "^work_mem" "$1/postgresql.conf"')).toBe("work_mem = 64MB\n");
    expect(await it.ask("SHOW log_min_duration_statement")).toBe("1s");
  });

  test("a restart that would apply somebody's pending change is not done at all", async () => {
    await it.project.refresh();
    await it.project.up();
    await it.ask("ALTER SYSTEM SET max_wal_senders = 7");
    await it.declare('settings: { work_mem: "16MB", max_connections: 210 }, restartOnChanges: true');
    const up = await it.project.up();
    expect(up.exitCode).not.toBe(0);
    expect(up.stdout).toContain(
      "host differs from state: max_wal_senders was changed on the host (postgresql.auto.conf:3)",
    );
    expect(up.stdout).toContain("Nothing was changed. Run `pulumi refresh`");
    expect(await it.ask("SHOW max_connections")).toBe("200");
    await it.ask("ALTER SYSTEM RESET max_wal_senders");
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW max_connections")).toBe("210");
  });

  test("a setting that is no longer declared goes back to what was there before", async () => {
    await it.declare("settings: { max_connections: null }, restartOnChanges: true");
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW work_mem")).toBe("4MB");
    expect(await it.edit('grep -c "^max_connections" "$1/postgresql.conf" || true')).toBe("0\n");
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("stopping is said to be a downtime, and the instance stays stopped", async () => {
    await it.declare('settings: { max_connections: null }, restartOnChanges: true, state: "stopped"');
    const preview = await it.project.preview();
    expect(preview.stdout).toContain(`warning: stop of ${its()} (fast): downtime until it is started again.`);
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.edit('"$2/pg_ctl" status -D "$1" >/dev/null || echo $?')).toBe("3\n");
    expect(await it.project.refresh("--preview-only", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("destroy leaves no process, no file and no directory", async () => {
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
    expect(await it.leftovers()).toEqual([]);
    expect(await it.edit('ps -eo args | grep -F -- "-D $1" | grep -v grep || true')).toBe("");
  });
});
