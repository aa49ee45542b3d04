/**
 * What the preview says is what the update does: random cases on real servers, each a program, what somebody did by hand
 * after it, and another program. `npm run test:preview-truth -- --cases N --seed S`, or `--only I` for one of them.
 */
import { afterAll, describe, expect, test, vi } from "vitest";
import { type Case, caseAt, type Lane } from "./cases";
import { deedKinds, doDeed } from "./deeds";
import { isBeyondUs, isIncomplete, judge } from "./judgement";
import { type Round, round } from "./round";
import { openSite, type Site } from "./site";
import { logFor, Stack } from "./stack";
import { Tally } from "./tally";

vi.mock("../../../provider/resources/engine", async (original) => ({
  ...(await original<object>()),
  logFor: () => logFor(),
}));

/** In so many each lane has had its half of the kinds in turn. */
const enough = 2 * deedKinds.length;
const { PREVIEW_TRUTH_CASES: count = enough, PREVIEW_TRUTH_SEED, PREVIEW_TRUTH_ONLY: only } = process.env;
/** The same cases each time, unless told: then it is a change of the code that breaks one. New ones are sought by hand. */
const seed = Number(PREVIEW_TRUTH_SEED ?? 2026);
const indexes =
  only === undefined ? Array.from({ length: Number(count) }, (_, index) => index) : [Number(only)];
const again = (index: number) => `npm run test:preview-truth -- --seed ${seed} --only ${index}`;

/** What goes on from case to case: in each lane one instance. */
interface Instance {
  readonly site: Site;
  stack?: Stack;
}

describe(`what the preview says is what the update does (seed ${seed})`, () => {
  const instances = new Map<Lane, Instance>();
  const tally = new Tally();
  afterAll(async () => {
    console.log(`Preview's truth, seed ${seed}:\n${tally.print()}`);
    for (const { site } of instances.values()) await site.dispose();
  });

  async function instanceFor(lane: Lane): Promise<Instance> {
    const known = instances.get(lane) ?? { site: await openSite(lane) };
    instances.set(lane, known);
    return known;
  }

  test.each(indexes.map((index) => [index, caseAt(seed, index)] as const))("case %i", async (index, told) => {
    const instance = await instanceFor(told.lane);
    tally.case(told);
    try {
      const wrong = await run(instance, told);
      tally.divergences += wrong.length;
      expect(wrong, `${JSON.stringify(told, null, 1)}\nAgain: ${again(index)}`).toEqual([]);
    } catch (error) {
      // The next case begins anew.
      instances.delete(told.lane);
      await instance.site.dispose();
      throw error;
    }
  });

  async function run(instance: Instance, { major, before, deeds, refreshes, now, respelt, ignores }: Case) {
    const { site } = instance;
    const wrong: string[] = [];
    const up = async (program: Case["now"], ignored: readonly string[], isKnown: boolean): Promise<Round> => {
      const done = await round(site, stack, program, ignored, isKnown);
      tally.count(done);
      wrong.push(...judge(major, done).map((what) => `${what}\n${describeRound(done)}`));
      return done;
    };
    const isNew = instance.stack === undefined;
    instance.stack ??= await Stack.create(site.settle(before));
    const { stack } = instance;
    if (!isNew) {
      const { preview } = await up({ ...before }, [], true);
      if (preview.refusal !== undefined) {
        await up({ ...before, restartOnChanges: true }, [], true);
        await up(before, [], true);
      }
    }
    for (const deed of deeds) if (await doDeed(site, deed)) tally.drift(deed.kind);
    if (refreshes) await stack.refresh();
    const first = await up(now, ignores, refreshes);
    await stack.refresh();
    if (isIncomplete(first)) {
      const second = await up(now, ignores, true);
      if (second.preview.refusal !== undefined) return wrong;
      if (second.announced.length === 0 && ignores.length === 0)
        wrong.push(`nothing to see after a refresh:\n${describeRound(first)}`);
      await stack.refresh();
    }
    if (first.preview.refusal === undefined) {
      if (first.before.postmaster === undefined) await up(now, ignores, true);
      const last = await up(respelt, ignores, true);
      if ((last.preview.updates && !isBeyondUs(last)) || last.announced.length > 0)
        wrong.push(`there is something left to do:\n${describeRound(last)}`);
    }
    return wrong;
  }

  if (indexes.length < enough) return;
  test("every kind of drift was among them", () => {
    expect(deedKinds.filter((kind) => tally.of(kind) === 0)).toEqual([]);
  });
});

function describeRound({ preview, announced, taken, update, isKnown }: Round): string {
  const steps = announced.map((step) =>
    step.kind === "writeAccess" ? { ...step, wanted: undefined } : step,
  );
  const { lines, refusal } = preview;
  return JSON.stringify({
    isKnown,
    lines,
    refusal,
    steps,
    taken,
    update: { ...update, progress: undefined },
  });
}
