/** A standby by declaration: made, followed, changed, and gone without a trace on its primary. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { stateDirectory } from "../../../provider/server/target";
import { handles, type Place } from "../../support/instances";
import { editAsOwner } from "../../support/servers";
import { type Primary, password, placeOfComplete, primary, shows } from "../../support/standby";

describe("a standby on PostgreSQL 15", () => {
  let source: Primary;
  let at: Place;
  let id: string;
  let outs: Properties;
  let declared: Properties;
  const its = () => handles(at.target);
  const standby = (more: Properties = {}) => ({ primary: source.conninfo, password, ...more });

  beforeAll(async () => {
    source = await primary({ settings: { max_connections: 40, work_mem: "5MB" } });
    await source.sql("CREATE TABLE public.t AS SELECT 1 AS a");
    await source.sql("ALTER SYSTEM SET work_mem = '64MB'");
    at = await placeOfComplete("second");
  });
  afterAll(async () => {
    await at?.folder.dispose();
    await source?.folder.dispose();
  });

  async function up(more: Properties): Promise<Properties> {
    declared = await at.inputs(more);
    const preview = await instance.diff(id, outs, declared);
    outs = (await instance.update(id, outs, declared)).outs as Properties;
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
    return preview as Properties;
  }

  it("is made by a base backup, with a slot on the primary, and follows", async () => {
    declared = await at.inputs({ standby: standby(), settings: { max_connections: 20 } });
    ({ id, outs } = (await instance.create(declared)) as { id: string; outs: Properties });
    expect(outs).toMatchObject({ role: "standby", phase: "ready", port: at.port });
    expect(await source.slots()).toEqual(["second"]);
    await source.sql("INSERT INTO public.t VALUES (2)");
    await shows(its(), "SELECT count(*)::int FROM public.t", 2);
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
  });

  it("has its own settings, none of the primary's ALTER SYSTEM, and no less than the primary needs", async () => {
    expect((await its().sql("SHOW max_connections"))[0]).toEqual({ max_connections: "40" });
    expect((await its().sql("SHOW work_mem"))[0]).toEqual({ work_mem: "5MB" });
    expect((await its().sql("SHOW cluster_name"))[0]).toEqual({ cluster_name: "second" });
  });

  it("keeps the password in a file of mode 0600, and nowhere else", async () => {
    const passfile = join(stateDirectory(at.target), "passfile");
    expect((await stat(passfile)).mode & 0o777).toBe(0o600);
    expect(await readFile(passfile, "utf8")).toBe("*:*:*:*:c4nary\\: s3cret\\\\\n");
    const found = await editAsOwner('grep -rl c4nary "$1" "$2" || true', at.folder.path, source.folder.path);
    expect(found.trim()).toBe(passfile);
  });

  it("reads the same twice, and shows no drift", async () => {
    const first = JSON.stringify(await instance.read(id, outs));
    expect(JSON.stringify(await instance.read(id, outs))).toBe(first);
    expect(JSON.parse(first).inputs).toEqual(JSON.parse(JSON.stringify(declared)));
  });

  it("takes a new setting by a reload, and a new password without one", async () => {
    await up({ standby: standby(), settings: { max_connections: 20, work_mem: "6MB" } });
    expect((await its().sql("SHOW work_mem"))[0]).toEqual({ work_mem: "6MB" });
    await up({ standby: standby({ password: "other" }), settings: { max_connections: 20, work_mem: "6MB" } });
    expect(await readFile(join(stateDirectory(at.target), "passfile"), "utf8")).toBe("*:*:*:*:other\n");
    await up({ standby: standby(), settings: { max_connections: 20, work_mem: "6MB" } });
  });

  it("turns to another slot, which is made first", async () => {
    await up({ standby: standby({ slot: "another" }) });
    expect(await source.slots()).toEqual(["another", "second"]);
    await source.sql("SELECT pg_drop_replication_slot('second')");
    await shows(source, "SELECT active FROM pg_replication_slots", true);
  });

  it("leaves no slot, and nothing else, when it is destroyed", async () => {
    await instance.delete(id, outs);
    expect(await source.slots()).toEqual([]);
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
  });
});
