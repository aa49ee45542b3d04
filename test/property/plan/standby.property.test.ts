/** Standbys by declaration: whatever is wanted of one, and whatever became of it by hand, one update gets there. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Desired, desire } from "../../../provider/plan/desired";
import { findDrift } from "../../../provider/plan/drift";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { judgeStandby } from "../../../provider/plan/standby-refusals";
import { findStep, type Step } from "../../../provider/plan/step";
import { check, type Properties } from "../../../provider/schema/check";
import { parseInputs } from "../../../provider/schema/inputs";
import type { Remembered } from "../../../provider/schema/state";
import { applyToModel, type ModelHost, startByHand, stopByHand } from "../../support/model";

const runs = { numRuns: 500 };

const conninfo = (host: string) => `host=${host} port=5432 user=replicator`;

const standbys = fc.record(
  {
    primary: fc.constantFrom(conninfo("db1"), conninfo("db2")),
    password: fc.constantFrom("one", "two"),
    slot: fc.constantFrom(false, "one", "two"),
    status: fc.constantFrom("streaming", "promoted"),
    promoteWhen: fc.constantFrom("primaryDown", "always"),
    rejoin: fc.constantFrom("refuse", "rewind", "rebuild"),
  },
  { requiredKeys: ["primary"] },
);

const programs = fc.record(
  {
    standby: standbys,
    state: fc.constantFrom("started", "started", "stopped"),
    restartOnChanges: fc.boolean(),
    settings: fc.record(
      {
        max_connections: fc.constantFrom(20, 100, 200, null),
        max_worker_processes: fc.constantFrom(4, 8, 16),
        work_mem: fc.constantFrom("5MB", "6MB"),
        hot_standby_feedback: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["standby"] },
);

/** What people, or a crash, make of one. */
const deeds = fc.array(fc.constantFrom("stop", "start", "crash", "promote", "interrupted rejoin"), {
  maxLength: 3,
});

const urn = "urn:pulumi:dev::shop::pulumi-nodejs:dynamic/pginstance:Instance::orders";

/** As the resource does it; undefined where `check` refuses it. */
function wish(olds: Properties, program: object): { inputs: Properties; desired: Desired } | undefined {
  const { inputs, failures } = check(olds, { __urn: urn, version: "17", ...program });
  if (failures.length > 0) return undefined;
  const parsed = parseInputs(inputs);
  const password = parsed.standby?.password;
  const desired = desire(parsed, {
    hostMemory: 8 * 1024 ** 3,
    owner: "postgres",
    restartTriggers: null,
    passfile: password === undefined ? null : { path: "/srv/pg/passfile", digest: `digest of ${password}` },
  });
  return { inputs, desired };
}

const make = (desired: Desired): ModelHost => applyToModel(nothing, desired, plan(nothing, desired));

function doByHand(host: ModelHost, desired: Desired, deed: string): ModelHost {
  const isUp = host.server === "running";
  if (deed === "interrupted rejoin") {
    return host.role === "primary" && !isUp ? { ...host, rejoining: true } : host;
  }
  if (deed === "start") return isUp ? host : startByHand(host, desired);
  if (!isUp) return host;
  if (deed === "promote") return { ...host, role: "primary", least: {} };
  return deed === "crash" ? { ...stopByHand(host), server: "crashed" } : stopByHand(host);
}

/** Of those in the programs. */
const held = ["max_connections", "max_worker_processes"];

const namesOf = (steps: readonly Step[]): string[] =>
  findStep(steps, "writeConfiguration")?.changes.map(({ name }) => name) ?? [];

const isRefused = (observed: ModelHost, { inputs }: Desired): boolean =>
  judgeStandby({ observed } as unknown as Remembered, inputs).length > 0;

/** A standby as it was made, what became of it, and what is wanted now; streaming is all that a new one may be. */
const stories = fc.record({ before: programs, now: programs, done: deeds }).map(({ before, now, done }) => {
  const { status: _, ...standby } = before.standby;
  const first = wish({}, { ...before, standby });
  const second = first && wish(first.inputs, now);
  if (!first || !second) throw new Error("a program of these is refused");
  const made = make(first.desired);
  const found = done.reduce((host, deed) => doByHand(host, first.desired, deed), made);
  return { first: first.desired, made, found, desired: second.desired };
});

describe("for every standby", () => {
  test("its making leaves nothing to plan, and no drift", () => {
    fc.assert(
      fc.property(stories, ({ first, made }) => {
        expect(made.role).toBe("standby");
        expect(plan(made, first)).toEqual([]);
        expect(findDrift(made, first)).toEqual({ inputs: {}, places: [] });
      }),
      runs,
    );
  });

  test("a plan that is not refused leaves nothing to plan, whatever became of it before", () => {
    const met = { promote: 0, rejoin: 0, createSlot: 0, writePassfile: 0, refused: 0 };
    fc.assert(
      fc.property(stories, ({ found, desired }) => {
        if (isRefused(found, desired)) {
          met.refused += 1;
          return;
        }
        const steps = plan(found, desired);
        for (const { kind } of steps) if (kind in met) met[kind as keyof typeof met] += 1;
        const after = applyToModel(found, desired, steps);
        const left = plan(after, desired);
        // Until the promotion the old primary held some up; nobody lowers them in the same run.
        if (findStep(steps, "promote")) {
          for (const name of namesOf(left)) expect(held).toContain(name);
          expect(plan(applyToModel(after, desired, left), desired)).toEqual([]);
        } else expect(left).toEqual([]);
      }),
      runs,
    );
    // Else the stories tell too little.
    for (const [what, times] of Object.entries(met)) expect(times, what).toBeGreaterThan(0);
  });

  test("one that is promoted where that is wanted, follows where that is, and keeps its role else", () => {
    fc.assert(
      fc.property(stories, ({ found, desired }) => {
        if (isRefused(found, desired)) return;
        const after = applyToModel(found, desired, plan(found, desired));
        const { status } = desired.standby ?? {};
        if (status === "streaming") expect(after.role).toBe("standby");
        else if (desired.inputs.state === "started") expect(after.role).toBe("primary");
        else expect(after.role).toBe(found.role);
        expect(after.rejoining).toBe(false);
        expect(after.passfile).toBe(desired.standby?.passfile?.digest ?? null);
      }),
      runs,
    );
  });
});
