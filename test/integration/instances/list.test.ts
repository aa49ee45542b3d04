/** What is listed of a host: what is whole, what is broken, and what is not ours. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  drop,
  type InstanceListItem,
  InstanceStateError,
  InvalidVersionError,
  init,
  list,
  start,
} from "../../../provider/instances";
import { type Scripted, scripted } from "../../support/api";
import { failureOf } from "../../support/instances";
import { editAsOwner, freePort, runAsOwner } from "../../support/servers";

async function all(items: AsyncIterable<InstanceListItem>): Promise<InstanceListItem[]> {
  const found: InstanceListItem[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe.each([
  ["local", "17"],
  ["ssh", "15"],
] as const)("the instances of a host (%s, PostgreSQL %s)", (name, major) => {
  let at: Scripted;
  beforeAll(async () => {
    at = await scripted(name, major);
    await init(at.host, at.manifest());
  });
  afterAll(() => at?.dispose());

  async function listed(version?: typeof major): Promise<InstanceListItem[]> {
    const { owner, become } = at.ref;
    const items = await all(list(at.host, { owner, become, version, under: [at.folder.path] }));
    // Others of the same owner may be in its own place.
    return items.filter(({ dataDirectory }) => dataDirectory.startsWith(at.folder.path));
  }

  it("are found in folders that are named, with what their servers do", async () => {
    const place = { name: "main", version: major, port: 5432, dataDirectory: at.data, binDirectory: null };
    const whole = { ...place, status: "stopped", managed: true };
    expect(await listed()).toEqual([whole]);
    expect(await listed(major)).toEqual([whole]);
    const other = major === "17" ? "16" : "14";
    expect(await all(list(at.host, { ...at.ref, version: other, under: [at.folder.path] }))).toEqual([]);
    const { port } = at.manifest();
    const lines = `port = ${port}\nunix_socket_directories = '${at.folder.path}'\nOdd.Name2 = 'a # b'`;
    await editAsOwner('echo "$2" >>"$1/postgresql.conf"', at.data, lines);
    await start(at.host, at.ref);
    expect(await listed()).toEqual([
      { ...whole, binDirectory: at.ref.binDirectory, port, status: "running" },
    ]);
  });

  it("are found in the owner's own place, broken ones with their problem, and none ends the list", async () => {
    const own = (
      await editAsOwner('eval cd "~$(id -un)"; mkdir -p "pginstance/$1" && cd "pginstance/$1" && pwd', major)
    ).trim();
    const strange = `listing-${process.pid}`;
    try {
      await editAsOwner(
        `cd "$1" && mkdir "$2-empty" "$2-other" "$2-denied" && mkdir "$2-gone.pginstance" "$2-lost.pginstance" &&
         mkdir -p "$2-dropped.pginstance/removed" "$2-moving.pginstance" && ln -s nowhere "$2-moved.pginstance" &&
         echo publishing >"$2-moving.pginstance/upgrade.stage" && echo 13 >"$2-other/PG_VERSION" &&
         echo nonsense >"$2-gone.pginstance/marker.json" &&
         for it in lost dropped moving; do echo "$3" >"$2-$it.pginstance/marker.json" || exit 1; done && chmod 0 "$2-denied"`,
        own,
        strange,
        '{"id":"lost-1","urnHash":"","phase":"ready"}',
      );
      const items = await all(list(at.host, { ...at.ref, version: major, under: [at.folder.path] }));
      const of = (suffix: string) => items.find((item) => item.name === `${strange}-${suffix}`);
      expect(of("empty")).toMatchObject({
        status: "unknown",
        port: null,
        problem: expect.stringContaining("holds no PostgreSQL instance"),
      });
      expect(of("other")).toMatchObject({
        version: "13",
        problem: expect.stringContaining(`holds an instance of PostgreSQL 13, not ${major}`),
      });
      const absent = {
        gone: "is not there: a create or a deletion was interrupted",
        lost: "is gone, and was complete: its disk may not be mounted",
        dropped: "is not there: a deletion was interrupted",
        moving: "is not there: an upgrade was interrupted",
      };
      for (const [suffix, words] of Object.entries(absent)) {
        const problem = `${own}/${strange}-${suffix} ${words}`;
        expect(of(suffix)).toMatchObject({ status: "absent", problem });
      }
      expect(of("moved")).toBeUndefined();
      expect(of("denied")).toMatchObject({ problem: expect.stringContaining("cannot be read") });
      expect(items.find(({ dataDirectory }) => dataDirectory === at.data)?.problem).toBeUndefined();
    } finally {
      await editAsOwner(
        'cd "$1" && chmod -f 700 "$2-denied" ; rm -rf "$2"-*; cd .. && rmdir -p "$3" 2>/dev/null || true',
        own,
        strange,
        major,
      );
    }
  });

  it("are none of a version that does not exist, nor of a folder that is not there", async () => {
    const wrong = { ...at.ref, version: "13" as typeof major };
    expect(await failureOf(all(list(at.host, wrong)))).toBeInstanceOf(InvalidVersionError);
    const nowhere = list(at.host, { ...at.ref, under: [`${at.folder.path}/nowhere`] });
    expect(await failureOf(all(nowhere))).toBeInstanceOf(InstanceStateError);
  });

  it("are listed also when their programs are gone, and dropped", async () => {
    const gone = { ...at.ref, binDirectory: "/nowhere/bin" };
    expect(await listed()).toHaveLength(1);
    expect(await drop(at.host, gone)).toBe(true);
    expect(await listed()).toEqual([]);
  });
});

/** Of postgresql-common. */
const hasDebians = existsSync("/usr/bin/pg_createcluster") && existsSync("/usr/lib/postgresql/15/bin/initdb");

