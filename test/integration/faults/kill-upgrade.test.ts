/**
 * The provider is killed while it upgrades: the same operation, run again, must end as one that nobody killed. What runs
 * on the host goes on, so the points are the provider's own. Evenly sampled; KILLS=all tries every point.
 */
import { join } from "node:path";
import { describe, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import type { Operation } from "../../support/elsewhere";
import { ending, requireEnding, requireNothing, Tally } from "../../support/ending";
import { handles } from "../../support/instances";
import { again } from "../../support/killed";
import { editAsOwner } from "../../support/servers";
import { Snapshot } from "../../support/snapshot";
import { named, sample, sweep, sweeper } from "../../support/sweep";
import { contentOf, fill, upgradable } from "../../support/upgrades";

const kills = sweeper();

/** The second path is like the default one: it moves on with the major when nobody declares it. */
const cases = [
  { mode: "copy", keepOld: true, from: "data", to: "data" },
  { mode: "link", keepOld: false, from: "pginstance/15/main", to: "pginstance/17/main" },
];

describe("a provider that is killed in an upgrade", () => {
  it.each(cases)(
    "by $mode from $from to $to ends, run again, as one that was not",
    async ({ mode, keepOld, from, to }) => {
      const at = await upgradable("15", {}, from);
      await fill(at);
      const content = JSON.stringify(await contentOf(at.sql));
      const snapshot = await Snapshot.take(at);
      try {
        const moves = from === to ? {} : { dataDirectory: undefined };
        const wanted = await at.raised("17", { upgrade: { mode, keepOld }, ...moves });
        const args = [at.id, at.outs, wanted] as const;
        const operation: Operation = { method: "update", args };
        const { target } = await at.as("17");
        const now = { ...at, target: { ...target, dataDirectory: join(at.folder.path, to) } };
        const folders = () =>
          editAsOwner('cd "$1" && find . -maxdepth 3 ! -path "./data*/*" | sort', at.folder.path);
        const { points } = await kills.perform(operation);
        await snapshot.restore();
        const done = (await instance.update(...args)).outs as Properties;
        const expected = await ending(now, done);
        const tree = await folders();
        const updates = new Tally(`upgrade (${mode})`, "kills");
        for (const kill of sample(sweep(points), 7)) {
          await updates.try(named(kill), async () => {
            await snapshot.restore();
            const { killed } = await kills.perform(operation, kill);
            const { outs } = await again(() => instance.update(...args));
            await requireEnding(now, outs as Properties, expected);
            const found = [await folders(), JSON.stringify(await contentOf(handles(now.target).sql))];
            if (found.join() !== [tree, content].join()) throw new Error(`there is ${found.join()}`);
            return killed;
          });
        }
        updates.report(4);
        await instance.delete(at.id, done);
        await requireNothing(at);
      } finally {
        await snapshot.dispose();
        await at.folder.dispose();
      }
    },
    1_800_000,
  );
});
