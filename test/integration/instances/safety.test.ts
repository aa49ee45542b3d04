import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { userInfo } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { importable } from "../../../provider/instances";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import {
  failureOf,
  handles,
  type Live,
  liveInstance,
  messageOf,
  type Place,
  place,
} from "../../support/instances";
import { observedOf } from "../../support/outputs";
import { editAsOwner } from "../../support/servers";

let live: Live | Place | undefined;
afterEach(async () => {
  await live?.folder.dispose();
  live = undefined;
});

async function made(more: Properties = {}): Promise<Live> {
  const it = await liveInstance("15", more);
  live = it;
  return it;
}

const message = async (promise: Promise<unknown>) => messageOf(await failureOf(promise));
const update = (it: Live, news: Properties, olds: Properties = it.outs) => instance.update(it.id, olds, news);
const edit = (it: Place, script: string) =>
  editAsOwner(script, it.target.dataDirectory, it.target.binDirectory);

describe("what is not ours, or protected, is not touched", () => {
  test("a state that lost a finished instance neither restarts nor later deletes it", async () => {
    const it = await made({ deletionProtection: true });
    await it.sql("CREATE TABLE public.precious (a int)");
    const again = await it.inputs({
      deletionProtection: true,
      settings: { max_connections: 50 },
      restartOnChanges: true,
    });
    expect(await message(instance.create(again))).toMatch(/exists already as main-.*needs a restart/s);
    const found = await instance.create(await it.inputs({ deletionProtection: true }));
    expect(found.id).toBe(it.id);
    expect(await message(instance.delete(found.id, found.outs))).toContain("is protected");
    expect(await it.sql("SELECT count(*)::int AS n FROM public.precious")).toEqual([{ n: 0 }]);
  });

  test("another cluster in the place of ours is refused by read, update and delete", async () => {
    const it = await made();
    await edit(
      it,
      '"$2/pg_ctl" stop -s -D "$1" -m fast && mv "$1" "$1.away" && "$2/initdb" -D "$1" -A peer >/dev/null',
    );
    const words =
      /is another cluster \(system identifier \d+\) than was made there \(\d+\)\. It was not touched/;
    expect(await message(instance.read(it.id, it.outs))).toMatch(words);
    expect(await message(update(it, await it.inputs({ settings: { work_mem: "9MB" } })))).toMatch(words);
    const refused = await message(instance.delete(it.id, it.outs));
    expect(refused).toMatch(words);
    expect(refused).toMatch(/`pulumi state delete`.*declare `adopt: true`\.$/);
    expect(await edit(it, 'ls "$1/PG_VERSION"')).toContain("PG_VERSION");
    const adopting = await it.inputs({ adopt: true, port: 5432 });
    const { id, outs } = await instance.create(adopting);
    expect(id).toBe(it.id);
    expect((await instance.read(id, outs as Properties)).id).toBe(id);
  });

  test("a data directory that vanished is not made anew by an update, however often it is tried", async () => {
    const it = await made();
    await edit(
      it,
      '"$2/pg_ctl" stop -s -D "$1" -m fast && mv "$1" "$1.away" && mv "$1.pginstance" "$1.away.own"',
    );
    const changing = { ...it.outs, phase: "changing" };
    for (const olds of [it.outs, changing, changing]) {
      const refused = await message(update(it, await it.inputs({ settings: { work_mem: "9MB" } }), olds));
      expect(refused).toMatch(/is gone: .* is missing or empty$/m);
      expect(refused).toMatch(/^If its disk is only not mounted, .*put it back, and run this again\./m);
    }
    expect(await edit(it, 'ls -d "$1"* | sed "s|.*/||"')).toBe("main.away\nmain.away.own\n");
    expect(await instance.read(it.id, it.outs)).toEqual({});
  });
});

test("an import of what a stack manages already says so, and as what", async () => {
  const { id, target } = await made();
  const { name, version, owner, dataDirectory, binDirectory } = target;
  const found = await importable({ local: {} }, { name, version, owner, dataDirectory, binDirectory });
  expect(found.id).toBe(id);
  expect(found.notes).toContainEqual(expect.stringContaining(`a stack manages it, as ${id}: `));
});

