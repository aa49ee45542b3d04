import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import type { Desired } from "../../../provider/plan/desired";
import { findDrift } from "../../../provider/plan/drift";
import { isUp } from "../../../provider/plan/is-up";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import { needsRestart } from "../../../provider/plan/settings";
import { effectOf, effects, findStep, type Step } from "../../../provider/plan/step";
import { appliedBy, findSetting } from "../../../provider/postgresql/settings";
import { equalValues } from "../../../provider/postgresql/values";
import { differs } from "../../../provider/resources/compare";
import { check } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { applyToModel, type ModelHost, reloadByHand } from "../../support/model";
import { desireChecked, desiredFrom, type Story, stories } from "./arbitraries";

const runs = { numRuns: 500 };

const make = (desired: Desired): ModelHost => applyToModel(nothing, desired, plan(nothing, desired));

/** The instance as the first program made it, what people made of it, and what is wanted now. */
function tell({ before, now, byHand }: Story) {
  const first = desiredFrom(before);
  const made = make(first);
  return { first, made, found: byHand(made, first), desired: desiredFrom(now) };
}

/** As `tell`, where the server has read what people wrote: no observation shows a line that it has not. */
function tellRead(story: Story) {
  const told = tell(story);
  const found = isUp(told.found) ? reloadByHand(told.found, told.first) : told.found;
  return { ...told, found };
}

const namesOf = (steps: readonly Step[]): string[] =>
  (findStep(steps, "writeConfiguration")?.changes ?? []).map(({ name }) => name);

/** Without the numbers of lines, and without the note of an original that is there again anyway. */
function essence({ settings, overrides, originals, hidden, ...rest }: ModelHost) {
  const values = (entries: Observed["settings"] | null) =>
    entries && Object.fromEntries(Object.entries(entries).map(([name, { value }]) => [name, value]));
  const returned = Object.entries(originals).filter(
    ([name, value]) => value !== (settings[name]?.value ?? null),
  );
  return {
    ...rest,
    settings: values(settings),
    overrides: values(overrides),
    originals: Object.fromEntries(returned),
    conf: values(hidden.conf),
    running: values(hidden.running),
  };
}

const worst = (steps: readonly Step[]): number =>
  Math.max(0, ...steps.map(({ kind }) => effects.indexOf(effectOf[kind])));

describe("for every program and every host", () => {
  test("a plan, applied, leaves nothing to plan", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tellRead(story);
        const after = applyToModel(found, desired, plan(found, desired));
        expect(plan(after, desired)).toEqual([]);
      }),
      runs,
    );
  });

  test("a plan for an instance that was taken over, applied, leaves nothing to plan, and there is none for what nobody declares", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tellRead(story);
        const taken = { adopted: true, originals: {}, unapplied: "none" as const, leftovers: [] };
        // What is declared to be stopped is not to be started by a boot.
        const service = found.service && { ...found.service, enabled: isUp(found) };
        const theirs = { ...found, ...taken, service };
        const after = applyToModel(theirs, desired, plan(theirs, desired));
        expect(plan(after, desired)).toEqual([]);
        const { __urn, version } = story.now;
        const silent = desiredFrom({
          ...{ __urn, version },
          port: Number(theirs.settings.port?.value),
          state: isUp(theirs) ? "started" : "stopped",
        });
        // A port that waits for its restart is moved in any case, and the preview says so.
        if (!("port" in theirs.pending)) expect(plan(theirs, silent)).toEqual([]);
        expect(findDrift(theirs, silent)).toEqual({ inputs: {}, places: [] });
      }),
      runs,
    );
  });

  test("what a plan leaves pending is what it wrote for a restart, when restartOnChanges is false", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { made } = tell({ ...story, byHand: (host) => host });
        const desired = desiredFrom({
          ...story.now,
          port: Number(made.settings.port?.value),
          state: "started",
        });
        const steps = plan(made, desired);
        const { pending } = applyToModel(made, desired, steps);
        const isRestarted = findStep(steps, "restart") ?? findStep(steps, "start");
        const written = (findStep(steps, "writeConfiguration")?.changes ?? []).filter(
          (change) => needsRestart(change) && !meansDefault(desired, change.name, change.from, change.to),
        );
        expect(Object.keys(pending).sort()).toEqual(isRestarted ? [] : written.map(({ name }) => name));
      }),
      runs,
    );
  });

  test("with restartOnChanges true nothing stays pending", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tellRead({ ...story, now: { ...story.now, restartOnChanges: true } });
        const steps = plan(found, desired);
        const after = applyToModel(found, desired, steps);
        const ours = Object.keys(after.pending).filter((name) => name in desired.settings);
        if (isUp(after)) expect(ours).toEqual([]);
      }),
      runs,
    );
  });

  test("a stop after any step, and a new plan, come to the same end", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tellRead(story);
        const steps = plan(found, desired);
        // Nor does it show the port that a server moved by hand listens on: that takes a second run.
        const running = found.hidden.running?.port?.value;
        fc.pre(desired.inputs.restartOnChanges || running === undefined || running === desired.settings.port);
        const end = applyToModel(found, desired, steps);
        for (let done = 0; done < steps.length; done++) {
          const stopped = applyToModel(found, desired, steps.slice(0, done));
          expect(essence(applyToModel(stopped, desired, plan(stopped, desired)))).toEqual(essence(end));
        }
      }),
      // Each is a dozen plans.
      { numRuns: 150 },
    );
  });

  test("the order in which settings are written down does not matter", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tellRead(story);
        const turned: Desired = { ...desired, settings: reversed(desired.settings) };
        const seen: Observed = {
          ...found,
          settings: reversed(found.settings),
          overrides: reversed(found.overrides),
          originals: reversed(found.originals),
        };
        const steps = plan(found, desired);
        expect(plan(seen, turned)).toEqual(steps);
        expect(printPlan(seen, turned, steps, "db1")).toEqual(printPlan(found, desired, steps, "db1"));
      }),
      runs,
    );
  });
});