describe.each(["local", "ssh"] as const)("clusters that others have made (%s)", (name) => {
  let at: Scripted;
  /** Two by hand, the first of which was started at another port than its file says. */
  let clusters: { running: string; stopped: string; port: number };
  beforeAll(async () => {
    at = await scripted(name, "17");
    const [running, stopped] = ["by hand/running/data", "by hand/stopped"].map(
      (it) => `${at.folder.path}/${it}`,
    );
    clusters = { running: String(running), stopped: String(stopped), port: await freePort() };
    const bin = String(at.ref.binDirectory);
    for (const place of [clusters.running, clusters.stopped]) {
      await runAsOwner(`${bin}/initdb`, "--auth=peer", "--no-sync", "-D", place);
    }
    const line = `port = 6001\nunix_socket_directories = '${at.folder.path}'`;
    await editAsOwner(
      `mv "$1/postgresql.conf" "$2/elsewhere.conf"; echo "$3" >>"$2/elsewhere.conf"
       "$4/pg_ctl" -w -D "$1" -l "$2/log" -o "-c config_file=$2/elsewhere.conf -c port=$5" start`,
      clusters.running,
      at.folder.path,
      line,
      bin,
      String(clusters.port),
    );
    await init(at.host, at.manifest());
  });
  afterAll(() => at?.dispose());

  async function listed(options: object = {}): Promise<InstanceListItem[]> {
    const { owner, become } = at.ref;
    return all(list(at.host, { owner, become, ...options }));
  }
  const below = (items: readonly InstanceListItem[]) =>
    items.filter(({ dataDirectory }) => dataDirectory.startsWith(at.folder.path));

  it("are not listed unless that is asked for", async () => {
    expect(below(await listed())).toEqual([]);
    const ours = below(await listed({ under: [at.folder.path] }));
    expect(ours.map(({ dataDirectory }) => dataDirectory)).toEqual([at.data]);
  });

  it("are found where they run, with the port that they were started with", async () => {
    const { running: dataDirectory, port } = clusters;
    const { binDirectory } = at.ref;
    const found = { name: "running", version: "17", dataDirectory, binDirectory, managed: false };
    expect(below(await listed({ others: true }))).toEqual([{ ...found, port, status: "running" }]);
    expect(below(await listed({ others: true, version: "16" }))).toEqual([]);
  });

  it("are found in folders that are named, each once, beside those of ours", async () => {
    const { running, stopped, port } = clusters;
    const { binDirectory } = at.ref;
    const hand = { version: "17", binDirectory: null, managed: false };
    expect(
      below(await listed({ others: true, under: [at.folder.path, `${at.folder.path}/by hand`] })),
    ).toEqual([
      { ...hand, name: "main", dataDirectory: at.data, port: 5432, status: "stopped", managed: true },
      { ...hand, name: "running", dataDirectory: running, binDirectory, port, status: "running" },
      { ...hand, name: "stopped", dataDirectory: stopped, port: 5432, status: "stopped" },
    ]);
  });

  it("have the port of the configuration that they were last started with", async () => {
    const { running: dataDirectory } = clusters;
    await runAsOwner(`${at.ref.binDirectory}/pg_ctl`, "-w", "-m", "fast", "-D", dataDirectory, "stop");
    const items = below(await listed({ others: true, under: [at.folder.path] }));
    expect(items.find((item) => item.dataDirectory === dataDirectory)).toMatchObject({
      port: 6001,
      status: "stopped",
    });
  });

  it("are found where pglift puts them", async () => {
    const pglift = `pglift${process.pid}${name}`;
    const [place = ""] = (
      await editAsOwner(
        `eval cd "~$(id -un)"; mkdir -p ".local/share/pglift/srv/pgsql/17/$2"; cd ".local/share/pglift/srv/pgsql/17/$2"
         cp -a "$1" data; pwd`,
        clusters.stopped,
        pglift,
      )
    ).split("\n");
    try {
      const items = await listed({ others: true });
      expect(items.find((item) => item.name === pglift)).toEqual({
        ...{ name: pglift, version: "17", dataDirectory: `${place}/data`, managed: false },
        ...{ port: 5432, binDirectory: null, status: "stopped" },
      });
    } finally {
      await editAsOwner(
        'rm -rf "$1"; cd "$2"; rmdir -p ".local/share/pglift/srv/pgsql/17" 2>/dev/null || true',
        place,
        place.slice(0, place.indexOf("/.local/")),
      );
    }
  });

  it("have their problem", async () => {
    const control = `${clusters.stopped}/global/pg_control`;
    await editAsOwner('truncate --size=0 "$1"', control);
    const items = below(await listed({ others: true, under: [at.folder.path] }));
    expect(items.find((item) => item.name === "stopped")).toMatchObject({
      problem: `${clusters.stopped} has no readable global/pg_control`,
    });
  });
});

