import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import { desire } from "../../../provider/plan/desired";
import { findDrift } from "../../../provider/plan/drift";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, seen } from "./situations";

type Service = NonNullable<Observed["service"]>;

const wish = (program: Properties = {}) =>
  desire(inputsOf(program), { hostMemory: null, restartTriggers: null, owner: "postgres" });

const recordsOf = ({ access }: ReturnType<typeof wish>): Observed["access"] => {
  const entries = (file: "hba" | "ident") =>
    (access?.[file].records ?? []).map(({ label, text }) => ({ label, text }));
  return { hba: entries("hba"), ident: entries("ident") };
};

const unit = "pginstance-orders-1.service";

/** As `wish()` wants it, but for what is said. */
const served = (more: Partial<Service> = {}, program: Properties = {}): Observed => ({
  ...seen(),
  access: recordsOf(wish()),
  service: {
    unit,
    scope: "system",
    lingers: true,
    text: wish(program).service.text?.[more.scope ?? "system"] ?? null,
    enabled: true,
    masked: false,
    dropIns: [],
    runsOutside: false,
    ...more,
  },
});
const bare = (): Observed => ({ ...served(), service: null });
const kinds = (observed: Observed, program: Properties = {}) =>
  plan(observed, wish(program)).map(({ kind }) => kind);
const words = (observed: Observed, program: Properties = {}) =>
  printPlan(observed, wish(program), plan(observed, wish(program)), "db1").map(
    ({ severity, text }) => `${severity}: ${text}`,
  );

describe("the systemd unit of an instance", () => {
  test("is written before the first start, where systemd is asked for", () => {
    const steps = plan(nothing, wish({ serviceManager: "systemd" })).map(({ kind }) => kind);
    expect(steps.indexOf("registerService")).toBeLessThan(steps.indexOf("start"));
    expect(words(nothing, { serviceManager: "systemd" })[0]).toContain(
      "initdb, configuration, systemd unit, start",
    );
    expect(kinds(nothing)).not.toContain("registerService");
  });

  test("needs nothing while it is as it shall be, and nobody declares anything of it", () => {
    expect(plan(served(), wish())).toEqual([]);
    expect(plan(served(), wish({ serviceManager: "systemd" }))).toEqual([]);
    expect(findDrift(served(), wish())).toEqual({ inputs: {}, places: [] });
  });

  test.each([
    ["edited", { text: "[Unit]" }, "differs"],
    ["gone", { text: null, enabled: false }, "is missing, is not enabled"],
    ["masked", { text: null, masked: true }, "is masked"],
    ["disabled", { enabled: false }, "is not enabled"],
    [
      "changed by a drop-in",
      { dropIns: ["/etc/systemd/system/x.service.d/a.conf"] },
      "has /etc/systemd/system/x.service.d/a.conf",
    ],
  ] satisfies [string, Partial<Service>, string][])(
    "that was %s is put right without a restart, which the preview and a refresh say",
    (_, found, because) => {
      expect(kinds(served(found))).toEqual(["registerService"]);
      expect(words(served(found))).toEqual([
        `info: plan: ${unit} ${because}: it is written again and enabled; the server is not restarted`,
      ]);
      expect(findDrift(served(found), wish()).places.join(", ")).toBe(
        because
          .split(", ")
          .map((one) => `${unit} ${one}`)
          .join(", "),
      );
    },
  );

  test.each(["system", "user"] as const)("is compared with what it would be where it is: %s", (scope) => {
    const other = wish().service.text?.[scope === "user" ? "system" : "user"];
    expect(plan(served({ scope }), wish())).toEqual([]);
    expect(plan(served({ scope, text: other }), wish())).toEqual([
      { kind: "registerService", because: ["differs"] },
    ]);
  });

  test("of an owner who lingers no more is left as it is, and a refresh says that a boot does not start it", () => {
    const left = served({ scope: "user", lingers: false });
    expect(plan(left, wish())).toEqual([]);
    expect(findDrift(left, wish())).toEqual({
      inputs: {},
      places: [`the owner lingers no more (loginctl enable-linger): a boot does not start ${unit}`],
    });
  });

  test("is disabled with a stop, and enabled with a start: what is stopped stays so after a boot", () => {
    expect(kinds(served(), { state: "stopped" })).toEqual(["registerService", "stop"]);
    const stopped = { ...served({ enabled: false }), server: "stopped" } as const;
    expect(plan(stopped, wish({ state: "stopped" }))).toEqual([]);
    expect(kinds(stopped)).toEqual(["registerService", "start"]);
    expect(kinds(served(), { service: { enabled: false } })).toEqual(["registerService"]);
  });

  test("gets a declared environment, for the next start", () => {
    expect(kinds(served(), { service: { environment: { A: "b" } } })).toEqual(["registerService"]);
    expect(
      plan(
        served({}, { service: { environment: { A: "b" } } }),
        wish({ service: { environment: { A: "b" } } }),
      ),
    ).toEqual([]);
  });

  test("is not left by a server that somebody started by hand: that is said", () => {
    expect(plan(served({ runsOutside: true }), wish())).toEqual([]);
    expect(findDrift(served({ runsOutside: true }), wish()).places).toEqual([
      `the server runs outside of ${unit}: the next restart brings it back`,
    ]);
  });

  test("of somebody else is neither written nor enabled", () => {
    const debians = served({ unit: "postgresql@17-main.service", text: null, enabled: false });
    expect(plan(debians, wish())).toEqual([]);
    expect(plan(debians, wish({ service: { unit: "postgresql@17-main" } }))).toEqual([]);
    expect(kinds(debians, { service: { unit: "postgresql@17-other" } })).toEqual(["registerService"]);
  });
});

describe("another service manager", () => {
  test.each([
    ["pg_ctl", "systemd", bare()],
    ["systemd", "pg_ctl", served()],
  ] as const)("is a downtime: from %s to %s", (from, to, before) => {
    expect(kinds(before, { serviceManager: to })).toEqual(["stop", "setServiceManager", "start"]);
    expect(words(before, { serviceManager: to })).toEqual([
      `warning: stop of 17/orders on db1 (fast) for a hand-over from ${from} to ${to}: downtime until that is done. Clients are disconnected.`,
    ]);
  });

  test("of one that is stopped is taken without a start", () => {
    const stopped = { ...bare(), server: "stopped" } as const;
    expect(kinds(stopped, { serviceManager: "systemd", state: "stopped" })).toEqual(["setServiceManager"]);
  });
});

test("what somebody did to a unit after the preview is named, and left for the next", () => {
  const agreement = agree(served(), served({ masked: true, text: null }), wish());
  expect(agreement).toMatchObject({ take: [], left: ["its systemd unit was changed"], more: [] });
});
