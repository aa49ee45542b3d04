/** The WAL, tablespaces and the socket that are moved: with a stop, and continued wherever it was interrupted. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, messageOf, place } from "../../support/instances";
import { Kept } from "../../support/kept";
import { again, type Kill, Killer } from "../../support/killed";
import { observedOf } from "../../support/outputs";
import { editAsOwner } from "../../support/servers";
import { placeOfComplete, primary, password as replicator } from "../../support/standby";

let killer: Killer;
beforeAll(async () => {
  killer = await Killer.open();
});
afterAll(() => killer.dispose());

const ls = async (path: string) =>
  (await editAsOwner('ls -A "$1" 2>/dev/null || echo "(absent)"', path)).split("\n").filter(Boolean);
const absent = ["(absent)"];

/** Before the stop, before and in the midst of the move, before the start, before and after the removal. */
const kills: readonly Kill[] = [
  { step: "stop" },
  { step: "move WAL" },
  { step: "move WAL", after: 5 },
  { step: "restart" },
  { step: "remove old" },
  { step: "remove old", after: 0 },
];

/** What differs between the WAL and a tablespace is the move; over SSH the worst moments are enough. */
const worst = (move: string): readonly Kill[] => [{ step: move, after: 5 }, { step: "remove old" }];

describe.each(["local", "ssh"] as const)("places of an instance (%s)", (way) => {
  let it: Kept;
  let base: string;
  const at = (name: string) => join(base, name);
  beforeAll(async () => {
    it = await Kept.open(way, "17", {});
    base = it.at.folder.path;
    await it.sql("CREATE TABLE public.t AS SELECT n FROM generate_series(1, 20000) AS n");
  });
  afterAll(() => it?.close());

  const rows = async () => (await it.sql("SELECT count(*)::int AS n FROM public.t"))[0]?.n;
  const link = async () =>
    (await editAsOwner('readlink "$1/pg_wal" || echo inside', it.at.target.dataDirectory)).trim();
  const notes = async () => (await ls(`${it.at.target.dataDirectory}.pginstance`)).includes("outside");
  /** Nothing of a move is left: neither beside the links, nor a note of a copy. */
  const tidy = async () => {
    expect(await ls(it.at.target.dataDirectory)).not.toContainEqual(expect.stringMatching(/\.(old|new)$/));
    expect(observedOf(it.outs).leftovers).toEqual([]);
  };

  test("the WAL is moved out of the data directory, and what was there is gone", async () => {
    await it.downtime("the WAL is moved out", () => it.up({ walDirectory: at("wal/one") }));
    expect(await link()).toBe(at("wal/one"));
    expect(await ls(at("wal/one"))).toContain("archive_status");
    expect(it.outs).toMatchObject({ walDirectory: at("wal/one"), phase: "ready" });
    expect(await rows()).toBe(20000);
    await tidy();
  });

  test("it stays when it is no longer declared", async () => {
    await it.up({});
    expect(await link()).toBe(at("wal/one"));
    expect(it.outs).toMatchObject({ walDirectory: at("wal/one") });
  });

  test("it is moved on; the directory that was made for it is gone, the parent is in use", async () => {
    await it.up({ walDirectory: at("wal/two") });
    expect(await ls(at("wal"))).toEqual(["two"]);
    expect(await rows()).toBe(20000);
    await tidy();
  });

  test("it is moved back into the data directory, and what was made for it is gone", async () => {
    await it.downtime("the WAL is moved in", () =>
      it.up({ walDirectory: `${it.at.target.dataDirectory}/pg_wal` }),
    );
    expect([await link(), await ls(at("wal")), await notes()]).toEqual(["inside", absent, false]);
    expect(await rows()).toBe(20000);
    await tidy();
  });

  test.each(way === "local" ? kills : worst("move WAL"))(
    "it is there after a provider that was killed at %j, and the next run",
    async (kill) => {
      const [from, to] = [await link(), at((await link()) === at("wal/a") ? "wal/b" : "wal/a")];
      await it.killedUp(killer, { walDirectory: to }, kill);
      await it.up({ walDirectory: to });
      expect([await link(), await rows()]).toEqual([to, 20000]);
      expect(await ls(from)).toEqual(absent);
      await tidy();
    },
  );

  test("a directory that is not empty is refused before anything is stopped, and left alone", async () => {
    await editAsOwner('mkdir -p "$1" && echo mine >"$1/file"', at("full"));
    const [wal, before] = [await link(), await it.sql("SELECT pg_postmaster_start_time()::text AS at")];
    const message = messageOf(await failureOf(it.up({ walDirectory: at("full") })));
    expect(message).toContain(`walDirectory: ${at("full")} on ${it.way.where} is not empty`);
    expect(message).toContain("Nothing was changed");
    expect(await it.sql("SELECT pg_postmaster_start_time()::text AS at")).toEqual(before);
    expect([await link(), await ls(at("full"))]).toEqual([wal, ["file"]]);
    await editAsOwner('rm -r "$1"', at("full"));
    await it.up({ walDirectory: wal });
  });

  test("tablespaces are made by the declaration, with their directories", async () => {
    await it.up({ tablespaces: { fast: at("space/one"), slow: at("slow") } });
    await it.sql("CREATE TABLE public.f TABLESPACE fast AS SELECT n FROM generate_series(1, 9000) AS n");
    expect(await ls(at("space/one"))).toEqual([expect.stringMatching(/^PG_17_\d+$/)]);
  });

  test("a tablespace is moved, and nothing else in its old directory is touched", async () => {
    await editAsOwner('echo mine >"$1/file"', at("space/one"));
    await it.downtime("a tablespace is moved", () => it.up({ tablespaces: { fast: at("space/two") } }));
    expect(await ls(at("space/one"))).toEqual(["file"]);
    expect(await ls(at("space/two"))).toEqual([expect.stringMatching(/^PG_17_\d+$/)]);
    expect((await it.sql("SELECT count(*)::int AS n FROM public.f"))[0]).toEqual({ n: 9000 });
    await tidy();
  });

  test.each(worst("move tablespace"))(
    "it is there after a provider that was killed at %j, and the next run",
    async (kill) => {
      const { fast: from } = it.outs.tablespaces as Record<string, string>;
      const to = from === at("space/a") ? at("space/b") : at("space/a");
      await it.killedUp(killer, { tablespaces: { fast: to } }, kill);
      await it.up({ tablespaces: { fast: to } });
      expect((await it.sql("SELECT count(*)::int AS n FROM public.f"))[0]).toEqual({ n: 9000 });
      expect(await ls(to)).toEqual([expect.stringMatching(/^PG_17_\d+$/)]);
      expect(await ls(from ?? "")).toEqual(absent);
      await tidy();
    },
  );

  test("a tablespace that somebody dropped shows as drift, and is made again", async () => {
    const { fast } = it.outs.tablespaces as Record<string, string>;
    await it.up({ tablespaces: { fast, slow: at("slow") } });
    await it.sql("DROP TABLESPACE slow");
    expect(await it.refresh()).toMatchObject({ tablespaces: { fast } });
    await it.up({ tablespaces: { fast, slow: at("slow") } });
    expect(await it.sql("SELECT spcname AS name FROM pg_tablespace WHERE spcname = 'slow'")).toHaveLength(1);
  });

  test("the WAL and a tablespace are moved with one stop, while the socket moves too", async () => {
    const { fast } = it.outs.tablespaces as Record<string, string>;
    await editAsOwner('mkdir -p "$1"', at("run"));
    const settings = { unix_socket_directories: undefined };
    const program = {
      settings,
      socketDirectory: at("run"),
      walDirectory: at("wal/last"),
      restartOnChanges: true,
    };
    await it.up({ ...program, tablespaces: { fast: at("space/last"), slow: at("slow") } });
    expect(await ls(at("run"))).toContain(`.s.PGSQL.${it.at.port}`);
    expect([await link(), await rows(), await ls(fast ?? "")]).toEqual([at("wal/last"), 20000, absent]);
    await tidy();
  });

  test("a deletion is refused while a tablespace is not declared", async () => {
    await it.up({
      settings: { unix_socket_directories: undefined },
      socketDirectory: at("run"),
      tablespaces: { fast: at("space/last") },
    });
    const message = messageOf(await failureOf(it.delete()));
    expect(message).toContain(
      `has tablespaces that are not declared: slow in ${at("slow")}. Nothing was removed`,
    );
    expect(await rows()).toBe(20000);
  });

  test("a deletion takes the WAL and the declared tablespaces with it, and nothing else", async () => {
    await editAsOwner('echo mine >"$1/file"', at("slow"));
    await it.up({
      settings: { unix_socket_directories: undefined },
      socketDirectory: at("run"),
      tablespaces: { fast: at("space/last"), slow: at("slow") },
    });
    await it.delete();
    expect(await ls(at("slow"))).toEqual(["file"]);
    expect((await ls(base)).sort()).toEqual(["run", "slow", "space"]);
    expect(await ls(at("space"))).toEqual(["one"]);
  });
});

