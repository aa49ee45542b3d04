import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { LocalHost } from "../../../provider/host/local";
import { adopt } from "../../../provider/instances/adopt";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { parseInputs } from "../../../provider/schema/inputs";
import { stateDirectory } from "../../../provider/server/target";
import { debianCluster, type Foreign, handMade, pgliftInstance } from "../../support/foreign";
import { failureOf, handles, messageOf, owner } from "../../support/instances";
import { binDirectory, editAsOwner } from "../../support/servers";

const isRoot = process.getuid?.() === 0;

let found: Foreign | undefined;
afterEach(async () => {
  await found?.dispose();
  found = undefined;
});

const makers = {
  "made by hand": () => handMade(["work_mem = 6MB  # by hand"]),
  "of Debian's postgresql-common": debianCluster,
  "of pglift": pgliftInstance,
} as const;

async function made(maker: keyof typeof makers): Promise<Foreign> {
  const it = await makers[maker]();
  found = it;
  return it;
}

const target = (it: Foreign) => ({
  host: new LocalHost(),
  owner,
  superuser: "postgres",
  dataDirectory: it.dataDirectory,
  binDirectory: it.binDirectory,
  version: it.version,
  name: "main",
});

async function declared(it: Foreign, more: Properties = {}): Promise<Properties> {
  const urn = "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::main";
  const { dataDirectory, binDirectory, port, version } = it;
  const given = { __urn: urn, version, port, dataDirectory, binDirectory, owner, adopt: true, ...more };
  const { inputs, failures } = await instance.check({}, given);
  if (failures?.length) throw new Error(failures.map(({ reason }) => reason).join("\n"));
  return inputs;
}

const message = async (promise: Promise<unknown>) => messageOf(await failureOf(promise));

describe.each(Object.keys(makers) as (keyof typeof makers)[])("an instance %s", (maker) => {
  test.runIf(isRoot || maker !== "of Debian's postgresql-common")(
    "is taken over as it is, changed where its files are, and deleted with nothing else",
    async () => {
      const it = await made(maker);
      const before = await it.fingerprint();
      const inputs = await declared(it, { deletionProtection: false });
      const { id, outs } = await instance.create(inputs);
      expect(await it.fingerprint()).toBe(before);
      const seen = outs as Properties;
      expect(await instance.diff(id, seen, inputs)).toMatchObject({ changes: false });
      const read = await instance.read(id, seen);
      expect(await instance.diff(id, read.props as Properties, inputs)).toMatchObject({ changes: false });
      expect(await it.fingerprint()).toBe(before);

      const changed = await declared(it, {
        deletionProtection: false,
        settings: { work_mem: "9MB", max_connections: 60 },
        restartOnChanges: true,
        hba: {
          app: { type: "host", database: "all", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" },
        },
      });
      const { outs: after } = await instance.update(id, seen, changed);
      const { sql, observe } = handles(target(it));
      expect(
        await sql(
          "SELECT name, setting FROM pg_settings WHERE name IN ('work_mem', 'max_connections') ORDER BY 1",
        ),
      ).toEqual([
        { name: "max_connections", setting: "60" },
        { name: "work_mem", setting: "9216" },
      ]);
      const [conf = "", hba = ""] = await Promise.all(it.files.map((file) => readFile(file, "utf8")));
      expect(conf).toContain("work_mem = 9MB");
      expect(conf).not.toMatch(/^cluster_name = 'main'/m);
      expect(hba).toMatch(/^host\s+all\s+app\s+10\.0\.0\.0\/8\s+scram-sha-256\s+# pginstance hba\.app$/m);
      expect(hba).not.toContain("pginstance auth.");
      expect(await instance.diff(id, after as Properties, changed)).toMatchObject({ changes: false });

      const broken = await declared(it, {
        ...changed,
        settings: { work_mem: "9MB", max_connections: 60, shared_preload_libraries: "nothing_such" },
      });
      const last = await failureOf(instance.update(id, after as Properties, broken));
      expect(messageOf(last)).toContain("nothing_such");
      expect((await observe()).observed.server).toBe("running");

      await instance.delete(id, after as Properties);
      const left = await editAsOwner('ls -d "$1" "$1.pginstance" 2>/dev/null || true', it.dataDirectory);
      expect(left).toBe("");
      if (maker === "of Debian's postgresql-common")
        expect(await readFile(it.files[0] ?? "", "utf8")).toContain("work_mem = 9MB");
    },
  );
});

test("an instance of another stack is taken over with a warning, and is refused to that one from then on", async () => {
  const it = await made("made by hand");
  const inputs = await declared(it);
  const first = (await instance.create(inputs)) as { id: string; outs: Properties };
  const urn = String(inputs.__urn).replace("pulumi:test", "pulumi:elsewhere");
  const taken = { inputs: parseInputs(inputs), declared: [], urn, progress: () => undefined };
  const { id, warnings } = await adopt(taken);
  expect(warnings).toEqual([
    `17/main on this machine was ${first.id} of another Pulumi resource, and is ${id} now: whatever the other one wants of it is ` +
      "refused from now on. Take it out of the state there (`pulumi state delete`) and out of its program",
  ]);
  expect((await adopt(taken)).warnings).toEqual([]);
  expect(await message(instance.read(first.id, first.outs))).toContain(`belongs to ${id}`);
});

describe("what cannot be taken over is refused, and nothing is left beside it", () => {
  const rows: readonly [what: string, more: Properties, words: RegExp][] = [
    ["another port", { port: 5999 }, /port: its files say \d+/],
    [
      "another superuser",
      { superuser: "admin" },
      /does not let \w+ in as admin: .*Declare the right `superuser`/s,
    ],
    ["another encoding", { encoding: "LATIN1" }, /encoding: .*LATIN1/],
    [
      "a primary as a standby",
      { standby: { primary: "host=db1 user=replicator", status: "streaming" } },
      /standby.*this instance is a primary/s,
    ],
    [
      "an empty place",
      { dataDirectory: "/tmp/nothing-such/main" },
      /adopt: there is no instance at \/tmp\/nothing-such\/main/,
    ],
  ];

  test("each by the property that would have to be declared", async () => {
    const it = await made("made by hand");
    const other = { version: "15", binDirectory: await binDirectory("15") };
    const version = ["another version", other, /holds an instance of PostgreSQL 17, not 15/] as const;
    for (const [what, more, words] of [version, ...rows]) {
      expect(await message(instance.create(await declared(it, more))), what).toMatch(words);
    }
    expect(await editAsOwner('ls -d "$1" 2>/dev/null || true', stateDirectory(it))).toBe("");
  });
});
