/**
 * The provider is killed while it makes a standby and while it promotes one: the same operation, run again, must end as
 * one that nobody killed, on the standby and on its primary. Evenly sampled; KILLS=all tries every point.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import type { Operation } from "../../support/elsewhere";
import { clear, ending, requireEnding, requireNothing, Tally } from "../../support/ending";
import { handles, type Place } from "../../support/instances";
import { again } from "../../support/killed";
import { Snapshot } from "../../support/snapshot";
import {
  dropSlots,
  type Primary,
  password,
  placeOfComplete,
  primary,
  requireFollows,
} from "../../support/standby";
import { named, sample, sweep, sweeper } from "../../support/sweep";

const kills = sweeper();
let source: Primary;
let at: Place;

beforeAll(async () => {
  source = await primary({ settings: { wal_keep_size: "1GB" } });
  await source.sql("CREATE TABLE public.t AS SELECT 1 AS a");
  at = await placeOfComplete("second");
});
afterAll(async () => {
  await at?.folder.dispose();
  await source?.folder.dispose();
});

const its = () => handles(at.target);
const standby = (more: Properties = {}) =>
  at.inputs({ standby: { primary: source.conninfo, password, ...more } });

async function requireSlots(...names: readonly string[]): Promise<void> {
  const found = await source.slots();
  if (found.join() !== names.join()) throw new Error(`slots on the primary: ${found.join(", ") || "none"}`);
}

describe("a provider that is killed", () => {
  it("while it makes a standby ends, run again, as one that was not, and so does its deletion", async () => {
    const inputs = await standby();
    const creation: Operation = { method: "create", args: [inputs] };
    const creates = new Tally("create a standby", "kills");
    const deletes = new Tally("delete a standby", "kills");
    const { points } = await kills.perform(creation);
    const first = await instance.create(inputs);
    const wanted = await ending(at, first.outs as Properties);
    const deletion = await kills.perform({ method: "delete", args: [first.id, first.outs] });
    await requireNothing(at);
    await requireSlots();
    const births = sample(sweep(points), 14);
    const deaths = sample(sweep(deletion.points), births.length);
    for (const [turn, birth] of births.entries()) {
      const made: { id: string; outs: Properties }[] = [];
      await creates.try(named(birth), async () => {
        const { killed } = await kills.perform(creation, birth);
        const { id, outs } = await again(() => instance.create(inputs));
        made.push({ id, outs: outs as Properties });
        await requireEnding(at, outs as Properties, wanted);
        await requireSlots("second");
        await requireFollows(source, at);
        return killed;
      });
      const death = deaths[turn];
      const gone = await deletes.try(named(death), async () => {
        const [found] = made;
        if (found === undefined) throw new Error("there was nothing to delete");
        const { id, outs } = found;
        const { killed } = await kills.perform({ method: "delete", args: [id, outs] }, death);
        await again(() => instance.delete(id, outs));
        await requireNothing(at);
        await requireSlots();
        return killed;
      });
      if (gone) continue;
      await clear(at);
      await dropSlots(source);
    }
    creates.report(8);
    deletes.report(8);
  }, 600_000);

  it("while it promotes a standby ends, run again, as one that was not, without a slot on the old primary", async () => {
    const { id, outs } = await instance.create(await standby());
    const snapshot = await Snapshot.take(at);
    const promoted = { promoteWhen: "always", status: "promoted" };
    const declared = await standby();
    const wanted = { ...declared, standby: { ...(declared.standby as object), ...promoted } };
    const args = [id, outs as Properties, wanted] as const;
    const promotion: Operation = { method: "update", args };
    const promotions = new Tally("promote", "kills");
    const restore = () =>
      snapshot.restore(async () => {
        await dropSlots(source);
        await source.sql("SELECT pg_create_physical_replication_slot('second', true)");
      });
    const requirePromoted = async () => {
      await its().sql("INSERT INTO public.t VALUES (0)");
      await requireSlots();
    };
    await restore();
    const { points } = await kills.perform(promotion);
    await restore();
    const expected = await ending(at, (await instance.update(...args)).outs as Properties);
    await requirePromoted();
    for (const kill of sample(sweep(points), 20)) {
      await promotions.try(named(kill), async () => {
        await restore();
        const { killed } = await kills.perform(promotion, kill);
        const done = await again(() => instance.update(...args));
        await requireEnding(at, done.outs as Properties, expected);
        await requirePromoted();
        return killed;
      });
    }
    await snapshot.dispose();
    promotions.report(10);
    expect(await its().sql("SELECT pg_is_in_recovery() AS standby")).toEqual([{ standby: false }]);
  }, 600_000);
});