describe("a new instance", () => {
  test("has its WAL where it is declared, in a directory that was there and stays", async () => {
    const at = await place("17");
    const wal = join(at.folder.path, "disk");
    try {
      await editAsOwner('mkdir "$1"', wal);
      const inputs = await at.inputs({ walDirectory: wal });
      await killer.kill("create", [inputs], { step: "initdb", after: 100 });
      const { id, outs } = await again(() => instance.create(inputs));
      expect(outs).toMatchObject({ walDirectory: wal });
      expect(observedOf(outs).leftovers).toEqual([]);
      expect((await editAsOwner('readlink "$1/pg_wal"', at.target.dataDirectory)).trim()).toBe(wal);
      expect(await instance.diff(id, outs, inputs)).toMatchObject({ changes: false });
      await instance.delete(id, outs);
      expect(await ls(at.folder.path)).toEqual(["disk"]);
      expect(await ls(wal)).toEqual([]);
    } finally {
      await at.folder.dispose();
    }
  });

  test("does not take the WAL of one whose data directory somebody moved away", async () => {
    const at = await place("17");
    const wal = join(at.folder.path, "wal");
    try {
      const inputs = await at.inputs({ walDirectory: wal });
      await instance.create(inputs);
      const { binDirectory, dataDirectory } = at.target;
      await editAsOwner(
        '"$1/pg_ctl" -s -D "$2" -m fast stop && mv "$2" "$2.away"',
        binDirectory,
        dataDirectory,
      );
      const segments = await ls(wal);
      // The state is lost with it.
      const again = async () => messageOf(await failureOf(instance.create(inputs)));
      expect(await again()).toContain(`was complete, and ${dataDirectory} is missing or empty now`);
      await editAsOwner('rm -r "$1.pginstance"', dataDirectory);
      expect(await again()).toContain(`walDirectory: ${wal} on this machine is not empty`);
      expect(await ls(wal)).toEqual(segments);
    } finally {
      await at.folder.dispose();
    }
  });

  test("that is a standby has its WAL where it is declared, too, and it goes with it", async () => {
    const source = await primary();
    const at = await placeOfComplete("second");
    const wal = join(at.folder.path, "wal", "second");
    try {
      const standby = { primary: source.conninfo, password: replicator };
      const inputs = await at.inputs({ standby, walDirectory: wal });
      const { id, outs } = await instance.create(inputs);
      expect(outs).toMatchObject({ role: "standby", walDirectory: wal });
      expect(observedOf(outs).leftovers).toEqual([]);
      expect(await instance.diff(id, outs, inputs)).toMatchObject({ changes: false });
      const moved = await at.inputs({ standby, walDirectory: `${wal}2` });
      const { outs: after } = await instance.update(id, outs, moved);
      expect(after).toMatchObject({ role: "standby", walDirectory: `${wal}2` });
      expect(observedOf(after).leftovers).toEqual([]);
      expect(await ls(join(at.folder.path, "wal"))).toEqual(["second2"]);
      await instance.delete(id, after as Properties);
      expect(await ls(at.folder.path)).toEqual([]);
    } finally {
      await at.folder.dispose();
      await source.folder.dispose();
    }
  });

  test("is refused a socket directory that is not there", async () => {
    const at = await place("17");
    const missing = join(await mkdtemp(join(tmpdir(), "pginstance-")), "missing");
    try {
      const inputs = await at.inputs({
        settings: { unix_socket_directories: undefined },
        socketDirectory: missing,
      });
      expect(messageOf(await failureOf(instance.create(inputs)))).toContain(
        `socketDirectory: ${missing} on this machine does not exist`,
      );
      expect(await ls(at.folder.path)).toEqual([]);
    } finally {
      await rm(join(missing, ".."), { recursive: true });
      await at.folder.dispose();
    }
  });
});
