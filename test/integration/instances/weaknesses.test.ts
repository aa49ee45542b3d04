/** What others of this kind stumble over, each on a real server: a file or a value that is unusual, and one change more. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply, get, type Manifest, SettingsError, stop } from "../../../provider/instances";
import { type Scripted, scripted } from "../../support/api";
import { failureOf } from "../../support/instances";
import { editAsOwner } from "../../support/servers";

describe("an instance of PostgreSQL 18", () => {
  let at: Scripted;
  const base = { shared_buffers: 16384, log_line_prefix: "{%m} 100% " };
  beforeAll(async () => {
    at = await scripted("local", "18");
  });
  afterAll(() => at?.dispose());

  const up = (more: Manifest["settings"] = {}, others: Partial<Manifest> = {}) =>
    apply(at.host, at.manifest({ ...base, ...more }, { dataChecksums: false, ...others }));
  const show = async (setting: string) => (await at.sql(`SHOW ${setting}`))[0]?.[setting];
  const pid = async () => (await at.observe()).postmaster?.pid;
  const nothing = { changeState: null, steps: [], pendingRestart: false };

  it("is made without checksums, with braces and percent signs in texts and plain numbers for memory", async () => {
    expect((await up()).changeState).toBe("created");
    expect([
      await show("data_checksums"),
      await show("log_line_prefix"),
      await show("shared_buffers"),
    ]).toEqual(["off", "{%m} 100% ", "128MB"]);
    expect(await up()).toEqual(nothing);
  });

  it("is looked after when its file has spellings that are seldom, and an include", async () => {
    await editAsOwner(
      `printf "Work_Mem\\t'7MB' # by hand\\nmy.App2 = 'a # b'\\ninclude_if_exists = 'more.conf'\\n" >>"$1/postgresql.conf"
       echo "max_wal_senders = 9" >"$1/more.conf"`,
      at.data,
    );
    expect((await get(at.host, at.ref)).settings).toMatchObject({ work_mem: "7MB", "my.app2": "a # b" });
    const before = await pid();
    const first = await up({ maintenance_work_mem: "70MB" }, { restartOnChanges: true });
    expect(first.changeState).toBe("changed");
    expect((await up({ maintenance_work_mem: "70MB" }, { restartOnChanges: true })).changeState).toBe(null);
    expect(await pid()).toBe(before);
    await editAsOwner(`sed -i /more.conf/d "$1/postgresql.conf"`, at.data);
  });

  it("keeps what somebody else set, and takes ALTER SYSTEM out of the way of what is declared", async () => {
    await at.sql("ALTER SYSTEM SET maintenance_work_mem = '1GB'");
    await at.sql("ALTER SYSTEM SET temp_buffers = '9MB'");
    expect((await up({ maintenance_work_mem: "70MB" })).changeState).toBe("changed");
    expect([await show("maintenance_work_mem"), await show("temp_buffers"), await show("work_mem")]).toEqual([
      "70MB",
      "9MB",
      "7MB",
    ]);
  });

  it("moves its sockets and its log by one restart, and is reached after that", async () => {
    await editAsOwner('mkdir "$1/elsewhere"', at.folder.path);
    const declared = {
      unix_socket_directories: `${at.folder.path}/elsewhere`,
      log_destination: "csvlog",
      logging_collector: true,
    };
    const moved = await up(declared, { restartOnChanges: true });
    expect(moved.steps.filter(({ kind }) => kind === "restart")).toHaveLength(1);
    expect([await show("unix_socket_directories"), await show("log_destination")]).toEqual([
      `${at.folder.path}/elsewhere`,
      "csvlog",
    ]);
    expect((await up({ ...declared, log_destination: "jsonlog" })).changeState).toBe("changed");
    expect(await show("log_destination")).toBe("jsonlog");
    expect(await up({ ...declared, log_destination: "jsonlog" })).toEqual(nothing);
  });

  it("is left as it was when a configuration is refused", async () => {
    const before = await get(at.host, at.ref);
    const failure = await failureOf(up({ session_preload_libraries: "nosuch" }));
    expect(failure).toBeInstanceOf(SettingsError);
    expect((await get(at.host, at.ref)).settings).toEqual(before.settings);
  });

  it("moves to another port by one restart, or stopped by none", async () => {
    const port = (at.manifest().port ?? 0) + 1;
    const declared = { unix_socket_directories: at.folder.path };
    await up(declared, { port, restartOnChanges: true });
    expect(await show("port")).toBe(String(port));
    await stop(at.host, at.ref);
    await up(declared, { state: "stopped" });
    expect(await get(at.host, at.ref)).toMatchObject({ state: "stopped", port: at.manifest().port });
  });
});