describe("what others wrote is not lost", () => {
  test("a reload that shuts us out puts back its own change alone", async () => {
    const it = await made();
    const pending = await update(it, await it.inputs({ settings: { max_connections: 60 } }));
    const applied = await update(
      it,
      await it.inputs({ settings: { max_connections: 60, work_mem: "32MB" } }),
      pending.outs,
    );
    await it.sql("ALTER SYSTEM SET statement_timeout = '1h'");
    await edit(it, 'echo "maintenance_work_mem = 99MB" >>"$1/postgresql.conf"');
    const wrong = await it.inputs({
      settings: { max_connections: 60, work_mem: "32MB", session_preload_libraries: "nosuch" },
    });
    expect(await message(update(it, wrong, applied.outs))).toMatch(
      /nosuch.*The files are back as they were/s,
    );
    const files = await edit(it, 'cat "$1/postgresql.conf" "$1/postgresql.auto.conf"');
    for (const line of [
      "max_connections = 60",
      "work_mem = 32MB",
      "maintenance_work_mem = 99MB",
      "statement_timeout",
    ]) {
      expect(files).toContain(line);
    }
    expect(files).not.toContain("nosuch");
    expect(await it.sql("SHOW work_mem")).toEqual([{ work_mem: "32MB" }]);
  });

  test("a pending setting with which the server does not start goes back to what it started with, and the rest is kept", async () => {
    const it = await made();
    const settings = { unix_socket_group: "no_such_group" };
    const pending = await update(it, await it.inputs({ settings }));
    const more = { ...settings, work_mem: "32MB" };
    const later = await update(it, await it.inputs({ settings: more }), pending.outs);
    const on = await it.inputs({ settings: more, restartOnChanges: true });
    const words = await message(update(it, on, later.outs));
    expect(words).toMatch(
      /group "no_such_group" does not exist.*runs again.*What was refused is kept in .*\/refused/s,
    );
    expect(await it.sql("SHOW unix_socket_group")).toEqual([{ unix_socket_group: "" }]);
    expect(await edit(it, 'cat "$1.pginstance/refused/postgresql.conf"')).toContain(
      "unix_socket_group = no_such_group",
    );
  });

  test.each([
    [
      "a library that is not there",
      { shared_preload_libraries: "no_such_library" },
      /could not access file "no_such_library"/,
    ],
    ["more memory than there is", { shared_buffers: "900GB" }, /could not map anonymous shared memory/],
  ])(
    "below 15 no start can be tried beside it: with %s it is put back, and runs again",
    async (_, settings, words) => {
      const before = { work_mem: "8MB" };
      const at = await liveInstance("14", { settings: before });
      live = at;
      const files = await edit(at, 'cat "$1/postgresql.conf"');
      const news = await at.inputs({ settings: { ...before, ...settings }, restartOnChanges: true });
      const said = await message(update(at, news));
      expect(said).toMatch(words);
      expect(said).toMatch(
        /the configuration is back as it was, pg_hba.conf included, and 14\/main on this machine runs again/,
      );
      expect(await edit(at, 'cat "$1/postgresql.conf"')).toBe(files);
      expect(await at.sql("SHOW work_mem")).toEqual([{ work_mem: "8MB" }]);
    },
  );
});

describe("a server that takes no sessions", () => {
  test.each([
    [
      "its first pg_hba record is gone",
      'sed -i "/own\\\\./d" "$1/pg_hba.conf" && "$2/pg_ctl" reload -s -D "$1"',
    ],
    ["the superuser may not log in", ""],
  ])("because %s can still be looked at and removed", async (_why, script) => {
    const it = await made();
    if (script) await edit(it, script);
    else {
      await it.sql("CREATE ROLE other SUPERUSER LOGIN");
      await it.sql("ALTER ROLE postgres NOLOGIN");
    }
    const { props } = await instance.read(it.id, it.outs);
    expect(props).toEqual({ ...it.outs, observed: expect.anything() });
    expect(observedOf(props)).toEqual({ ...observedOf(it.outs), access: expect.anything() });
    await instance.delete(it.id, it.outs);
    expect(await edit(it, 'ls -A "$(dirname "$1")" 2>/dev/null || true')).toBe("");
  });

  test("a database postgres that was dropped is no obstacle", async () => {
    const it = await made();
    await handles(it.target).sql("CREATE DATABASE other");
    const { postmaster } = await it.observe();
    const { Client } = await import("pg");
    const password = "only-for-this";
    await it.sql(`ALTER ROLE postgres PASSWORD '${password}'`);
    const client = new Client({
      host: "127.0.0.1",
      port: postmaster?.port,
      user: "postgres",
      password,
      database: "other",
    });
    await client.connect();
    await client.query("DROP DATABASE postgres");
    await client.end();
    expect((await update(it, await it.inputs({ settings: { work_mem: "9MB" } }))).outs).toMatchObject({
      phase: "ready",
    });
  });

  test("sockets where the provider could not reach the server are refused before anything is written", async () => {
    const at = await place("15");
    live = at;
    expect(await message(at.inputs({ settings: { unix_socket_directories: "" } }))).toContain(
      "settings.unix_socket_directories: must begin with an absolute path",
    );
  });
});

