/** Data checksums that are switched on and off: with a stop, and continued wherever it was interrupted. */
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf, messageOf } from "../../support/instances";
import { Kept, password } from "../../support/kept";
import { type Kill, Killer } from "../../support/killed";
import { observedOf } from "../../support/outputs";
import { end, until } from "../../support/processes";
import { completePrograms, editAsOwner, type OwnedDirectory, ownedDirectory } from "../../support/servers";

let killer: Killer;
beforeAll(async () => {
  killer = await Killer.open();
});
afterAll(() => killer.dispose());

const on = { dataChecksums: true };
const off = { dataChecksums: false };

/** Before, in the midst and at the end of the downtime; over SSH the worst of them. */
const kills: { readonly [W in "local" | "ssh"]: readonly Kill[] } = {
  local: [
    { step: "stop" },
    { step: "checksums" },
    { step: "checksums", after: 30 },
    { step: "restart", after: 0 },
  ],
  ssh: [{ step: "checksums", after: 0 }, { step: "restart" }],
};

describe.each(["local", "ssh"] as const)("data checksums of an instance (%s)", (way) => {
  let it: Kept;
  beforeAll(async () => {
    it = await Kept.open(
      way,
      "15",
      { binDirectory: await completePrograms("15"), stopMode: "immediate" },
      off,
    );
    await it.sql(
      "CREATE TABLE public.t AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 40000) AS n",
    );
  });
  afterAll(() => it?.close());

  const shown = async () => (await it.sql("SHOW data_checksums"))[0]?.data_checksums;
  const started = async () => (await it.sql("SELECT pg_postmaster_start_time()::text AS at"))[0]?.at;
  const rows = async () => (await it.sql("SELECT count(*)::int AS n, sum(n)::int AS sum FROM public.t"))[0];
  const all = { n: 40000, sum: 800020000 };
  const edit = async (script: string) =>
    editAsOwner(script, it.at.target.dataDirectory, await completePrograms("15"));
  const verified = () =>
    edit('"$2/pg_ctl" -s -D "$1" stop -m fast && "$2/pg_checksums" --check -D "$1" | grep "^Bad checksums"');

  test("are switched on with one stop, which applies what waits, and every row is there", async () => {
    const program = { ...on, settings: { max_connections: 41 } };
    await it.downtime("pg_checksums --enable", () => it.up(program));
    expect(await shown()).toBe("on");
    expect((await it.sql("SHOW max_connections"))[0]).toEqual({ max_connections: "41" });
    expect(it.outs).toMatchObject({ dataChecksums: true, phase: "ready", pendingRestart: false });
    expect(await rows()).toEqual(all);
  });

  test("stay when they are no longer declared", async () => {
    const before = await started();
    await it.up({});
    expect([await shown(), await started()]).toEqual(["on", before]);
  });

  test("are switched off, and the stop was a clean one whatever stopMode says", async () => {
    const log = await edit('wc -c <"$1.pginstance/postgresql.log"');
    await it.downtime("pg_checksums --disable", () => it.up(off));
    expect(await shown()).toBe("off");
    const since = await edit(`tail -c +$((${log.trim()} + 1)) "$1.pginstance/postgresql.log"`);
    expect(since).toContain("received fast shutdown request");
    expect(since).not.toContain("not properly shut down");
  });

  test.each(kills[way])("are on after a provider that was killed at %j, and the next run", async (kill) => {
    if ((await shown()) === "on") await it.up(off);
    await it.killedUp(killer, on, kill);
    await it.up(on);
    expect([await shown(), await rows()]).toEqual(["on", all]);
  });

  test("are verified by PostgreSQL itself, and a server that was stopped for that is started by the next run", async () => {
    expect(await verified()).toMatch(/Bad checksums: +0/);
    await it.refresh();
    await it.up(on);
    expect(await rows()).toEqual(all);
  });

  test("of a stopped instance change without a start", async () => {
    await it.up({ ...on, state: "stopped" });
    await it.up({ ...off, state: "stopped" });
    expect(it.outs).toMatchObject({ dataChecksums: false });
    expect(observedOf(it.outs).server).toBe("stopped");
    await it.up(off);
    expect([await shown(), await rows()]).toEqual(["off", all]);
  });

  test("that somebody switched off show as drift, and come back by the next run", async () => {
    await it.up(on);
    await edit('"$2/pg_ctl" -s -D "$1" stop -m fast && "$2/pg_checksums" --disable -D "$1" >/dev/null');
    expect(await it.refresh()).toMatchObject({ dataChecksums: false, state: "stopped" });
    await it.up(on);
    expect(await shown()).toBe("on");
  });

  test("wait for the recovery of a server that was killed", async () => {
    await it.sql("UPDATE public.t SET filler = 'y' WHERE n <= 100");
    const pid = Number(await edit('head -n 1 "$1/postmaster.pid"'));
    end(pid);
    // The server itself believes a zombie.
    await until("the end of the server", () => !existsSync(`/proc/${pid}`));
    await it.refresh();
    await it.up(off);
    expect([await shown(), await rows()]).toEqual(["off", all]);
    expect((await it.sql("SELECT count(*)::int AS n FROM public.t WHERE filler = 'y'"))[0]).toEqual({
      n: 100,
    });
  });
});

