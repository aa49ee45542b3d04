/** What stands against an upgrade, on a real server: said all at once, nothing is done, and each has its way out. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { query } from "../../../provider/server/connect";
import { addressOf } from "../../../provider/server/observe";
import { failureOf, messageOf } from "../../support/instances";
import { observedOf } from "../../support/outputs";
import { completePrograms, editAsOwner, freePort, runAsOwner } from "../../support/servers";
import { contentOf, fill, type Upgradable, upgradable } from "../../support/upgrades";

describe("an upgrade of PostgreSQL 15 with much against it, in order:", () => {
  let at: Upgradable;
  let outs: Properties;
  let content: unknown;
  const settings = { wal_level: "logical", max_prepared_transactions: 5 };

  beforeAll(async () => {
    at = await upgradable("15", { settings });
    outs = at.outs;
    await fill(at);
    await at.sql("SELECT pg_create_logical_replication_slot('shipping', 'pgoutput')");
    const { postmaster } = await at.observe();
    if (!postmaster) throw new Error("the server does not run");
    const transaction = ["BEGIN", "CREATE TABLE public.waiting (a int)", "PREPARE TRANSACTION 'waiting'"];
    await query(addressOf(at.target, postmaster), transaction);
    content = await contentOf(at.sql);
  });
  afterAll(() => at?.folder.dispose());

  const data = () => at.target.dataDirectory;
  const raised = (more: Properties = {}) => at.raised("17", more);
  const server = async () => (await at.observe()).observed.server;
  const around = async () =>
    (await editAsOwner('ls "$1"', at.folder.path)).split("\n").filter((name) => name && name !== "wal");
  async function up(more: Properties, inputs = at.inputs({ settings, ...more })): Promise<void> {
    const wanted = await inputs;
    outs = (await instance.update(at.id, outs, wanted)).outs as Properties;
    expect(await instance.diff(at.id, outs, wanted)).toMatchObject({ changes: false });
  }
  /** By an update whose state knows nothing of what stands against it. */
  async function refusal(more: Properties = {}): Promise<string> {
    const observed = { ...observedOf(outs), slots: {}, walDirectory: join(data(), "pg_wal") };
    const failure = await failureOf(instance.update(at.id, { ...outs, observed }, await raised(more)));
    expect(await around()).toEqual(["data", "data.pginstance"]);
    return messageOf(failure);
  }

  it("all of it is said, of what only the host knows too, and nothing is changed", async () => {
    await up({ state: "stopped" });
    await editAsOwner(
      'mkdir "$1/wal" && mv "$1/data/pg_wal" "$1/wal/w" && ln -s "$1/wal/w" "$1/data/pg_wal"',
      at.folder.path,
    );
    await up({});
    await editAsOwner('echo "hosst all all all md5" >>"$1/pg_hba.conf"', data());
    const words = await refusal();
    await editAsOwner('sed -i "/hosst/d" "$1/pg_hba.conf"', data());
    expect(words).toMatch(
      /no server starts with this line of pg_hba\.conf: .*invalid connection type "hosst"/,
    );
    expect(words).toContain("1 prepared transaction(s): COMMIT PREPARED or ROLLBACK PREPARED them");
    expect(words).toContain(
      "logical slot shipping would be lost: drop it, or set upgrade: { dropsReplication: true }",
    );
    expect(words).toContain("pg_wal is a symbolic link: move the WAL back into the data directory first");
    expect([await server(), await contentOf(at.sql)]).toEqual(["running", content]);
  });

  it("a stopped one is asked all the same, and stays stopped", async () => {
    await up({ state: "stopped" });
    expect(await refusal({ state: "stopped" })).toContain("1 prepared transaction(s)");
    expect(await server()).toBe("stopped");
    await up({});
  });

  it("after a refresh the preview says it, with the way to it", async () => {
    outs = (await instance.read(at.id, outs)).props as Properties;
    const words = messageOf(await failureOf(instance.diff(at.id, outs, await raised())));
    expect(words).toContain("raising 15 to 17 loses logical replication slots (shipping)");
    expect(words).toContain(`set walDirectory: "${data()}/pg_wal" first`);
    await up({ walDirectory: join(data(), "pg_wal") });
    await up({});
    await at.sql("ROLLBACK PREPARED 'waiting'");
  });

  it("files are cloned where the file system can, and nothing is changed where it cannot", async () => {
    const cloning =
      '{ cp --reflink=always "$1/PG_VERSION" "$1.clone" || cp -c "$1/PG_VERSION" "$1.clone"; } 2>/dev/null && echo yes || echo no; rm -f "$1.clone"';
    const can = (await editAsOwner(cloning, data())).trim() === "yes";
    const clone = { upgrade: { mode: "clone", dropsReplication: true } };
    if (can) await up({}, raised(clone));
    else {
      expect(await refusal(clone)).toMatch(/cannot be upgraded to 17:[\s\S]*clon[\s\S]*Nothing was changed/);
      await up({}, raised({ upgrade: { dropsReplication: true } }));
    }
    const now = await at.as("17");
    expect(await contentOf(now.sql)).toEqual(content);
    expect(await now.sql("SELECT slot_name FROM pg_replication_slots")).toEqual([]);
    expect(await around()).toEqual(["data", "data.old-15", "data.pginstance"]);
  });

  it("the old cluster is not removed while somebody runs it, and then it is", async () => {
    const old = `${data()}.old-15`;
    await editAsOwner('mv "$1/global/pg_control.old" "$1/global/pg_control"', old);
    const pgCtl = join(await completePrograms("15"), "pg_ctl");
    const port = await freePort();
    await runAsOwner(pgCtl, "-D", old, "-w", "-s", "-o", `-p ${port}`, "-l", join(old, "log"), "start");
    const gone = { upgrade: { keepOld: false, dropsReplication: true } };
    const failure = await failureOf(instance.update(at.id, outs, await raised(gone)));
    expect(messageOf(failure)).toContain(`the server of ${old} runs`);
    await runAsOwner(pgCtl, "-D", old, "-w", "-s", "-m", "fast", "stop");
    outs = (failure as { properties: Properties }).properties;
    await up({}, raised(gone));
    expect(existsSync(old)).toBe(false);
    await instance.delete(at.id, outs);
    expect(await around()).toEqual([]);
  });
});
