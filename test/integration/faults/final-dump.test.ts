/** A final dump that ends before its end: by a full disk, by a kill. Nothing is deleted then, and the next deletion goes on. */
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { obtainComplete } from "../../../scripts/setup/complete.mjs";
import { type Elsewhere, elsewhere } from "../../support/elsewhere";
import { failureOf, handles, type Live, messageOf, place } from "../../support/instances";
import { again } from "../../support/killed";
import { end, processesIn, processesWith, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";
import { smallDisk } from "../../support/small-disk";

let at: Live | undefined;
let unmount: (() => Promise<void>) | undefined;
afterEach(async () => {
  await unmount?.();
  unmount = undefined;
  await at?.folder.dispose();
});

/** With the complete programs, and a pg_dumpall that waits where `slow` is said until it is told to go on. */
async function made(slow = false): Promise<Live> {
  const [here, complete] = await Promise.all([place("17"), obtainComplete("17")]);
  const programs = `${here.folder.path}/bin`;
  await editAsOwner(
    `mkdir "$2" "$3" && ln -s "$1"/* "$2"
    [ -z "$4" ] || { rm "$2/pg_dumpall" && printf '%s\\n' "$4" >"$2/pg_dumpall" && chmod 755 "$2/pg_dumpall"; }`,
    ...[complete, programs, dumps(here), slow ? waiting(complete, here.folder.path) : ""],
  );
  const { id, outs } = await instance.create(
    await here.inputs({ binDirectory: programs, finalDump: dumps(here), settings: { max_connections: 20 } }),
  );
  const target = { ...here.target, binDirectory: programs };
  at = { ...here, target, id, outs: outs as Properties, ...handles(target) };
  await at.sql(
    "CREATE TABLE public.precious AS SELECT i, repeat('x', 10000000) FROM generate_series(1, 5) i",
  );
  return at;
}

const dumps = ({ folder }: Pick<Live, "folder">) => `${folder.path}/kept`;

/** The file's first line is there when it waits. */
const waiting = (complete: string, folder: string) => `#!/bin/sh
case $* in *--file=*) ;; *) exec "${complete}/pg_dumpall" "$@" ;; esac
for arg in "$@"; do case $arg in --file=*) echo "-- half" >"\${arg#--file=}" ;; esac; done
until [ -e "${folder}/go" ]; do sleep 0.02; done
exec "${complete}/pg_dumpall" "$@"`;

const listed = async (it: Live) => (await editAsOwner('ls -A "$1"', dumps(it))).split("\n").filter(Boolean);
const isWhole = async (it: Live, file = "") =>
  (await editAsOwner('tail -n 3 "$1"', `${dumps(it)}/${file}`)).includes("cluster dump complete");
const remaining = (it: Live) => it.sql("SELECT count(*)::int AS n FROM public.precious");
const whole = [expect.stringMatching(/^main-17-\d{8}T\d{6}Z\.sql$/)];
async function requireGone(it: Live): Promise<void> {
  await until(
    "its processes' end",
    () => processesWith(it.folder.path).length + processesIn(it.folder.path).length === 0,
  );
  expect(existsSync(`${it.folder.path}/instances`)).toBe(false);
}

describe.runIf(process.getuid?.() === 0)("a disk without room for the final dump", () => {
  it("is told of before anything is stopped, where that can be foreseen", async () => {
    const it = await made();
    unmount = await smallDisk(dumps(it), 4);
    const before = (await it.observe()).postmaster?.pid;
    const failure = await failureOf(instance.delete(it.id, it.outs));
    expect(messageOf(failure)).toMatch(
      /^finalDump: not enough room on this machine: .*\/kept has \d MB free, the databases are \d\d MB\nMake room, or declare another directory\. Nothing was stopped\.$/,
    );
    expect((await it.observe()).postmaster?.pid).toBe(before);
    expect(await listed(it)).toEqual([]);
  });

  it("fails the dump and deletes nothing, where it is larger than what it was made from", async () => {
    const it = await made();
    unmount = await smallDisk(dumps(it), 40);
    const failure = await failureOf(instance.delete(it.id, it.outs));
    const message = messageOf(failure);
    expect(message).toContain(`finalDump: it failed for 17/main on this machine, into ${dumps(it)}:\n`);
    expect(message).toContain("No space left on device");
    expect(message).toMatch(
      /Nothing was removed, and no file was left\. It is as it was\. Mend the reason, or declare finalDump: "skip"\.$/,
    );
    expect(await listed(it)).toEqual([]);
    expect(await remaining(it)).toEqual([{ n: 5 }]);
    await unmount();
    unmount = undefined;
    await instance.delete(it.id, it.outs);
    expect(await listed(it)).toEqual(whole);
    await requireGone(it);
  });
});

describe("a provider that is killed within a final dump", () => {
  let provider: Elsewhere;
  beforeAll(async () => {
    provider = await elsewhere();
  });
  afterAll(() => provider?.dispose());

  const go = (it: Live) => editAsOwner('touch "$1/go"', it.folder.path);

  async function killed(it: Live): Promise<string> {
    const deletion = await provider.start({ method: "delete", args: [it.id, it.outs] });
    const [half = ""] = await until("half a dump", async () => {
      const found = await listed(it);
      return existsSync(`${dumps(it)}/${found[0]}/dump`) && found;
    });
    deletion.kill();
    expect(await deletion.ended).toBe(true);
    return half;
  }

  it("leaves it to its end, for which the next deletion waits, and makes no second one", async () => {
    const it = await made(true);
    expect(await killed(it)).toMatch(/\.partial$/);
    const next = again(() => instance.delete(it.id, it.outs));
    await go(it);
    await next;
    const found = await listed(it);
    expect(found).toEqual(whole);
    expect(await isWhole(it, found[0])).toBe(true);
    await requireGone(it);
  });

  let sockets: string;

  /** As at the end of the host: the step goes, and what it began. */
  async function cut(it: Live): Promise<void> {
    const half = await killed(it);
    const [dump] = processesWith(half);
    [sockets = ""] = /\/tmp\/pginstance-dump\.\w+/.exec(dump?.argv ?? "") ?? [];
    for (const { pid } of [...processesWith(half), ...processesWith(dumps(it))]) end(pid);
    expect(await listed(it)).toEqual([half]);
    expect(existsSync(sockets)).toBe(true);
  }

  it("and whose dump is killed too, leaves half of one, which goes before the next is made", async () => {
    const it = await made(true);
    await cut(it);
    await go(it);
    await again(() => instance.delete(it.id, it.outs));
    const found = await listed(it);
    expect(found).toEqual(whole);
    expect(await isWhole(it, found[0])).toBe(true);
    expect(existsSync(sockets)).toBe(false);
    await requireGone(it);
  });

  it("and whose dump is killed too, leaves nothing when the next deletion makes none", async () => {
    const it = await made(true);
    await cut(it);
    await again(() => instance.delete(it.id, { ...it.outs, finalDump: "skip" }));
    expect(await listed(it)).toEqual([]);
    expect(existsSync(sockets)).toBe(false);
    await requireGone(it);
  });
});
