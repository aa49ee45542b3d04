import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { text } from "../support/said";
import { Scenario } from "../support/scenario";
import { completePrograms, editAsOwner } from "../support/servers";

/** What is done while the server is stopped: said in the preview, done with one stop, gone on with after a kill. */
describe("maintenance of an instance (ssh)", () => {
  let it: Scenario;
  let bin: string;
  const major = "15";
  const hook = `--require=${join(process.cwd(), "test/support/kill-at-step.cjs")}`;
  const at = (name: string) => join(it.directory.path, name);
  const its = () => `${major}/main on ${it.where}`;
  const declare = (args: string) => it.declare(`binDirectory: ${JSON.stringify(bin)}, ${args}`);
  const places = (wal: string, fast: string) =>
    `walDirectory: ${JSON.stringify(at(wal))}, tablespaces: { fast: ${JSON.stringify(at(fast))} }`;
  const started = () => it.ask("SELECT pg_postmaster_start_time()::text");

  beforeAll(async () => {
    [it, bin] = await Promise.all([Scenario.open({ way: "ssh", major }), completePrograms(major)]);
  });
  afterAll(() => it.close());

  test("a new instance has its places and no checksums where it is declared so", async () => {
    await declare(`dataChecksums: false, ${places("wal/one", "ssd")}`);
    const preview = await it.project.preview();
    expect(text(preview)).toContain(
      `plan: new instance ${its()}, port ${it.port}: initdb, configuration, start, tablespace`,
    );
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(await it.ask("SHOW data_checksums")).toBe("off");
    await it.ask("CREATE TABLE public.t TABLESPACE fast AS SELECT n FROM generate_series(1, 5000) AS n");
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("the preview says in one warning what the downtime is for, and what the start then applies", async () => {
    const before = await started();
    await declare(`dataChecksums: true, ${places("wal/two", "nvme")}, settings: { max_connections: 60 }`);
    const preview = await it.project.preview("--diff");
    expect(text(preview)).toContain(
      `warning: stop of ${its()} (fast) for data checksums in every page, WAL ${at("wal/one")} -> ${at("wal/two")}, ` +
        `tablespace fast ${at("ssd")} -> ${at("nvme")}: downtime until that is done. Clients are disconnected. ` +
        "The start then applies max_connections 100 -> 60.",
    );
    expect(text(preview).match(/warning: /g)).toHaveLength(1);
    expect(await started()).toBe(before);
  });

  test("an up whose provider is killed in the midst is finished by the next, which leaves nothing to do", async () => {
    const killed = it.project.with({ NODE_OPTIONS: hook, KILL_STEP: "move WAL", KILL_AFTER: "5" });
    expect((await killed.up()).exitCode).not.toBe(0);
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(text(up)).toContain("moving a tablespace");
    expect(await it.ask("SHOW data_checksums")).toBe("on");
    expect(await it.ask("SHOW max_connections")).toBe("60");
    expect(await it.ask("SELECT count(*)::int FROM public.t")).toBe(5000);
    expect((await it.edit('readlink "$1/pg_wal"')).trim()).toBe(at("wal/two"));
    expect((await it.leftovers()).sort()).toEqual(["data", "data.pginstance", "nvme", "wal"]);
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await it.project.refresh("--preview-only", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("a socket is moved by a restart, and refused in the preview while none is allowed", async () => {
    await editAsOwner('mkdir "$1"', at("run"));
    const program = `${places("wal/two", "nvme")}, settings: { max_connections: 60 }, socketDirectory: ${JSON.stringify(at("run"))}`;
    await declare(program);
    const refused = await it.project.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(text(refused)).toMatch(/socketDirectory: changing \S+ ?\S* to \S+ needs a restart/);
    await declare(`${program}, restartOnChanges: true`);
    const preview = await it.project.preview();
    expect(text(preview)).toContain(
      `warning: restart of ${its()}: unix_socket_directories. Clients are disconnected.`,
    );
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.edit('ls -A "$3"', at("run"))).toContain(`.s.PGSQL.${it.port}`);
    expect(await it.ask("SELECT count(*)::int FROM public.t")).toBe(5000);
  });

  test("destroy is refused while a tablespace is not declared, and else takes all of it", async () => {
    await declare("settings: { max_connections: 60 }, restartOnChanges: true");
    const up = await it.project.up();
    expect(text(up)).not.toContain("stopping the server");
    const refused = await it.project.destroy();
    expect(text(refused)).toContain(`has tablespaces that are not declared: fast in ${at("nvme")}`);
    await declare(`tablespaces: { fast: ${JSON.stringify(at("nvme"))} }`);
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
    expect(await it.leftovers()).toEqual(["run"]);
  });
});
