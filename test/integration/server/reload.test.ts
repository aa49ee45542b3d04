/** What comes back when a reload did not do what it should: each such wait takes as long as the provider gives it. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InstanceStateError, SettingsError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { reloadAndVerify } from "../../../provider/server/reload";
import { pgCtl } from "../../../provider/server/service";
import { failureOf, type Live, liveInstance, messageOf } from "../../support/instances";
import { until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

describe.each(["15", "18"] as const)("a configuration of PostgreSQL %s", { timeout: 120_000 }, (major) => {
  let live: Live;
  let outs: Properties;
  let conf: string;

  beforeAll(async () => {
    live = await liveInstance(major, { settings: { work_mem: "8MB" } });
    outs = live.outs;
    conf = join(live.target.dataDirectory, "postgresql.conf");
  });
  afterAll(() => live?.folder.dispose());

  /** As `pulumi refresh`, then `pulumi up`. */
  async function update(settings: object): Promise<void> {
    const { props } = await instance.read(live.id, outs);
    const news = await live.inputs({ settings });
    outs = (await instance.update(live.id, props as Properties, news)).outs as Properties;
  }
  const show = async (name: string) => (await live.sql(`SHOW ${name}`))[0]?.[name];
  const latin1 = () => readFile(conf, "latin1");

  describe("that passes the server's check and then lets nobody in", () => {
    const lockout = { session_preload_libraries: "no_such_library" };

    it("is put back after the reload, sessions work again, and the error has the server's words", async () => {
      const before = await latin1();
      const error = messageOf(await failureOf(update({ work_mem: "11MB", ...lockout })));
      expect(error).toContain('could not access file "no_such_library"');
      expect(error).toContain("The files are back as they were, and the server was told so.");
      expect(await latin1()).toBe(before);
      await until("a session", () => live.sql("SELECT 1 AS one").catch(() => undefined));
      expect(await show("work_mem")).toBe("8MB");
      expect((await live.observe()).observed).toMatchObject({ unapplied: "none" });
    });

    it("is put back to what was there just before, not to what was put back an earlier time", async () => {
      await editAsOwner('echo "# by hand" >>"$1"', conf);
      await failureOf(update({ work_mem: "12MB", ...lockout }));
      expect(await latin1()).toContain("# by hand\n");
      await update({ work_mem: "13MB" });
      expect(await show("work_mem")).toBe("13MB");
      expect(await latin1()).toContain("# by hand\n");
    });
  });

  it("that has a line for a restart no more is taken; the server says that it waits, and it does where it changes something", async () => {
    await update({ work_mem: "9MB", max_connections: null });
    expect(await show("work_mem")).toBe("9MB");
    expect(await live.sql("SELECT name FROM pg_settings WHERE pending_restart")).toEqual([
      { name: "max_connections" },
    ]);
    expect(outs).toMatchObject({ pendingRestart: false, pendingRestartReasons: {} });
    await update({ work_mem: "8MB", max_worker_processes: 9 });
    await update({ work_mem: "8MB", max_worker_processes: null, max_connections: 90 });
    expect(outs).toMatchObject({
      pendingRestartReasons: { max_connections: { running: "100", wanted: "90" } },
    });
    await update({ work_mem: "8MB" });
  });

  it("that somebody broke is not called put back by a reload that wrote nothing", async () => {
    const before = await latin1();
    await editAsOwner('echo "work_mem = lots" >>"$1"', conf);
    const error = await failureOf(live.locked((session) => reloadAndVerify(live.target, session)));
    expect(error).toBeInstanceOf(SettingsError);
    expect(String(error)).toContain("work_mem");
    expect(String(error)).not.toContain("back as they were");
    await writeFile(conf, before, "latin1");
    await chmod(conf, 0o600);
  });

  it("is not reloaded when the server does not run", async () => {
    await live.locked(async (session) => {
      await pgCtl(live.target).stop(session, "fast", 60);
      const error = await failureOf(reloadAndVerify(live.target, session));
      expect(error).toBeInstanceOf(InstanceStateError);
      expect(String(error)).toContain(
        `reload: ${major}/main on this machine is stopped, and takes no sessions`,
      );
    });
  });
});
