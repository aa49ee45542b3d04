/** A standby of a primary that has tablespaces: where they go, what reads them, and what an interrupted copy leaves. */
import { existsSync, readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { type Elsewhere, elsewhere } from "../../support/elsewhere";
import { requireNothing } from "../../support/ending";
import { failureOf, handles, messageOf, type Place } from "../../support/instances";
import { again } from "../../support/killed";
import { end, processesWith, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";
import { type Primary, password, placeOfComplete, primary, shows } from "../../support/standby";

let source: Primary;
let at: Place;
const space = () => `${source.folder.path}/space`;
const copied = () => `${at.folder.path}/spaces/copied`;
const its = () => handles(at.target);

beforeAll(async () => {
  source = await primary();
  at = await placeOfComplete("second");
  await editAsOwner('mkdir "$1"', space());
  await source.sql(`CREATE TABLESPACE fast LOCATION '${space()}'`);
  await source.sql("CREATE TABLE public.t TABLESPACE fast AS SELECT i FROM generate_series(1, 100000) i");
});
afterAll(async () => {
  await at?.folder.dispose();
  await source?.folder.dispose();
});

const standby = () => ({ primary: source.conninfo, password });
const inputs = (more: Properties = {}) =>
  at.inputs({ standby: standby(), tablespaces: { fast: copied() }, ...more });

/** The programs, with others in place of some. */
async function programs(scripts: Readonly<Record<string, string>>): Promise<string> {
  const bin = `${source.folder.path}/bin`;
  await editAsOwner('rm -rf "$2" && mkdir "$2" && ln -s "$1"/* "$2"', at.target.binDirectory, bin);
  for (const [name, script] of Object.entries(scripts)) {
    const text = `#!/bin/sh\n${script.replaceAll("REAL", `${at.target.binDirectory}/${name}`)}\n`;
    await editAsOwner('rm "$1" && printf %s "$2" >"$1" && chmod 755 "$1"', `${bin}/${name}`, text);
  }
  return bin;
}

describe("a standby of a primary with a tablespace", () => {
  it("has it where it is declared, reads its rows and follows; and its deletion takes it away", async () => {
    const declared = await inputs();
    const { id, outs } = (await instance.create(declared)) as { id: string; outs: Properties };
    expect(readdirSync(copied())).toEqual([expect.stringMatching(/^PG_15_\d+$/)]);
    await shows(its(), "SELECT count(*)::int FROM public.t", 100_000);
    await source.sql("INSERT INTO public.t VALUES (100001)");
    await shows(its(), "SELECT max(i) FROM public.t", 100_001);
    const where = "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast'";
    await shows(its(), where, copied());
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
    const read = await instance.read(id, outs);
    expect(JSON.parse(JSON.stringify(read.inputs))).toEqual(JSON.parse(JSON.stringify(declared)));
    await instance.delete(id, outs);
    await requireNothing(at);
    expect(await source.sql("SELECT count(*)::int AS n FROM public.t")).toEqual([{ n: 100_001 }]);
  });

  it("has it at the primary's path where that is free; it is named before a deletion takes it", async () => {
    const free = `${source.folder.path}/free`;
    // As if the primary had it there, on a machine of its own.
    const binDirectory = await programs({
      psql: `REAL "$@" >"\${TMPDIR:-/tmp}/$$"; code=$?; sed 's|${space()}|${free}|' "\${TMPDIR:-/tmp}/$$"; rm "\${TMPDIR:-/tmp}/$$"; exit $code`,
      pg_basebackup: `exec REAL "$@" "--tablespace-mapping=${space()}=${free}"`,
    });
    const { id, outs } = (await instance.create(await inputs({ tablespaces: undefined, binDirectory }))) as {
      id: string;
      outs: Properties;
    };
    await shows(its(), "SELECT max(i) FROM public.t", 100_001);
    expect(messageOf(await failureOf(instance.delete(id, outs)))).toContain(
      `has tablespaces that are not declared: fast in ${free}. Nothing was removed`,
    );
    const listed = await instance.update(
      id,
      outs,
      await inputs({ tablespaces: { fast: free }, binDirectory }),
    );
    await instance.delete(id, listed.outs as Properties);
    await requireNothing(at);
    expect(existsSync(free)).toBe(false);
    expect(await source.slots()).toEqual([]);
  });
});

it("a return by a new base backup beside the old data is refused, and changes nothing", async () => {
  const declared = await inputs();
  const { id, outs } = (await instance.create(declared)) as { id: string; outs: Properties };
  const alone = { ...(declared.standby as object), status: "promoted", promoteWhen: "always" };
  const promoted = await instance.update(id, outs, { ...declared, standby: alone });
  const back = await inputs({ standby: { ...standby(), rejoin: "rebuild" } });
  expect(messageOf(await failureOf(instance.update(id, promoted.outs as Properties, back)))).toMatch(
    /has tablespaces \(fast\), and a copy beside the old data has no place for them\nNothing was changed\. Declare rejoin: "rewind"/,
  );
  await its().sql("INSERT INTO public.t VALUES (0)");
  await instance.delete(id, promoted.outs as Properties);
  await requireNothing(at);
});

describe("a provider that is killed in a base backup with a tablespace, and the backup with it", () => {
  let provider: Elsewhere;
  beforeAll(async () => {
    provider = await elsewhere();
  });
  afterEach(async () => {
    for (const { pid } of processesWith(at.folder.path)) end(pid);
  });
  afterAll(() => provider?.dispose());

  /** Half of the tablespace is there then. */
  async function cut(): Promise<Properties> {
    const slow = await inputs({
      binDirectory: await programs({ pg_basebackup: 'exec REAL "$@" --max-rate=32' }),
    });
    const creation = await provider.start({ method: "create", args: [slow] });
    await until("half a tablespace", () => existsSync(copied()) && readdirSync(copied()).length > 0);
    creation.kill();
    expect(await creation.ended).toBe(true);
    for (const { pid } of processesWith(at.folder.path)) end(pid);
    expect(readdirSync(copied())).toHaveLength(1);
    return slow;
  }

  it("makes the standby when it is run again, as one that nobody killed", async () => {
    await cut();
    const { id, outs } = await again(async () => instance.create(await inputs()));
    await shows(its(), "SELECT max(i) FROM public.t", 100_001);
    expect(readdirSync(copied())).toHaveLength(1);
    expect(await source.slots()).toEqual(["second"]);
    await instance.delete(id, outs as Properties);
    await requireNothing(at);
  });

  it("leaves nothing when it is run again to make another one elsewhere, and that is deleted", async () => {
    await cut();
    const other = `${at.folder.path}/other`;
    const { id, outs } = await again(async () =>
      instance.create(await inputs({ tablespaces: { fast: other } })),
    );
    expect(existsSync(copied())).toBe(false);
    await shows(its(), "SELECT max(i) FROM public.t", 100_001);
    await instance.delete(id, outs as Properties);
    await requireNothing(at);
    expect(await source.slots()).toEqual([]);
  });
});
