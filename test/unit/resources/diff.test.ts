import { beforeEach, describe, expect, test, vi } from "vitest";
import { plan } from "../../../provider/plan/plan";
import { keepKnown } from "../../../provider/resources/compare";
import { instance } from "../../../provider/resources/instance";
import { check, type Properties } from "../../../provider/schema/check";
import { unknownValue } from "../../../provider/schema/unknown";
import { printed, seen, wish } from "../plan/situations";

const said = vi.hoisted((): string[] => []);
vi.mock("../../../provider/resources/engine", async (original) => ({
  ...(await original<object>()),
  logFor: () => ({ say: async (severity: string, text: string) => void said.push(`${severity}: ${text}`) }),
}));
beforeEach(() => void said.splice(0));

/** What the engine is told when one program follows another, without any host. */
function diff(before: Properties, now: Properties) {
  const olds = printed(before);
  const { inputs, failures } = check(olds, { __urn: olds.__urn, version: "17", ...now });
  expect(failures).toEqual([]);
  return instance.diff("orders-1a2b", olds, inputs);
}

const at = (host: string, more: Properties = {}): Properties => ({ host: { ssh: { host, ...more } } });

const update = { changes: undefined, deleteBeforeReplace: true };
const nothingToDo = { changes: false, deleteBeforeReplace: true };

describe("a way to the host", () => {
  test.each<[title: string, before: Properties, now: Properties]>([
    ["from this machine to another", {}, at("db1")],
    ["from one machine to another", at("db1"), at("db2")],
    ["by another user", at("db1"), at("db1", { user: "deploy" })],
    ["with another password", at("db1", { password: "a" }), at("db1", { password: "b" })],
    ["by a jump", at("db1"), at("db1", { jump: [{ host: "a" }] })],
    ["to become the owner", at("db1"), { ...at("db1"), become: { method: "su" } }],
    ["that is not known yet", at("db1"), at(unknownValue)],
    ["that is not known yet, from this machine", {}, { host: unknownValue }],
  ])("that changes is an update, whose plan has no step: %s", async (_, before, now) => {
    expect(await diff(before, now)).toEqual(update);
    expect(plan(seen(), wish(keepKnown(printed(before), now)))).toEqual([]);
  });

  test("that stays is none", async () => {
    const host = at("db1", { jump: [{ host: "a" }], jumpCredentials: { a: { password: "b" } } });
    expect(await diff(host, host)).toEqual(nothingToDo);
  });
});

describe("beside what the engine shows,", () => {
  test("an update that did not come to its end is said, and not where it is over", async () => {
    const olds: Properties = { ...printed({}), phase: "changing" };
    const { inputs } = check(olds, { __urn: olds.__urn, version: "17" });
    expect(await instance.diff("orders-1a2b", olds, inputs)).toMatchObject({ changes: true });
    expect(said.splice(0)).toEqual([
      "info: plan: the last update did not come to its end; this one looks again, and does what is left",
    ]);
    expect(await diff({}, {})).toEqual(nothingToDo);
    expect(said).toEqual([]);
  });

  test.each([
    ["", {}],
    ["", { finalDump: "skip" }],
    [" but for the dump that goes to /var/backups", { finalDump: "/var/backups" }],
  ])("a replacement says what is lost: all%s", async (dumped, more) => {
    const before = { deletionProtection: false, ...more };
    expect(await diff(before, { ...before, superuser: "admin" })).toMatchObject({ replaces: ["superuser"] });
    expect(said).toEqual([
      `warning: superuser changed: a new, empty cluster replaces this one. All its data is lost${dumped}.`,
    ]);
  });
});
