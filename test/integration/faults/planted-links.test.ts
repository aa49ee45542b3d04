/**
 * Symbolic links where the provider works, planted by the owner of the instance or by somebody else who may write there:
 * nothing is written, moved or removed through them by anybody who is more than whoever planted them.
 */
import { chmod, chown, lchown, lstat, mkdir, readdir, rm, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { renaming } from "../../../provider/server/rename";
import { stateDirectory } from "../../../provider/server/target";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import { failureOf, messageOf, type Place, place } from "../../support/instances";
import { Decoys, plantLinks, type User } from "../../support/planting";
import { end, processesIn, processesWith } from "../../support/processes";
import { editAsOwner, runAsOwner } from "../../support/servers";
import { placeOfComplete } from "../../support/standby";

/** Only root becomes others, and can give files to them. */
const isRoot = process.getuid?.() === 0;

const root: User = { uid: 0, gid: 0 };
const nobody: User = { uid: 65534, gid: 65534 };
const owner = asServerUser() as User;

/** Everything that is written, moved or removed by a name, and the names on the way to a file. */
function namesIn({ target, folder }: Place): string[] {
  const data = target.dataDirectory;
  const own = stateDirectory(target);
  const temporary = ["candidate", "before", "new"];
  const configuration = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];
  const journal = [
    "lock",
    "step.lock",
    "holder",
    "made",
    "step.name",
    "step.in",
    "step.out",
    "step.err",
    "step.exit",
  ];
  const notes = [
    "marker.json",
    "originals.json",
    "unapplied",
    "triggers",
    "outside",
    "unit",
    "starter",
    "serve",
  ];
  const folders = ["new", "removed", "previous", "started", "refused"];
  return [
    ...configuration
      .flatMap((file) => [file, ...temporary.map((end) => `${file}.${end}`)])
      .map((at) => join(data, at)),
    ...["log", "pg_wal", "postmaster.pid", "base"].map((at) => join(data, at)),
    ...[...journal, ...notes, ...folders].flatMap((at) => [at, `${at}.new`]).map((at) => join(own, at)),
    ...["candidates", "postgresql.log"].map((at) => join(own, at)),
    ...[data, own, join(data, ".."), join(folder.path, "instances")],
  ];
}

/** Rounds of each operation while links are planted; where one fails, the next begins from what nobody has disturbed. */
async function race(
  at: Place,
  whose: Readonly<Record<string, User>>,
  by: User,
  names: (turn: number) => readonly string[],
  more: Properties = {},
): Promise<void> {
  const decoys = await Decoys.make(whose);
  const untouched = await decoys.seen();
  const counts = { planted: 0, done: 0, failed: 0 };
  let turn = 0;
  const under = async <T>(body: () => Promise<T>): Promise<T | undefined> => {
    const planter = plantLinks(by, decoys, names(turn++));
    const result = await body().then(
      (value) => ({ value }),
      () => undefined,
    );
    counts.planted += await planter.stop();
    counts[result ? "done" : "failed"] += 1;
    return result?.value;
  };
  const inputs = (settings: Properties) =>
    at.inputs({
      ...{ restartOnChanges: true, timeouts: { start: 5, stop: 5 }, ...more },
      settings: { logging_collector: true, ...settings },
    });
  const before = await inputs({ work_mem: "5MB", max_connections: 20 });
  const after = await inputs({ work_mem: "6MB", max_connections: 30 });
  const create = async () => (await instance.create(before)) as { id: string; outs: Properties };
  try {
    for (const end = performance.now() + 10_000; performance.now() < end || counts.done < 3; ) {
      let made = await under(create);
      if (!made) {
        await empty(at);
        made = await create();
      }
      const { id, outs } = made;
      await under(() => instance.update(id, outs, after));
      await under(() => instance.read(id, outs));
      await under(() => instance.delete(id, outs));
      await empty(at);
      expect(await decoys.seen()).toEqual(untouched);
    }
    const { planted, done, failed } = counts;
    process.stdout.write(
      `links: ${planted} planted, ${done} operations done and ${failed} failed under them\n`,
    );
    expect(planted).toBeGreaterThan(100);
  } finally {
    await empty(at);
    await at.folder.dispose();
    await decoys.dispose();
  }
}

/** Also of what somebody else has left there. */
async function empty({ folder: { path } }: Place): Promise<void> {
  for (const { pid } of [...processesWith(path), ...processesIn(path)]) end(pid);
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, maxRetries: 5 });
}