describe("for every update", () => {
  test("what is taken was announced, in its names and in its effect", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { made, found, desired } = tell(story);
        const announced = plan(made, desired);
        const { take } = agree(made, found, desired);
        // A start is no harm to anybody, and takes what a reload would.
        const approved = findStep(announced, "start")
          ? [...announced, { kind: "reload" } as const]
          : announced;
        expect(worst(take)).toBeLessThanOrEqual(worst(approved));
        expect(namesOf(announced)).toEqual(expect.arrayContaining(namesOf(take)));
      }),
      runs,
    );
  });

  test("a host that is as remembered gets all that was announced, and there is nothing else to say", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { found, desired } = tell(story);
        expect(agree(found, found, desired)).toEqual({ take: plan(found, desired), left: [], more: [] });
      }),
      runs,
    );
  });

  test("what nobody announced stays on the host as it was found, and is named", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { made, found, desired } = tell(story);
        const announced = namesOf(plan(made, desired));
        const { take, left, more } = agree(made, found, desired);
        if (more.length > 0) return;
        const after = applyToModel(found, desired, take);
        for (const name of Object.keys(found.settings).filter(
          (candidate) => !announced.includes(candidate),
        )) {
          expect(after.settings[name]).toEqual(found.settings[name]);
        }
        for (const name of namesOf(plan(after, desired)).filter(
          (candidate) => !announced.includes(candidate),
        )) {
          expect(left.some((line) => line.startsWith(`${name} was changed on the host`))).toBe(true);
        }
      }),
      runs,
    );
  });

  test("a restart that was approved applies no line that was not in the state", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { made, found, desired } = tell(story);
        const announced = namesOf(plan(made, desired));
        const { take, more } = agree(made, found, desired);
        if (more.length > 0 || !isUp(made) || !take.some(({ kind }) => /start$/.test(kind))) return;
        const strange = Object.keys({ ...made.settings, ...found.settings }).filter(
          (name) =>
            isForRestart(desired, name) &&
            !announced.includes(name) &&
            made.settings[name]?.value !== found.settings[name]?.value,
        );
        expect(strange).toEqual([]);
      }),
      runs,
    );
  });
});

describe("for every instance that nobody touched", () => {
  test("there is no drift and nothing to do, however its inputs are spelt", () => {
    fc.assert(
      fc.property(stories, ({ before, respelt }) => {
        const olds = check({}, before).inputs;
        const made = make(desireChecked(olds));
        const news = check(olds, respelt).inputs;
        expect(differs(olds, news)).toBe(false);
        for (const desired of [desireChecked(olds), desireChecked(news), desiredFrom(respelt)]) {
          expect(plan(made, desired)).toEqual([]);
          expect(findDrift(made, desired)).toEqual({ inputs: {}, places: [] });
        }
      }),
      runs,
    );
  });
});

describe("for every drift", () => {
  test("its inputs say what is there: declared so, no line would be written but one that is missing", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { first, found } = tell(story);
        const { inputs } = findDrift(found, first);
        // Of what nobody declares the inputs say nothing, and what removes it is no drift.
        const all = { ...first.inputs, ...inputs, unmanagedSettings: "keep" };
        const declared = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
        const steps = plan(found, desireChecked(declared));
        const lines = namesOf(steps).filter((name) => name in found.settings && name !== "cluster_name");
        expect(lines).toEqual([]);
        expect(findStep(steps, "start") ?? findStep(steps, "stop")).toBeUndefined();
      }),
      runs,
    );
  });

  test("every declared setting that would be written again is named, and nothing else is", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { first, found } = tell(story);
        const declared = Object.keys(first.inputs.settings ?? {}).map((name) => name.toLowerCase());
        const places = findDrift(found, first).places.filter((line) => !line.startsWith("pginstance-"));
        const written = namesOf(plan(found, first)).filter((name) => declared.includes(name));
        expect(places.map((line) => line.split(" ")[0]?.toLowerCase()).sort()).toEqual(written);
      }),
      runs,
    );
  });
});

const isForRestart = (desired: Desired, name: string): boolean => {
  const setting = findSetting(desired.inputs.version, name);
  return setting !== undefined && appliedBy(setting.context) === "restart";
};

/** A line that comes or goes and says the compiled default changes nothing for the server. */
function meansDefault(desired: Desired, name: string, from: string | null, to: string | null): boolean {
  const setting = findSetting(desired.inputs.version, name);
  const boot = setting?.bootValue ?? "";
  return equalValues(setting, from ?? boot, to ?? boot);
}

function reversed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse());
}
