/** What is kept of an instance that is deleted, and when nothing is deleted at all. */
import { afterEach, describe, expect, it, test } from "vitest";
import {
  apply,
  CommandError,
  drop,
  exists,
  InstanceStateError,
  InvalidInputsError,
  stop,
  UnsupportedError,
} from "../../../provider/instances";
import { obtainComplete } from "../../../scripts/setup/complete.mjs";
import { type Scripted, scripted } from "../../support/api";
import { failureOf, messageOf } from "../../support/instances";
import { processesIn, processesWith, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

let at: Scripted | undefined;
afterEach(() => at?.dispose());

async function made(way: "local" | "ssh", major: "15" | "17"): Promise<Scripted> {
  at = await scripted(way, major, await obtainComplete(major));
  await apply(at.host, at.manifest({ max_connections: 20 }));
  await at.sql("CREATE TABLE public.precious AS SELECT i FROM generate_series(1, 1000) i");
  await at.sql("CREATE ROLE somebody LOGIN");
  return at;
}
const dumps = (it: Scripted) => `${it.folder.path}/kept/here`;
const listed = async (it: Scripted) =>
  (await editAsOwner('ls -A "$1"', dumps(it))).split("\n").filter(Boolean);

describe.each([
  ["local", "17"],
  ["ssh", "15"],
] as const)("a final dump (%s, PostgreSQL %s)", (way, major) => {
  it.each(["running", "stopped"])(
    "of a server that is %s has everything, for the owner alone",
    async (state) => {
      const it = await made(way, major);
      if (state === "stopped") await stop(it.host, it.ref);
      const lines: string[] = [];
      const options = { finalDump: dumps(it), progress: (line: string) => lines.push(line) };
      expect(await drop(it.host, it.ref, options)).toBe(true);
      expect(await exists(it.host, it.ref)).toBe(false);
      const [file = "", ...others] = await listed(it);
      expect(others).toEqual([]);
      expect(file).toMatch(new RegExp(`^main-${major}-\\d{8}T\\d{6}Z\\.sql$`));
      expect(lines.at(-1)).toBe(`the final dump of ${major}/main on ${it.way.where} is ${dumps(it)}/${file}`);
      expect(await editAsOwner('stat -c %a "$1"', `${dumps(it)}/${file}`)).toBe("600\n");
      const again = it.manifest();
      await apply(it.host, again);
      const bin = again.binDirectory ?? "";
      await editAsOwner(
        '"$1/psql" -Xq -h "$2" -p "$3" -U postgres -d postgres -f "$4" >/dev/null 2>&1',
        ...[bin, it.folder.path, String(again.port), `${dumps(it)}/${file}`],
      );
      expect(await it.sql("SELECT count(*)::int AS n FROM public.precious")).toEqual([{ n: 1000 }]);
      expect(await it.sql("SELECT rolcanlogin AS can FROM pg_roles WHERE rolname = 'somebody'")).toEqual([
        { can: true },
      ]);
    },
  );

  it("that fails removes nothing and leaves no file, and the server as it was", async () => {
    const it = await made(way, major);
    await it.sql("CREATE DATABASE closed ALLOW_CONNECTIONS false");
    const failure = await failureOf(drop(it.host, it.ref, { finalDump: dumps(it) }));
    expect(failure).toBeInstanceOf(CommandError);
    expect(messageOf(failure)).toMatch(/take no connections: closed.*It is as it was/s);
    expect(await it.sql("SELECT count(*)::int AS n FROM public.precious")).toEqual([{ n: 1000 }]);
    expect(await listed(it)).toEqual([]);
    await stop(it.host, it.ref);
    expect(await failureOf(drop(it.host, it.ref, { finalDump: dumps(it) }))).toBeInstanceOf(CommandError);
    expect((await it.observe()).observed.server).toBe("stopped");
    await until(
      "its processes' end",
      () => processesIn(it.data).length + processesWith("pginstance-dump").length === 0,
    );
  });
});

test("a deletion that is interrupted after its dump makes no second one", async () => {
  const it = await made("local", "17");
  const parent = `${it.folder.path}/instances/17`;
  await editAsOwner('chmod 555 "$1"', parent);
  expect(await failureOf(drop(it.host, it.ref, { finalDump: dumps(it) }))).toBeInstanceOf(CommandError);
  const before = await listed(it);
  expect(before).toHaveLength(1);
  await editAsOwner('chmod 755 "$1"', parent);
  await drop(it.host, it.ref, { finalDump: dumps(it) });
  expect(await listed(it)).toEqual(before);
  expect(await exists(it.host, it.ref)).toBe(false);
});

describe("a final dump is refused before anything is stopped", () => {
  const refused = async (it: Scripted, finalDump: string) => {
    const before = (await it.observe()).postmaster?.pid;
    const failure = await failureOf(drop(it.host, it.ref, { finalDump }));
    expect((await it.observe()).postmaster?.pid).toBe(before);
    return failure;
  };

  it("where it would not be safe, or not fit", async () => {
    const it = await made("local", "15");
    for (const inside of [`${it.data}/dump`, `${it.data}.pginstance`]) {
      const failure = await refused(it, inside);
      expect(failure).toBeInstanceOf(InstanceStateError);
      expect(messageOf(failure)).toContain("is removed with the instance");
    }
    expect(messageOf(await refused(it, "/proc/nowhere"))).toContain("cannot write to /proc/nowhere");
    expect(await refused(it, "here")).toBeInstanceOf(InvalidInputsError);
  });
});

describe("the programs of a dump", () => {
  it("may be a newer major's; where there are none, that is said before anything is stopped", async () => {
    at = await scripted("local", "18");
    await apply(at.host, at.manifest());
    const before = (await at.observe()).postmaster?.pid;
    const failure = await failureOf(drop(at.host, at.ref, { finalDump: dumps(at) }));
    expect(failure).toBeInstanceOf(UnsupportedError);
    expect(messageOf(failure)).toMatch(
      /no pg_dumpall with pg_dump and psql for PostgreSQL 18 on this machine/,
    );
    expect((await at.observe()).postmaster?.pid).toBe(before);
    expect(await drop(at.host, at.ref, { finalDump: "skip" })).toBe(true);
  });
});