/** Where everybody may make something, and nobody take away what others made. */
async function openFolder({ folder }: Place, mode = 0o1777): Promise<void> {
  await chown(folder.path, 0, 0);
  await chmod(folder.path, mode);
}

describe.skipIf(!isRoot)("what somebody else planted where everybody may write", () => {
  const plantings: readonly [
    planted: string,
    at: string,
    plant: (path: string, decoy: string) => Promise<unknown>,
  ][] = [
    ["a folder of its own in the place of the state directory", "data.pginstance", (path) => mkdir(path)],
    ["a link there to a folder of the owner", "data.pginstance", (path, decoy) => symlink(decoy, path)],
    ["a link in the place of the data directory", "data", (path, decoy) => symlink(decoy, path)],
  ];
  it.each(plantings)("%s is refused, and nothing is written there", async (_, name, plant) => {
    const at = await place("17");
    const decoys = await Decoys.make({ owner });
    try {
      await openFolder(at);
      const planted = join(at.folder.path, name);
      await plant(planted, join(decoys.folder, "owner"));
      await lchown(planted, nobody.uid, nobody.gid);
      const isFolder = (await lstat(planted)).isDirectory();
      if (isFolder) await chmod(planted, 0o777);
      const before = await decoys.seen();
      const inputs = await at.inputs({ dataDirectory: join(at.folder.path, "data") });
      expect(messageOf(await failureOf(instance.create(inputs)))).toContain(planted);
      expect(await decoys.seen()).toEqual(before);
      if (isFolder) expect(await readdir(planted)).toEqual([]);
      expect(processesWith(at.folder.path)).toEqual([]);
    } finally {
      await at.folder.dispose();
      await decoys.dispose();
    }
  });

  it("a link in the place of a final dump is refused, and the owner's file that it leads to stays", async () => {
    const at = await placeOfComplete("main");
    const decoys = await Decoys.make({ owner });
    const dumps = join(at.folder.path, "dumps");
    try {
      await mkdir(dumps);
      await chmod(dumps, 0o777);
      const { id, outs } = await instance.create(await at.inputs({ finalDump: dumps }));
      const { dataDirectory } = at.target;
      const sum = await editAsOwner('printf %s "$1" | cksum | cut -d" " -f1', dataDirectory);
      const partial = join(dumps, `.main-15-${sum.trim()}.partial`);
      await symlink(join(decoys.folder, "owner", "precious"), partial);
      await lchown(partial, nobody.uid, nobody.gid);
      const before = await decoys.seen();
      const remove = () => instance.delete(id, outs as Properties);
      expect(messageOf(await failureOf(remove()))).toContain(partial);
      expect(await decoys.seen()).toEqual(before);
      // Nothing was removed, and without the link it goes on.
      await unlink(partial);
      await remove();
      expect(await readdir(dumps)).toEqual([expect.stringMatching(/^main-15-.*\.sql$/)]);
    } finally {
      await at.folder.dispose();
      await decoys.dispose();
    }
  });
});

/** In a race it comes too seldom: between a look whether the name is free, and the rename. */
it.each(["sh", "bash", "busybox"])(
  "a link to a folder is no folder to put something in, to a rename of %s",
  async (shell) => {
    const at = await place("17");
    const argv = shell === "busybox" ? [shell, "sh"] : [shell];
    const script = `cd "$1" && mkdir new else && touch file && ln -s else data && ln -s else dump
    ${renaming}rename_to new data 2>/dev/null && exit 1; rename_to file dump 2>/dev/null
    ls else; ls -d new`;
    const said = await runAsOwner(argv[0] ?? "", ...argv.slice(1), "-uc", script, "sh", at.folder.path);
    expect(said).toBe("new\n");
    await at.folder.dispose();
  },
);

describe.skipIf(!isRoot)("links that are planted in a race", () => {
  it("by the owner, in create, update, refresh and delete, lead to nothing of root's and of another's", async () => {
    const at = await place("17");
    const names = namesIn(at);
    // A part of them at a time: else nothing would come far.
    await race(at, { root, another: nobody }, owner, (turn) =>
      names.filter((_, index) => index % 4 === turn % 4),
    );
  });

  it("by somebody else, where everybody may make something, lead to nothing of the owner's", async () => {
    const at = await place("17");
    await openFolder(at);
    const data = join(at.folder.path, "data");
    const names = [[data], [`${data}.pginstance`, `${data}.pginstance.new`]];
    await race(at, { owner }, nobody, (turn) => names[Math.floor(turn / 4) % 2] ?? [], {
      dataDirectory: data,
    });
  });
});