describe("pg_checksums", () => {
  let it: Kept | undefined;
  let programs: OwnedDirectory | undefined;
  afterAll(async () => {
    await it?.close();
    await programs?.dispose();
  });

  /** The programs of the major, but one is a script. */
  async function binDirectoryWith(script: string): Promise<string> {
    programs = await ownedDirectory();
    const [bin, real] = [join(programs.path, "bin"), await completePrograms("15")];
    await mkdir(bin);
    for (const name of await readdir(real)) {
      if (name !== "pg_checksums") await symlink(join(real, name), join(bin, name));
    }
    const text = `#!/bin/sh\nreal=${real}/pg_checksums flag=${programs.path}/flag\n${script}\n`;
    await writeFile(join(bin, "pg_checksums"), text, { mode: 0o755 });
    return bin;
  }

  test("that is killed in the midst is said, and done to the end by the next run", async () => {
    const script =
      '[ -e "$flag" ] && exec "$real" "$@"; : >"$flag"; timeout -s KILL 0.02 "$real" "$@"; kill -KILL $$';
    const binDirectory = await binDirectoryWith(script);
    const { path } = programs as OwnedDirectory;
    it = await Kept.open("local", "15", { binDirectory }, off);
    await editAsOwner(`rm -f "$1"`, join(path, "flag"));
    await it.sql("CREATE TABLE public.t AS SELECT n, repeat('x', 1000) FROM generate_series(1, 60000) AS n");
    const kept = it;
    const message = messageOf(await failureOf(kept.up(on)));
    expect(message).toMatch(/pg_checksums --enable of 15\/main on this machine failed/);
    expect(message).toContain("The server is stopped. Run `pulumi up` again");
    await kept.up(on);
    expect((await kept.sql("SHOW data_checksums"))[0]).toEqual({ data_checksums: "on" });
    expect((await kept.sql("SELECT count(*)::int AS n FROM public.t"))[0]).toEqual({ n: 60000 });
  });

  test("is looked for before anything is stopped, and its absence said with the remedy", async () => {
    const kept = await Kept.open("local", "17", {}, off);
    try {
      const before = await kept.sql("SELECT pg_postmaster_start_time()::text AS at");
      const message = messageOf(await failureOf(kept.up({ ...on, settings: { work_mem: "7MB" } })));
      expect(message).toMatch(/dataChecksums: 17\/main on this machine has no \S+\/pg_checksums/);
      expect(message).toContain("apt-get install postgresql-17");
      expect(await kept.sql("SELECT pg_postmaster_start_time()::text AS at")).toEqual(before);
      expect(await kept.refresh()).toMatchObject({ dataChecksums: false });
      await kept.up(off);
    } finally {
      await kept.close();
    }
  });

  test("does not run while a standby is attached", async () => {
    const kept = await Kept.open("local", "15", { binDirectory: await completePrograms("15") }, off);
    const { dataDirectory } = kept.at.target;
    const binDirectory = await completePrograms("15");
    const standby = `${dataDirectory}.standby`;
    const primary = `host=${kept.at.folder.path} port=${kept.at.port} user=probe password='${password}' application_name=orders_2`;
    try {
      await editAsOwner(
        'printf "local replication all scram-sha-256\\n" >>"$1/pg_hba.conf" && kill -HUP $(head -n 1 "$1/postmaster.pid")',
        dataDirectory,
      );
      await editAsOwner(
        `"$1/pg_basebackup" -D "$2" -R -d "$3" -c fast && echo "port = 1" >>"$2/postgresql.conf" &&
         "$1/pg_ctl" -s -w -D "$2" -l "$2/log" -o "-c listen_addresses=''" start`,
        binDirectory,
        standby,
        primary,
      );
      // The state that knows nothing of it, then one that does.
      const words = /standbys are attached \(orders_2\).*stop each of them first/s;
      expect(messageOf(await failureOf(kept.up(on)))).toMatch(words);
      await kept.refresh();
      expect(messageOf(await failureOf(kept.up(on)))).toMatch(words);
      await editAsOwner('"$1/pg_ctl" -s -D "$2" -m fast stop', binDirectory, standby);
      await kept.refresh();
      await kept.up(on);
      expect(kept.outs).toMatchObject({ dataChecksums: true });
    } finally {
      await editAsOwner('"$1/pg_ctl" -s -D "$2" -m immediate stop || true', binDirectory, standby);
      await kept.close();
    }
  });
});
