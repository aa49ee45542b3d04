/** An upgrade by the instances API: a stopped instance at its default place, and a running one over SSH. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalHost } from "../../../provider/host/local";
import {
  apply,
  drop,
  get,
  InvalidVersionError,
  importable,
  list,
  type Ref,
  start,
  type UpgradeOptions,
  upgrade,
} from "../../../provider/instances";
import { gatherFacts } from "../../../provider/server/facts";
import { scripted } from "../../support/api";
import { failureOf, handles, messageOf, owner } from "../../support/instances";
import {
  completePrograms,
  editAsOwner,
  freePort,
  type OwnedDirectory,
  ownedDirectory,
} from "../../support/servers";

const here = { local: {} };
const content = "SELECT count(*)::int AS rows, sum(n)::int AS sum FROM public.t";
const fill = "CREATE TABLE public.t AS SELECT n FROM generate_series(1, 5000) AS n";
const filled = [{ rows: 5000, sum: 12_502_500 }];

describe("a stopped instance in the directory that nobody declared, upgraded from 15 to 17, in order:", () => {
  const name = `upgraded_${randomBytes(4).toString("hex")}`;
  let sockets: OwnedDirectory;
  let port: number;
  let other: number;
  let home: string;
  let old: Ref;
  let now: Ref;
  let last: Ref;
  beforeAll(async () => {
    [sockets, port, other] = await Promise.all([ownedDirectory(), freePort(), freePort()]);
    old = { name, version: "15", owner, binDirectory: await completePrograms("15") };
    now = { ...old, version: "17", binDirectory: await completePrograms("17") };
    home = (await gatherFacts(new LocalHost(), { ...old })).home;
  });

  const at = (major: "15" | "17") => join(home, "pginstance", major, name);
  const its = ({ version, binDirectory = "" }: Ref) =>
    handles({
      ...{ host: new LocalHost(), owner, name, superuser: "postgres" },
      ...{ version, binDirectory, dataDirectory: join(home, "pginstance", version, name) },
    });
  const to = (version: string, more: Partial<UpgradeOptions> = {}) =>
    upgrade(here, old, { version: version as "17", binDirectory: now.binDirectory, ...more });

  afterAll(async () => {
    for (const ref of [last ?? now, now, old]) await drop(here, ref).catch(() => undefined);
    await sockets?.dispose();
  });

  it("is made, given data and a line by hand, and stopped", async () => {
    const settings = { unix_socket_directories: sockets.path, work_mem: "6MB", force_parallel_mode: "off" };
    await apply(here, { ...old, port, settings });
    await its(old).sql(fill);
    await editAsOwner('echo "maintenance_work_mem = 70MB" >>"$1/postgresql.conf"', at("15"));
    await apply(here, { ...old, port, settings, state: "stopped" });
  });

  it.each(["14", "15", "19", "sixteen"])("is not upgraded to %s", async (version) => {
    expect(await failureOf(to(version))).toBeInstanceOf(InvalidVersionError);
  });

  it("is moved with its major, on another port, and stopped again", async () => {
    const lines: string[] = [];
    const { steps, ref, kept } = await to("17", {
      port: other,
      jobs: 2,
      progress: (line) => lines.push(line),
    });
    expect(steps.map(({ kind }) => kind)).toEqual(["upgrade", "finishUpgrade", "stop"]);
    expect(lines).toContain("pg_upgrade --check of 15 and 17");
    expect({ ref, kept }).toEqual({ ref: now, kept: [at("15")] });
    expect(await get(here, ref)).toMatchObject({
      ...{ state: "stopped", port: other, dataDirectory: at("17"), version: "17" },
      settings: { work_mem: "6MB", maintenance_work_mem: "70MB", debug_parallel_query: "off" },
    });
    expect((await get(here, ref)).settings).not.toHaveProperty("force_parallel_mode");
    expect(existsSync(join(at("15"), "global/pg_control.old"))).toBe(true);
    await start(here, ref);
    expect(await its(now).sql(content)).toEqual(filled);
    expect(await its(now).sql("SHOW maintenance_work_mem")).toEqual([{ maintenance_work_mem: "70MB" }]);
  });

  it("leaves an old cluster that is listed as nobody's, and as what it is", async () => {
    const items = [];
    for await (const item of list(here, { owner })) if (item.name === name) items.push(item);
    expect(items.map(({ version, managed, problem }) => [version, managed, problem])).toEqual([
      [
        "15",
        false,
        `${at("15")} is kept from an upgrade, and never starts again: remove it once nobody needs it`,
      ],
      ["17", true, undefined],
    ]);
    expect(messageOf(await failureOf(importable(here, { ...old, dataDirectory: at("15") })))).toContain(
      `${at("15")}/global/pg_control cannot be read: no server starts there`,
    );
  });

  it("is upgraded already for whoever asks again", async () => {
    expect(await to("17")).toEqual({ ref: now, steps: [], kept: [at("15")] });
  });

  it("is moved on to 18, and both old clusters go when nobody wants to keep them", async () => {
    const binDirectory = await completePrograms("18");
    last = { ...now, version: "18", binDirectory };
    const onwards = () => upgrade(here, now, { version: "18", binDirectory, keepOld: false });
    const { steps, kept } = await onwards();
    expect(steps.map(({ kind }) => kind)).toEqual(["upgrade", "finishUpgrade", "removeOldClusters"]);
    expect(kept).toEqual([]);
    expect(await its(last).sql(content)).toEqual(filled);
    // A state that was not written finds the instance by the names that it had.
    const left = await editAsOwner('cd "$1/pginstance" && ls -d */"$2"*', home, name);
    expect(left.trim().split("\n")).toEqual([
      `15/${name}.pginstance`,
      `17/${name}.pginstance`,
      `18/${name}`,
      `18/${name}.pginstance`,
    ]);
    expect(await onwards()).toMatchObject({ steps: [] });
  });

  it("is dropped without a trace", async () => {
    expect(await drop(here, last)).toBe(true);
    expect(await editAsOwner('ls -d "$1"/pginstance/*/"$2"* 2>&1 || true', home, name)).toMatch(
      /No such file/,
    );
    expect(messageOf(await failureOf(to("17")))).toContain(`there is no instance 15/${name}`);
  });
});

describe("a running instance over SSH", () => {
  it("is upgraded by links where it is, goes on, and leaves no old cluster", async () => {
    const at = await scripted("ssh", "15", await completePrograms("15"));
    try {
      await apply(at.host, at.manifest({ work_mem: "6MB" }));
      await at.sql(fill);
      const binDirectory = await completePrograms("17");
      const options = { version: "17", binDirectory, mode: "link", keepOld: false } as const;
      const { steps, ref, kept } = await upgrade(at.host, at.ref, options);
      expect(steps.map(({ kind }) => kind)).toEqual(["upgrade", "finishUpgrade", "removeOldClusters"]);
      expect(kept).toEqual([]);
      expect(await get(at.host, ref)).toMatchObject({ state: "started", settings: { work_mem: "6MB" } });
      const place = { name: "main", superuser: "postgres", dataDirectory: at.data, binDirectory };
      const now = handles({ host: new LocalHost(), owner, version: "17", ...place });
      expect(await now.sql(content)).toEqual(filled);
      expect(await editAsOwner('ls -A "$(dirname "$1")"', at.data)).toBe("main\nmain.pginstance\n");
      expect((await apply(at.host, { ...at.manifest({ work_mem: "6MB" }), ...ref })).changeState).toBeNull();
      await drop(at.host, ref);
    } finally {
      await at.dispose();
    }
  }, 180_000);
});
