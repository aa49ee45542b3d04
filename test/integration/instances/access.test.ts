/** pg_hba.conf, pg_ident.conf, the replication role and slots: declared, changed, changed by hand, refused. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scramVerifier } from "../../../provider/postgresql/scram";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { connectByPassword, failureOf, type Live, liveInstance } from "../../support/instances";
import { editAsOwner } from "../../support/servers";
import { openWay, type Way } from "../../support/way";

const app = { type: "host", user: "app", address: "127.0.0.1/32", method: "scram-sha-256" };
const jo = { map: "apps", systemUser: "jo", databaseUser: "app" };
const verifierOf = (password: string) => scramVerifier(password, Buffer.alloc(16, 7));

describe.each([
  { major: "14", way: "local" },
  { major: "18", way: "local" },
  { major: "15", way: "ssh" },
] as const)("the records of an instance of $major ($way), in order:", ({ major, way }) => {
  let over: Way;
  let live: Live;
  let outs: Properties;
  let declared: Properties = { hba: { app } };
  beforeAll(async () => {
    over = await openWay(way);
    live = await liveInstance(major, { ...over.args, ...declared });
    outs = live.outs;
  });
  afterAll(async () => {
    await instance.delete(live.id, outs);
    await live.folder.dispose();
    await over.dispose();
  });

  const file = (name: string) => readFile(join(live.target.dataDirectory, name), "latin1");
  const edit = (name: string, script: string) =>
    editAsOwner(`cd "$1" && ${script.replaceAll("FILE", name)}`, live.target.dataDirectory);
  const rules = async () => {
    const rows = await live.sql(
      "SELECT type, user_name[1] AS who, auth_method AS how FROM pg_hba_file_rules",
    );
    return rows.map(({ type, who, how }) => `${type} ${who} ${how}`);
  };

  /** As `pulumi up` after a change of the program. */
  async function up(more: Properties) {
    declared = { ...declared, ...more };
    const news = await live.inputs({ ...over.args, ...declared });
    const { changes } = await instance.diff(live.id, outs, news);
    const updated = await instance.update(live.id, outs, news);
    outs = updated.outs as Properties;
    return changes;
  }

  async function refresh() {
    const read = await instance.read(live.id, outs);
    outs = read.props as Properties;
    return read.inputs as Record<string, Record<string, unknown>>;
  }

  async function isQuiet() {
    const news = await live.inputs({ ...over.args, ...declared });
    expect(await instance.diff(live.id, outs, news)).toMatchObject({ changes: false });
    const before = outs;
    await refresh();
    expect(outs).toEqual(before);
  }

  it("stand in the file behind the provider's own, with their labels", async () => {
    expect((await rules()).slice(0, 3)).toEqual([
      "local postgres peer",
      "local postgres peer",
      "host app scram-sha-256",
    ]);
    expect(await file("pg_hba.conf")).toMatch(/127\.0\.0\.1\/32 +scram-sha-256 {2}# pginstance hba\.app\n/);
    await isQuiet();
  });

  it("are added, changed and taken away in place by a reload; others' lines stay", async () => {
    await edit("pg_hba.conf", "echo 'host all theirs samenet md5  # by hand' >>FILE");
    await refresh();
    const started = await live.sql("SELECT pg_postmaster_start_time()");
    await up({
      hba: { app: { ...app, method: "md5" }, backup: { ...app, user: "backup" } },
      ident: { jo },
    });
    expect((await rules()).slice(2, 4)).toEqual(["host app md5", "host backup scram-sha-256"]);
    expect(await file("pg_hba.conf")).toContain("host all theirs samenet md5  # by hand\n");
    expect(await file("pg_ident.conf")).toMatch(/apps +jo +app {2}# pginstance ident\.jo\n/);
    expect(await live.sql("SELECT pg_postmaster_start_time()")).toEqual(started);
    await isQuiet();
    await up({ hba: { app } });
    expect(await rules()).not.toContain("host backup scram-sha-256");
    await isQuiet();
  });

  it("follow `auth`", async () => {
    await up({ auth: { host: "md5" } });
    expect(await rules()).toContain("host all md5");
    await isQuiet();
  });

  it("changed, lost or overtaken by hand show record by record, and come back", async () => {
    await edit("pg_hba.conf", "sed -i '/hba.app/s/scram-sha-256/reject/; /auth.host.all.ipv4/d' FILE");
    await edit("pg_hba.conf", "sed -i '1i host all all all trust' FILE");
    await edit("pg_ident.conf", "sed -i '/ident.jo/d' FILE");
    const found = await refresh();
    expect(found.hba?.app).toMatchObject({ user: "app", method: "reject" });
    expect(found.ident).toEqual({});
    expect(found.auth).toEqual({ host: "(no record)" });
    expect(await up({})).toBeUndefined();
    expect((await rules()).slice(0, 3)).toEqual([
      "local postgres peer",
      "local postgres peer",
      // Somebody's: it is kept unless the program says otherwise.
      "host all trust",
    ]);
    await isQuiet();
  });

  it("of the provider's own way in come back although the server lets nobody in", async () => {
    await edit("pg_hba.conf", "sed -i '/own\\./d' FILE && kill -HUP $(head -n 1 postmaster.pid)");
    await refresh();
    expect(await up({})).toBe(true);
    expect((await rules()).slice(0, 2)).toEqual(["local postgres peer", "local postgres peer"]);
    await isQuiet();
  });

  it("that nobody declared are removed where that is asked for", async () => {
    await up({ unmanagedHba: "remove" });
    expect(await rules()).not.toContain("host all trust");
    expect(await file("pg_hba.conf")).not.toContain("theirs");
    await isQuiet();
  });

  it("that the server refuses are put back, in its own words", async () => {
    const before = [await file("pg_hba.conf"), await file("pg_ident.conf")];
    const ldap = { ...app, method: "ldap" };
    const news = await live.inputs({ ...over.args, ...declared, hba: { app: ldap } });
    const failure = await failureOf(instance.update(live.id, outs, news));
    expect(String((failure as Error & { reasons: string[] }).reasons)).toMatch(
      /pg_hba\.conf:\d+: .*ldap.*\nThe files are back as they were/s,
    );
    expect([await file("pg_hba.conf"), await file("pg_ident.conf")]).toEqual(before);
    outs = (failure as { properties: Properties }).properties;
    await up({});
    await isQuiet();
  });

  it("stay as they are when somebody broke a line and only a setting changes", async () => {
    await up({ unmanagedHba: "keep" });
    await edit("pg_hba.conf", "echo 'nonsense' >>FILE");
    await refresh();
    await up({ settings: { work_mem: "7MB" } });
    expect(await live.sql("SHOW work_mem")).toEqual([{ work_mem: "7MB" }]);
    await edit("pg_hba.conf", "sed -i '/^nonsense/d' FILE");
    await refresh();
    await isQuiet();
  });

  it("the replication role is made, may replicate, and its password follows the program", async () => {
    await live.sql("CREATE ROLE plain");
    const role = { name: "replicator", passwordVerifier: verifierOf("one") };
    await up({ replicationRole: role, replicationSlots: ["standby1", "standby2"] });
    const [row] = await live.sql(
      "SELECT rolreplication, rolcanlogin, rolsuper, rolpassword FROM pg_authid WHERE rolname = 'replicator'",
    );
    expect(row).toEqual({
      rolreplication: true,
      rolcanlogin: true,
      rolsuper: false,
      rolpassword: role.passwordVerifier,
    });
    expect(await live.sql("SELECT slot_name FROM pg_replication_slots ORDER BY 1")).toEqual([
      { slot_name: "standby1" },
      { slot_name: "standby2" },
    ]);
    await isQuiet();
    await live.sql("ALTER ROLE replicator NOREPLICATION");
    await live.sql("SELECT pg_drop_replication_slot('standby2')");
    await live.sql("SELECT pg_create_physical_replication_slot('theirs')");
    const found = await refresh();
    expect(found.replicationRole).toMatchObject({ name: "no_replicator" });
    expect(found.replicationSlots).toEqual(["standby1"]);
    await up({ replicationRole: { name: "replicator", passwordVerifier: verifierOf("two") } });
    expect(await live.sql("SELECT count(*)::int AS slots FROM pg_replication_slots")).toEqual([{ slots: 3 }]);
    await isQuiet();
  });
});

it("a list is labelled by its order, and who logs in meets the first record that fits", async () => {
  const refused = { ...app, user: "jo", method: "reject" };
  const live = await liveInstance("17", { hba: [app, refused], auth: { host: "scram-sha-256" } });
  const text = await readFile(join(live.target.dataDirectory, "pg_hba.conf"), "latin1");
  expect(text).toMatch(/hba\.000\n.*hba\.001\n/);
  for (const role of ["app", "jo"])
    await live.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${verifierOf(role)}'`);
  const client = await connectByPassword(live.port, "app", "postgres", "app");
  expect((await client.query("SELECT current_user")).rows).toEqual([{ current_user: "app" }]);
  await client.end();
  await expect(connectByPassword(live.port, "jo", "postgres", "jo")).rejects.toThrow(/rejects connection/);
  await instance.delete(live.id, live.outs);
  await live.folder.dispose();
});
