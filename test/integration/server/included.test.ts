/** Files that postgresql.conf includes: seen where they are, never changed, and no longer the last word on what is declared. */
import { normalize, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { type Live, liveInstance } from "../../support/instances";
import { editAsOwner } from "../../support/servers";

describe.each(["14", "18"] as const)("what postgresql.conf of %s includes", (major) => {
  let live: Live;
  let outs: Properties;
  const data = () => live.target.dataDirectory;
  const edit = (script: string) => editAsOwner(`cd "$1" && ${script}`, data());
  const asked = async () => {
    const rows = await live.sql(
      `SELECT lower(name) AS name, setting, sourcefile, sourceline FROM pg_file_settings
        WHERE applied AND error IS NULL ORDER BY 1`,
    );
    return Object.fromEntries(
      rows.map(({ name, setting, sourcefile, sourceline }) => [
        name,
        { value: setting, place: `${relative(data(), normalize(String(sourcefile)))}:${sourceline}` },
      ]),
    );
  };
  const read = async () => {
    const { props, inputs } = await instance.read(live.id, outs);
    outs = props as Properties;
    return inputs as Properties;
  };
  const update = async (more: Properties) => {
    outs = (await instance.update(live.id, outs, await live.inputs(more))).outs as Properties;
  };

  beforeAll(async () => {
    live = await liveInstance(major, { settings: { work_mem: "5MB", log_min_messages: "error" } });
    outs = live.outs;
    await edit(
      `mkdir conf.d elsewhere && printf "%s\\n" "work_mem = 6MB" "include '../elsewhere/deep.conf'" >conf.d/b.conf &&
       printf "%s\\n" "Maintenance_Work_Mem 70MB # ours" >elsewhere/deep.conf && echo "work_mem = 9MB" >conf.d/.hidden.conf &&
       echo "work_mem = 9MB" >conf.d/zz.txt && echo "temp_buffers = 9MB" >conf.d/a.conf && echo "enable_sort=off" >été.conf &&
       printf "%s\\n" "include_dir = 'conf.d/'" "include 'été.conf'" "include_if_exists 'none.conf'" >>postgresql.conf &&
       kill -HUP $(head -n 1 postmaster.pid)`,
    );
  });
  afterAll(() => live?.folder.dispose());

  it("is what the server says that it is, each line with its place", async () => {
    const { observed } = await live.observe();
    expect(observed.settings).toEqual(await asked());
    expect(observed.settings).toMatchObject({
      work_mem: { value: "6MB", place: "conf.d/b.conf:1" },
      maintenance_work_mem: { value: "70MB", place: "elsewhere/deep.conf:1" },
      temp_buffers: { place: "conf.d/a.conf:1" },
      enable_sort: { place: "été.conf:1" },
    });
  });

  it("overrides what is declared: that is drift with its place, repaired after the include, which is not changed", async () => {
    const before = await edit("cksum conf.d/* été.conf elsewhere/*");
    const inputs = await read();
    expect(inputs.settings).toMatchObject({ work_mem: "6MB" });
    await update({ settings: { work_mem: "5MB", log_min_messages: "error" } });
    expect(await live.sql("SHOW work_mem")).toEqual([{ work_mem: "5MB" }]);
    expect(await edit("tail -n 1 postgresql.conf")).toBe("work_mem = 5MB\n");
    expect(await edit("grep -c ^work_mem postgresql.conf")).toBe("1\n");
    expect(await edit("cksum conf.d/* été.conf elsewhere/*")).toBe(before);
    expect((await live.observe()).observed.beneath).toMatchObject({ work_mem: "6MB" });
    expect(
      (
        await instance.diff(
          live.id,
          outs,
          await live.inputs({ settings: { work_mem: "5MB", log_min_messages: "error" } }),
        )
      ).changes,
    ).toBe(false);
  });

  it("has its word again when the program no longer declares it", async () => {
    await update({ settings: { log_min_messages: "error" } });
    expect(await live.sql("SHOW work_mem")).toEqual([{ work_mem: "6MB" }]);
    expect(
      (await instance.diff(live.id, outs, await live.inputs({ settings: { log_min_messages: "error" } })))
        .changes,
    ).toBe(false);
  });

  it("stays where null is declared of it: no included file is changed", async () => {
    await update({ settings: { log_min_messages: "error", enable_sort: null } });
    expect(await live.sql("SHOW enable_sort")).toEqual([{ enable_sort: "off" }]);
    const wanted = await live.inputs({ settings: { log_min_messages: "error", enable_sort: null } });
    expect((await instance.diff(live.id, outs, wanted)).changes).toBe(false);
  });
});
