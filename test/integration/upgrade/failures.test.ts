/** An upgrade that fails: the old server runs as before, and the next run succeeds, or goes on past the point of no return. */
import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import type { CompleteMajor } from "../../../scripts/setup/complete.mjs";
import { inMemory } from "../../support/in-memory";
import { failureOf, messageOf } from "../../support/instances";
import { observedOf } from "../../support/outputs";
import { completePrograms } from "../../support/servers";
import { contentOf, fill, type Upgradable, upgradable } from "../../support/upgrades";

/** The programs of a major, but a pg_upgrade that does what the script says when it is to do it: $real is the right one. */
async function programsBut(major: CompleteMajor, at: Upgradable, script: string): Promise<string> {
  const real = await completePrograms(major);
  const folder = join(at.folder.path, "programs");
  await mkdir(folder);
  for (const name of await readdir(real)) {
    if (name !== "pg_upgrade") await symlink(join(real, name), join(folder, name));
  }
  const file = join(folder, "pg_upgrade");
  const text = `#!/bin/sh\nreal=${real}/pg_upgrade\ncase " $* " in *" --check "*) exec "$real" "$@" ;; esac\n${script}\n`;
  await writeFile(file, text);
  await Promise.all([chmod(folder, 0o755), chmod(file, 0o755)]);
  return folder;
}

const failing = {
  "before it": "echo no such luck >&2; exit 1",
  "in it": 'timeout -s KILL 0.7 "$real" "$@"; exit 1',
  "after it": '"$real" "$@"; echo no such luck >&2; exit 1',
};

const cases: readonly [from: CompleteMajor, to: CompleteMajor, mode: string, when: keyof typeof failing][] = [
  ["15", "17", "copy", "before it"],
  ["15", "17", "copy", "in it"],
  ["15", "17", "copy", "after it"],
  ["15", "17", "link", "before it"],
  ["15", "17", "link", "in it"],
  ["15", "17", "link", "after it"],
  ["17", "18", "swap", "before it"],
];

/** What is in the folder of the instance, without what the test put there. */
const around = async (at: Upgradable) =>
  (await readdir(at.folder.path)).filter((name) => name !== "programs" && !name.startsWith(".s.")).sort();

inMemory();

describe("an upgrade that fails", () => {
  it.each(cases)(
    "from %s to %s (%s) %s leaves the old server as it was, and is done by the next run",
    async (from, to, mode, when) => {
      const at = await upgradable(from, {});
      try {
        await fill(at);
        const before = { content: await contentOf(at.sql), files: await around(at) };
        const broken = await programsBut(to, at, failing[when]);
        const wanted = await at.raised(to, { upgrade: { mode } });
        const failure = await failureOf(instance.update(at.id, at.outs, { ...wanted, binDirectory: broken }));
        expect(messageOf(failure)).toMatch(
          /^upgrade of .* failed:.*is again as it was before; the new cluster was removed/s,
        );
        expect({ content: await contentOf(at.sql), files: await around(at) }).toEqual(before);
        const outs = (failure as { properties: Properties }).properties;
        expect(outs).toMatchObject({ version: from, phase: "changing" });
        const done = await instance.update(at.id, outs, wanted);
        expect(await contentOf((await at.as(to)).sql)).toEqual(before.content);
        expect(await instance.diff(at.id, done.outs, wanted)).toMatchObject({ changes: false });
      } finally {
        await at.folder.dispose();
      }
    },
    300_000,
  );
});

describe("an upgrade past the point of no return", () => {
  it("is gone on with when the host itself was interrupted just after pg_upgrade moved the files", async () => {
    const at = await upgradable("17", {});
    try {
      await fill(at);
      const content = await contentOf(at.sql);
      // The script that runs pg_upgrade ends with it, as at a loss of power.
      const broken = await programsBut("18", at, '"$real" "$@"; kill -9 $PPID');
      const wanted = await at.raised("18", { upgrade: { mode: "swap" } });
      const failure = await failureOf(instance.update(at.id, at.outs, { ...wanted, binDirectory: broken }));
      const { properties: outs } = failure as { properties: Properties };
      expect(observedOf(outs)).toMatchObject({ server: "stopped", upgrade: { stage: "transferring" } });
      const done = await instance.update(at.id, outs, wanted);
      expect(done.outs).toMatchObject({ version: "18", phase: "ready" });
      expect(await contentOf((await at.as("18")).sql)).toEqual(content);
      expect(await instance.diff(at.id, done.outs, wanted)).toMatchObject({ changes: false });
      expect(await around(at)).toEqual(["data", "data.old-17", "data.pginstance"]);
    } finally {
      await at.folder.dispose();
    }
  }, 180_000);
});
