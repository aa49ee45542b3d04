/** What is listed of a host: what is whole, what is broken, and what is not ours. */
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
import { editAsOwner } from "../../support/servers";

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
    const whole = { name: "main", version: major, port: 5432, dataDirectory: at.data, status: "stopped" };
    expect(await listed()).toEqual([whole]);
    expect(await listed(major)).toEqual([whole]);
    const other = major === "17" ? "16" : "14";
    expect(await all(list(at.host, { ...at.ref, version: other, under: [at.folder.path] }))).toEqual([]);
    const { port } = at.manifest();
    const lines = `port = ${port}\nunix_socket_directories = '${at.folder.path}'\nOdd.Name2 = 'a # b'`;
    await editAsOwner('echo "$2" >>"$1/postgresql.conf"', at.data, lines);
    await start(at.host, at.ref);
    expect(await listed()).toEqual([{ ...whole, port, status: "running" }]);
  });

  it("are found in the owner's own place, broken ones with their problem, and none ends the list", async () => {
    const own = (
      await editAsOwner('eval cd "~$(id -un)"; mkdir -p "pginstance/$1" && cd "pginstance/$1" && pwd', major)
    ).trim();
    const strange = `listing-${process.pid}`;
    try {
      await editAsOwner(
        `cd "$1" && mkdir "$2-empty" "$2-other" "$2-gone.pginstance" "$2-denied" && echo 13 >"$2-other/PG_VERSION" &&
         echo nonsense >"$2-gone.pginstance/marker.json" && chmod 0 "$2-denied"`,
        own,
        strange,
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
      expect(of("gone")).toMatchObject({
        status: "absent",
        problem: expect.stringContaining("was interrupted"),
      });
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
