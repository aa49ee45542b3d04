import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { text } from "../support/said";
import { Scenario } from "../support/scenario";
import { completePrograms, editAsOwner } from "../support/servers";

/** Another major by another word in the program: said with its price, done once, and gone with all that it kept. */
describe("an upgrade of an instance (ssh)", () => {
  let it: Scenario;
  const declare = async (version: "15" | "17", args = "") =>
    it.declare(
      `version: "${version}", binDirectory: ${JSON.stringify(await completePrograms(version))}, ${args}`,
    );
  let before: string;
  const sum = () => it.ask("SELECT sum(n)::int FROM public.t");

  beforeAll(async () => {
    it = await Scenario.open({ way: "ssh", major: "15" });
  });
  afterAll(() => it?.close());

  test("the preview says what it costs, until when there is a way back, and what does not come along", async () => {
    await declare("15", 'replicationSlots: ["archive"]');
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    await it.ask("CREATE TABLE public.t AS SELECT n FROM generate_series(1, 5000) AS n");
    await it.ask("SELECT pg_create_physical_replication_slot('by_hand')");
    await it.edit('echo "force_parallel_mode = off" >>"$1/postgresql.conf"');
    expect(await it.project.refresh()).toMatchObject({ exitCode: 0 });
    await declare("17", 'replicationSlots: ["archive"], upgrade: { jobs: 2 }');
    const preview = text(await it.project.preview("--diff"));
    expect(preview).toContain(
      `warning: upgrade of 15/main on ${it.where} to 17 by pg_upgrade (copy, 2 jobs): downtime. Way back until the new ` +
        `server runs; the old cluster stays in ${it.data}.old-15. The physical slot archive is made anew, and keeps ` +
        "nothing of before. The physical slot by_hand is lost.",
    );
    expect(preview).toContain(
      "setting force_parallel_mode is called debug_parallel_query from 16 on; carried over",
    );
    expect(preview.match(/warning: /g)).toHaveLength(1);
    expect(await it.ask("SHOW server_version")).toMatch(/^15\./);
  });

  test("the up does that, and then neither a preview nor a refresh has anything to say", async () => {
    before = await it.project.succeed("stack", "export");
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(text(up)).toContain("extensions and statistics after the upgrade");
    expect(await it.ask("SHOW server_version")).toMatch(/^17\./);
    expect(await it.ask("SHOW debug_parallel_query")).toBe("off");
    expect(await sum()).toBe(12_502_500);
    expect(await it.ask("SELECT string_agg(slot_name, ' ') FROM pg_replication_slots")).toBe("archive");
    expect(await it.project.outputs()).toMatchObject({ phase: "ready", pendingRestart: false });
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
    expect(await it.project.refresh("--preview-only", "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("a refresh finds out that it was done, where the engine was lost before it could know", async () => {
    const file = join(it.project.folder, "before.json");
    await writeFile(file, before);
    await it.project.succeed("stack", "import", "--file", file);
    const refresh = await it.project.refresh("--diff");
    expect(refresh).toMatchObject({ exitCode: 0 });
    expect(text(refresh)).toMatch(/~ version\s*: "15" => "17"/);
    const up = await it.project.up();
    expect(up).toMatchObject({ exitCode: 0 });
    expect(text(up)).not.toMatch(/upgrade of|warning/);
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("a lower version is refused in the preview, and nothing happens", async () => {
    await declare("15", 'replicationSlots: ["archive"]');
    const refused = await it.project.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(text(refused)).toContain("17 cannot be lowered to 15");
    expect(await sum()).toBe(12_502_500);
  });

  test("destroy leaves nothing, no old cluster either", async () => {
    expect((await it.leftovers()).filter((name) => !name.startsWith(".")).sort()).toEqual([
      "data",
      "data.old-15",
      "data.pginstance",
    ]);
    expect(await editAsOwner('ls "$1"', join(`${it.data}.old-15`, "global"))).toContain("pg_control.old\n");
    expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
    expect(await it.leftovers()).toEqual([]);
  });
});
