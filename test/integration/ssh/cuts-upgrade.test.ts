/**
 * The connection is cut while an instance is upgraded: as each long step runs on the host, and after messages of the
 * provider's. The next `up`, at once, joins what runs or does it again, and must end as the run that nothing cut. Evenly
 * sampled; CUTS=all cuts after every message and within it.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { differences, ending } from "../../support/ending";
import { inMemory } from "../../support/in-memory";
import { handles } from "../../support/instances";
import { processesWith } from "../../support/processes";
import { editAsOwner } from "../../support/servers";
import { Snapshot } from "../../support/snapshot";
import {
  all,
  type CutHost,
  type CutWay,
  cutHost,
  type Moment,
  type Repeated,
  sweep,
  update,
} from "../../support/ssh/cuts";
import { contentOf, fill, type Upgradable, upgradable } from "../../support/upgrades";

const messages = all ? Number.POSITIVE_INFINITY : 4;
const timeout = all ? 3_600_000 : 600_000;

let host: CutHost;

inMemory();
beforeAll(async () => {
  host = await cutHost();
});
afterAll(() => host.dispose());

/** The second path is like the default one: it moves on with the major when nobody declares it. */
const cases = [
  { mode: "copy", keepOld: true, from: "data", to: "data" },
  { mode: "link", keepOld: false, from: "pginstance/15/main", to: "pginstance/17/main" },
] as const;

/** Of the long steps, in their order. */
const programs: Readonly<Record<string, RegExp>> = {
  "initdb of the new cluster": /\/initdb /,
  "pg_upgrade --check": /\/pg_upgrade .*--check/,
  pg_upgrade: /\/pg_upgrade (?!.*--check)/,
  "the dump of the old cluster": /\/pg_dump(all)? /,
  "the restore into the new one": /\/pg_restore |\/psql /,
  statistics: /\/vacuumdb /,
};

/** Steps beside the old server: it takes sessions meanwhile, whatever becomes of them. */
const beside = ["initdb of the new cluster", "pg_upgrade --check"];

const momentsOf = ({ folder, sql }: Upgradable, content: unknown): Moment[] =>
  Object.entries(programs).map(([name, program]) => ({
    name: `during ${name}`,
    isNow: () => processesWith(folder.path).some(({ argv }) => program.test(argv.split(" -c ")[0] ?? "")),
    async meanwhile() {
      if (!beside.includes(name)) return;
      const lines = differences(await contentOf(sql), content);
      if (lines.length > 0) throw new Error(`the old cluster: ${lines.join("; ")}`);
    },
  }));

/** An instance of 15, filled, that is upgraded to 17 over SSH. */
function upgradeOf(at: Upgradable, snapshot: Snapshot, { mode, keepOld, from, to }: (typeof cases)[number]) {
  return async ({ args }: CutWay): Promise<Repeated> => {
    const moves = from === to ? {} : { dataDirectory: undefined };
    const wanted = await at.raised("17", { ...args, upgrade: { mode, keepOld }, ...moves });
    const { target } = await at.as("17");
    const now = { ...at, target: { ...target, dataDirectory: join(at.folder.path, to) } };
    const known = { id: at.id, outs: at.outs };
    return {
      begin: () => snapshot.restore(),
      run: () => update(known, wanted),
      again: (kept) => update(kept ?? known, wanted),
      async found({ outs }) {
        const find = 'cd "$1" && find . -maxdepth 3 ! -path "./data*/*" | sort';
        return {
          ending: await ending(now, outs),
          folders: await editAsOwner(find, at.folder.path),
          content: await contentOf(handles(now.target).sql),
        };
      },
      back: () => snapshot.restore(),
      end: async () => undefined,
      dispose: async () => undefined,
    };
  };
}

describe.concurrent("a connection that is cut in an upgrade", () => {
  it.for(cases)(
    "by $mode from $from to $to: the next up ends as the run that nothing cut",
    { timeout },
    async (one, { expect }) => {
      const at = await upgradable("15", {}, one.from);
      await fill(at);
      const before = await contentOf(at.sql);
      const snapshot = await Snapshot.take(at);
      try {
        const ways = [await host.way()];
        const moments = momentsOf(at, before);
        await sweep(`upgrade (${one.mode})`, ways, upgradeOf(at, snapshot, one), {
          messages,
          moments,
          atLeast: 8,
        });
        await snapshot.restore();
        expect(await contentOf(at.sql)).toEqual(before);
      } finally {
        await snapshot.dispose();
        await at.folder.dispose();
      }
    },
  );
});
