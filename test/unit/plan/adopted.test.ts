import { describe, expect, test } from "vitest";
import { desire } from "../../../provider/plan/desired";
import { findDrift } from "../../../provider/plan/drift";
import { plan } from "../../../provider/plan/plan";
import { inputsOf, lines, seen } from "./situations";

const foreign = (more: Parameters<typeof seen>[0] = {}) =>
  seen({
    adopted: true,
    originals: {},
    settings: lines({ work_mem: "6MB" }),
    access: { hba: [{ label: null, text: "local all all peer" }], ident: [] },
    ...more,
  });

const wish = (program = {}) =>
  desire(inputsOf(program), { hostMemory: null, restartTriggers: null, owner: "postgres" });
const kinds = (program = {}) => plan(foreign(), wish(program)).map(({ kind }) => kind);

describe("an instance that was taken over", () => {
  test("has nothing to do while nothing is declared of it", () => {
    expect(kinds()).toEqual([]);
    expect(findDrift(foreign(), wish({}))).toEqual({ inputs: {}, places: [] });
  });

  test("gets what is declared, and no default beside it", () => {
    expect(plan(foreign(), wish({ settings: { work_mem: "9MB" } }))).toMatchObject([
      { kind: "writeConfiguration", changes: [{ name: "work_mem", from: "6MB", to: "9MB" }] },
      { kind: "reload" },
    ]);
  });

  test("gets a cluster_name only when that is declared", () => {
    expect(plan(foreign(), wish({ settings: { cluster_name: "new" } }))[0]).toMatchObject({
      changes: [{ name: "cluster_name" }],
    });
  });

  const labels = (program: object) =>
    plan(foreign(), wish(program)).flatMap((step) =>
      step.kind === "writeAccess" ? step.changes.map(({ label }) => label) : [],
    );

  test("gets the provider's own records with the first that is declared, and those of auth only where they are asked for", () => {
    const app = {
      type: "host",
      database: "shop",
      user: "app",
      address: "10.0.0.0/8",
      method: "scram-sha-256",
    };
    expect(labels({ hba: { app } })).toEqual(["own.all", "own.replication", "hba.app", "auth.owner"]);
    expect(labels({ auth: { local: "md5" } })).toContain("auth.local.all");
    expect(labels({ auth: { local: "md5" } }).join()).not.toContain("auth.host");
    expect(labels({ unmanagedHba: "keep" })).toEqual([]);
  });
});
