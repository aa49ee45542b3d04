/**
 * The provider is killed at every process that it starts and every message that it sends to one, in three operations;
 * the same operation, run again, must end as if nothing had happened. The engine knows nothing of a killed create, and has the old state of a killed update.
 */
import { describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import type { Operation } from "../../support/elsewhere";
import {
  clear,
  differences,
  type Ending,
  ending,
  requireEnding,
  requireNothing,
  Tally,
} from "../../support/ending";
import { place } from "../../support/instances";
import { again } from "../../support/killed";
import { named, sweep, sweeper } from "../../support/sweep";

const major = "17";

const verifier =
  "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$cnXrYTRi3C6qLpFa7zJFjKsKbKVBrk2GAIqB3i4Ki1A=:3mbgPnzcvLTYRy5QSYRNX4JqTmhFoAyKkOYyl1Ydwis=";

const kills = sweeper();

const restartable = { restartOnChanges: true, superuserPasswordVerifier: verifier };
const small = { ...restartable, settings: { max_connections: 40, work_mem: "5MB" } };
const large = {
  ...restartable,
  restartTriggers: ["again"],
  settings: { max_connections: 50, work_mem: "6MB", log_min_duration_statement: 1000 },
};

describe.concurrent(`a provider on PostgreSQL ${major} that is killed at each process it starts and each message it sends`, () => {
  it("in a create, and in a delete, ends, run again, as one that was not", async () => {
    const at = await place(major);
    const inputs = await at.inputs(small);
    const creation: Operation = { method: "create", args: [inputs] };
    const creates = new Tally("create", "kills");
    const deletes = new Tally("delete", "kills");
    try {
      const { points } = await kills.perform(creation);
      const first = await instance.create(inputs);
      const wanted = await ending(at, first.outs);
      const deletion = await kills.perform({ method: "delete", args: [first.id, first.outs] });
      await requireNothing(at);
      const deaths = sweep(deletion.points);
      const births = sweep(points);
      for (let turn = 0; turn < Math.max(births.length, deaths.length); turn++) {
        const [birth, death] = [births[turn], deaths[turn]];
        const made: { id: string; outs: Properties }[] = [];
        await creates.try(named(birth), async () => {
          const killed = birth !== undefined && (await kills.perform(creation, birth)).killed;
          const { id, outs } = await again(() => instance.create(inputs));
          made.push({ id, outs });
          await requireEnding(at, outs, wanted);
          return killed;
        });
        const gone = await deletes.try(named(death), async () => {
          const [found] = made;
          if (found === undefined) throw new Error("there was nothing to delete");
          const { id, outs } = found;
          const killed =
            death !== undefined &&
            (await kills.perform({ method: "delete", args: [id, outs] }, death)).killed;
          await again(() => instance.delete(id, outs));
          await requireNothing(at);
          return killed;
        });
        if (!gone) await clear(at);
      }
      creates.report(20);
      deletes.report(20);
    } finally {
      await at.folder.dispose();
    }
  }, 600_000);

  it("in a change with a restart ends, run again, as one that was not", async () => {
    const at = await place(major);
    const inputs = { small: await at.inputs(small), large: await at.inputs(large) };
    const updates = new Tally("update", "kills");
    try {
      let { id, outs } = await instance.create(inputs.small);
      const { points } = await kills.perform({ method: "update", args: [id, outs, inputs.large] });
      const wanted = { small: {} as Ending, large: {} as Ending };
      // To and fro, as the first way lies behind a create and not behind an update.
      const settle = async () => {
        for (const size of ["large", "small"] as const) {
          outs = (await instance.update(id, outs, inputs[size])).outs;
          wanted[size] = await ending(at, outs);
        }
      };
      await settle();
      expect(differences(wanted.small.files, wanted.large.files)).not.toEqual([]);
      let now: "small" | "large" = "small";
      for (const kill of sweep(points)) {
        const next = now === "small" ? "large" : "small";
        const args = [id, outs, inputs[next]] as const;
        const fine = await updates.try(named(kill), async () => {
          const { killed } = await kills.perform({ method: "update", args }, kill);
          outs = (await again(() => instance.update(...args))).outs;
          now = next;
          await requireEnding(at, outs, wanted[next]);
          return killed;
        });
        if (!fine) {
          await clear(at);
          ({ id, outs } = await instance.create(inputs.small));
          await settle();
          now = "small";
        }
      }
      await instance.delete(id, outs);
      await requireNothing(at);
      updates.report(20);
    } finally {
      await at.folder.dispose();
    }
  }, 600_000);
});