describe.runIf(hasDebians && process.getuid?.() === 0)("a cluster of Debian's tools", () => {
  it("is found by its configuration, before its first start, while it runs, and afterwards", async () => {
    const port = await freePort();
    const name = `listing${process.pid}`;
    const listed = async () => {
      const items = await all(list({ local: {} }, { owner: "postgres", version: "15", others: true }));
      return items.filter((item) => item.name === name);
    };
    const binDirectory = "/usr/lib/postgresql/15/bin";
    const found = {
      ...{ name, version: "15", port, managed: false },
      dataDirectory: `/var/lib/postgresql/15/${name}`,
    };
    try {
      await runAsOwner("pg_createcluster", "--port", String(port), "15", name);
      expect(await listed()).toEqual([{ ...found, binDirectory: null, status: "stopped" }]);
      await runAsOwner("pg_ctlcluster", "15", name, "start");
      expect(await listed()).toEqual([{ ...found, binDirectory, status: "running" }]);
      await runAsOwner("pg_ctlcluster", "15", name, "stop");
      expect(await listed()).toEqual([{ ...found, binDirectory, status: "stopped" }]);
    } finally {
      await runAsOwner("pg_dropcluster", "--stop", "15", name);
    }
    expect(await listed()).toEqual([]);
  });
});