describe("an update", () => {
  test("that starts nothing does not mind who has the port", async () => {
    const it = await made();
    await edit(it, '"$2/pg_ctl" stop -s -D "$1" -m fast');
    const other = createServer().listen(it.port);
    await once(other, "listening");
    const { outs } = await update(it, await it.inputs({ stopMode: "smart" }));
    other.close();
    expect(outs).toMatchObject({ stopMode: "smart" });
  });

  test("to a port that a process of the login's has says whose it is, which its owner cannot see", async () => {
    const it = await made();
    const other = createServer().listen(0);
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const moved = await it.inputs({ port, restartOnChanges: true });
    const words = await message(update(it, moved));
    other.close();
    expect(words).toContain(`port: ${port} on this machine is in use by `);
    expect(words).toContain(`(process ${process.pid} of ${userInfo().username})`);
  });

  test("of an instance whose programs are gone says so, and its deletion does without them", async () => {
    const it = await made();
    const gone = {
      ...it.outs,
      binDirectory: "/nowhere/bin",
      declared: (it.outs.declared as string[]).filter((n) => n !== "binDirectory"),
    };
    await instance.delete(it.id, gone);
    expect(await edit(it, 'ls -A "$(dirname "$1")" 2>/dev/null || true')).toBe("");
  });

  test("announces a restart's effect on lines that somebody added and nobody reloaded", async () => {
    const it = await made();
    await edit(it, 'echo "max_wal_senders = 7" >>"$1/postgresql.conf"');
    const { props } = await instance.read(it.id, it.outs);
    expect(props).toMatchObject({
      pendingRestart: true,
      pendingRestartReasons: { max_wal_senders: { running: "10", wanted: "7" } },
    });
  });

  test("repairs a line of ALTER SYSTEM that the server would not start with", async () => {
    const it = await made();
    const first = await update(it, await it.inputs({ settings: { work_mem: "9MB" } }));
    await edit(it, `echo "work_mem = 'banana'" >>"$1/postgresql.auto.conf"`);
    const { props, inputs } = await instance.read(it.id, first.outs);
    expect(inputs).toMatchObject({ settings: { work_mem: "banana" } });
    await update(it, await it.inputs({ settings: { work_mem: "9MB" } }), props as Properties);
    expect(await edit(it, 'cat "$1/postgresql.auto.conf"')).not.toContain("banana");
    expect(await it.sql("SHOW work_mem")).toEqual([{ work_mem: "9MB" }]);
  });
});

test("a create that failed for its auth is mended by another", async () => {
  const at = await place("15");
  live = at;
  const wrong = await at.inputs({ auth: { host: "pam" }, settings: { shared_buffers: "900GB" } });
  const failure = await failureOf(instance.create(wrong));
  const { id, properties } = failure as { id: string; properties: Properties };
  const right = await at.inputs({ auth: { host: "scram-sha-256" } });
  expect(await instance.diff(id, properties, right)).toMatchObject({ changes: undefined });
  await instance.update(id, properties, right);
  expect(await edit(at, 'grep -c pam "$1/pg_hba.conf" || true')).toBe("0\n");
});

test("a setting that the program keeps secret is changed without the server's log telling it", async () => {
  const secret = { __secretSettings: ["ssl_passphrase_command"] };
  const it = await made({ ...secret, settings: { ssl_passphrase_command: "echo canary-1" } });
  const changed = await update(
    it,
    await it.inputs({ ...secret, settings: { ssl_passphrase_command: "echo canary-2", work_mem: "9MB" } }),
  );
  expect(await it.sql("SHOW ssl_passphrase_command")).toEqual([{ ssl_passphrase_command: "echo canary-2" }]);
  expect(await it.sql("SHOW log_min_messages")).toEqual([{ log_min_messages: "warning" }]);
  expect(await edit(it, 'cat "$1.pginstance/postgresql.log"')).not.toContain("canary");
  expect(observedOf(changed.outs)).toMatchObject({ originals: { work_mem: null }, unapplied: "none" });
  expect(await edit(it, 'grep -c "^log_min_messages" "$1/postgresql.conf" || true')).toBe("0\n");
  expect(
    await instance.diff(
      it.id,
      changed.outs as Properties,
      await it.inputs({ ...secret, settings: { ssl_passphrase_command: "echo canary-2", work_mem: "9MB" } }),
    ),
  ).toMatchObject({ changes: false });
});
