/** The whole life of an instance on every major, by the very methods that the engine calls. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { stateDirectory } from "../../../provider/server/target";
import { failureOf, handles, messageOf, type Place, place } from "../../support/instances";
import { processesIn, processesWith, until } from "../../support/processes";
import { editAsOwner, majors } from "../../support/servers";

describe.each([...majors])("an instance of PostgreSQL %s", (major) => {
  let at: Place;
  let id: string;
  let declared: Properties;
  let outs: Properties;
  let conf: string;
  const base = { work_mem: "5MB", max_connections: 40, log_checkpoints: true };

  beforeAll(async () => {
    at = await place(major);
    conf = join(at.target.dataDirectory, "postgresql.conf");
  });
  afterAll(() => at?.folder.dispose());

  /** `pulumi up` with this declaration: what the preview says, then the update, then a second up that does nothing. */
  async function up(settings: object, more: Properties = {}): Promise<Properties> {
    declared = await at.inputs({ settings, ...more });
    const preview = await instance.diff(id, outs, declared);
    outs = (await instance.update(id, outs, declared)).outs as Properties;
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
    return preview as Properties;
  }
  /** `pulumi refresh`: what it shows as changed inputs. */
  async function refresh(): Promise<Properties> {
    const { props, inputs } = await instance.read(id, outs);
    outs = props as Properties;
    return inputs as Properties;
  }
  const look = () => handles(at.target).observe();
  const show = async (name: string) => (await handles(at.target).sql(`SHOW ${name}`))[0]?.[name];
  const postmaster = async () => (await look()).postmaster?.pid ?? 0;
  const settingsOf = (inputs: Properties) => inputs.settings as Properties;

  it("is created as declared, and is ready", async () => {
    declared = await at.inputs({ settings: base });
    const created = await instance.create(declared);
    ({ id } = created);
    outs = created.outs as Properties;
    expect(id).toMatch(/^main-[0-9a-f]{10}$/);
    expect(outs).toMatchObject({
      phase: "ready",
      version: major,
      port: at.port,
      role: "primary",
      dataChecksums: true,
      encoding: "UTF8",
      pendingRestart: false,
      dataDirectory: at.target.dataDirectory,
    });
    expect(await show("max_connections")).toBe("40");
    expect(await show("cluster_name")).toBe("main");
  });

  it("has nothing to change after that, and two reads are equal in every byte", async () => {
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
    const first = JSON.stringify(await instance.read(id, outs));
    const second = JSON.stringify(await instance.read(id, outs));
    expect(second).toBe(first);
    expect(JSON.parse(first)).toEqual(JSON.parse(JSON.stringify({ id, props: outs, inputs: declared })));
  });

  it("is not created a second time, by this resource or another, and stays as it is", async () => {
    const before = await postmaster();
    const other = {
      ...declared,
      __urn: "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::other",
    };
    expect(messageOf(await failureOf(instance.create(other)))).toContain(
      `belongs to ${id}. It was not touched.`,
    );
    expect(messageOf(await failureOf(instance.update("main-0000000000", outs, declared)))).toContain(
      "It was not touched",
    );
    expect(await postmaster()).toBe(before);
  });

  it("takes a change by reload without a restart", async () => {
    const before = await postmaster();
    expect(await up({ ...base, work_mem: "6MB" })).toMatchObject({ changes: undefined });
    expect(await show("work_mem")).toBe("6MB");
    expect(await postmaster()).toBe(before);
  });

  it("keeps a change that needs a restart pending when none is allowed, and says so", async () => {
    const before = await postmaster();
    await up({ ...base, max_connections: 45 });
    expect(await postmaster()).toBe(before);
    expect(outs).toMatchObject({
      pendingRestart: true,
      pendingRestartReasons: { max_connections: { running: "40", wanted: "45" } },
    });
  });

  it("is restarted for it when that is allowed", async () => {
    const before = await postmaster();
    await up({ ...base, max_connections: 45 }, { restartOnChanges: true });
    expect(await postmaster()).not.toBe(before);
    expect(outs).toMatchObject({ pendingRestart: false, pendingRestartReasons: {} });
    expect(await show("max_connections")).toBe("45");
  });

  it("is restarted when a trigger changes, and only then", async () => {
    const options = { restartOnChanges: true, restartTriggers: ["one"] };
    const before = await postmaster();
    await up({ ...base, max_connections: 45 }, options);
    const after = await postmaster();
    expect(after).not.toBe(before);
    await up({ ...base, max_connections: 45, work_mem: "7MB" }, options);
    expect(await postmaster()).toBe(after);
  });

  it("shows a hand edit of the file as a drift of that setting, with its place, and is repaired", async () => {
    await up(base, { restartOnChanges: true });
    await editAsOwner(`sed -i "s/^work_mem = .*/work_mem = '64MB'/" "$1"`, conf);
    const inputs = await refresh();
    expect(inputs).toEqual({ ...declared, settings: { ...settingsOf(declared), work_mem: "64MB" } });
    await up(base, { restartOnChanges: true });
    expect(await show("work_mem")).toBe("5MB");
  });

  it("shows an ALTER SYSTEM the same way, and is repaired", async () => {
    await handles(at.target).sql("ALTER SYSTEM SET work_mem = '65MB'");
    await handles(at.target).sql("SELECT pg_reload_conf()");
    const inputs = await refresh();
    expect(settingsOf(inputs)).toEqual({ ...settingsOf(declared), work_mem: "65MB" });
    await up(base, { restartOnChanges: true });
    expect(await show("work_mem")).toBe("5MB");
    expect(await readFile(join(at.target.dataDirectory, "postgresql.auto.conf"), "utf8")).not.toContain(
      "65MB",
    );
  });

  it("shows a stop by hand as state, and is started", async () => {
    const pid = await postmaster();
    process.kill(pid, "SIGINT");
    await until("the stop", async () => (await postmaster()) === 0);
    expect(await refresh()).toEqual({ ...declared, state: "stopped" });
    await up(base, { restartOnChanges: true });
    expect((await look()).observed.server).toBe("running");
  });

  it("shows a killed server as state, and is started", async () => {
    const pid = await postmaster();
    process.kill(pid, "SIGKILL");
    // The server itself believes a zombie.
    await until("the end", () => !existsSync(`/proc/${pid}`));
    expect(await refresh()).toEqual({ ...declared, state: "stopped" });
    await up(base, { restartOnChanges: true });
    expect((await look()).observed.server).toBe("running");
  });

  it("stays stopped when declared so, and starts when declared so again", async () => {
    await up(base, { state: "stopped" });
    expect(await postmaster()).toBe(0);
    expect(await refresh()).toEqual(declared);
    await up(base, { state: "started" });
    expect(await postmaster()).not.toBe(0);
  });

  it("gives back what the file said before a setting was declared, or nothing", async () => {
    await editAsOwner(`printf '%s\\n' "maintenance_work_mem = 77MB  # by hand" >>"$1"`, conf);
    const lines = await readFile(conf, "latin1");
    await refresh();
    await up({ ...base, maintenance_work_mem: "88MB", temp_buffers: "9MB" });
    expect(await show("maintenance_work_mem")).toBe("88MB");
    expect(await readFile(conf, "latin1")).toContain("# by hand");
    await up(base);
    expect(await show("maintenance_work_mem")).toBe("77MB");
    expect(await show("temp_buffers")).toBe("8MB");
    expect((await readFile(conf, "latin1")).replaceAll("'77MB'", "77MB")).toBe(lines);
  });

  it("takes null for the compiled default, whatever initdb wrote", async () => {
    expect(await show("default_text_search_config")).toBe("pg_catalog.english");
    await up({ ...base, default_text_search_config: null });
    expect(await show("default_text_search_config")).toBe("pg_catalog.simple");
    await up(base);
    expect(await show("default_text_search_config")).toBe("pg_catalog.english");
  });

  it("takes a share of the host's memory, resolved once", async () => {
    await up({ ...base, effective_cache_size: "25%" });
    const resolved = (outs.resolvedSettings as Properties).effective_cache_size;
    const megabytes = Number(/^([0-9]+)MB$/.exec(String(resolved))?.[1]);
    expect(Math.abs(megabytes - totalmem() / 4 / 1024 / 1024)).toBeLessThan(megabytes / 50);
    expect(outs.settings).toMatchObject({ effective_cache_size: "25%" });
    expect(await refresh()).toEqual(declared);
    const pinned = { ...outs, resolvedSettings: { effective_cache_size: "1000MB" } };
    expect(await instance.diff(id, pinned, declared)).not.toMatchObject({ changes: false });
  });

  it("is not deleted while it is protected", async () => {
    await up(base, { deletionProtection: true });
    expect(messageOf(await failureOf(instance.delete(id, outs)))).toContain(
      "is protected; set deletionProtection: false",
    );
    expect(await postmaster()).not.toBe(0);
    await up(base);
  });

  it("is not deleted by who has another id", async () => {
    expect(messageOf(await failureOf(instance.delete("main-0000000000", outs)))).toContain(
      "It was not touched",
    );
    expect(await postmaster()).not.toBe(0);
  });

  it("leaves no process, file or folder when it is deleted, and a second time is no error", async () => {
    await instance.delete(id, outs);
    await until(
      "its processes' end",
      () => processesWith(at.folder.path).length + processesIn(at.folder.path).length === 0,
    );
    expect(await readdir(at.folder.path)).toEqual([]);
    expect(existsSync(stateDirectory(at.target))).toBe(false);
    await instance.delete(id, outs);
    expect(await instance.read(id, outs)).toEqual({});
  });
});
