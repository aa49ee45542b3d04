import { describe, expect, test } from "vitest";
import { check, type Properties } from "../../../provider/schema/check";

const primary = "host=db1 user=replicator";
const failures = (standby: unknown, more: Properties = {}, olds: Properties = {}) =>
  check(olds, { __urn: "urn:a::b::c::orders", version: "17", standby, ...more }).failures.map(
    ({ property, reason }) => `${property}: ${reason}`,
  );
const canary = "c4nary";

describe("the input standby", () => {
  test("needs a connection string alone, and streams by default", () => {
    const { inputs, failures: none } = check(
      {},
      { __urn: "urn:a::b::c::orders", version: "17", standby: { primary } },
    );
    expect(none).toEqual([]);
    expect(inputs.standby).toEqual({ primary, status: "streaming" });
  });

  test.each<[standby: unknown, words: RegExp]>([
    [primary, /^standby: is no object of primary, password/],
    [{}, /^standby.primary: is no Instance or connection string/],
    [{ primary: "db1" }, /^standby.primary: is no connection string/],
    [{ primary: "" }, /^standby.primary: is no connection string/],
    [{ primary: `postgresql://a:${canary}@db1` }, /^standby.primary: is a URI/],
    [{ primary: "host=db1" }, /^standby.primary: names no user/],
    [{ primary: `${primary} password=${canary}` }, /^standby.primary: has password: .*standby\.password/],
    [{ primary: `${primary} passfile=/x` }, /^standby.primary: has passfile/],
    [{ primary: `${primary} dbname=x` }, /^standby.primary: has dbname/],
    [{ primary: "host=db1 user='a\nb'" }, /^standby.primary: holds a line break/],
    [{ primary, slot: "With-Capital" }, /^standby.slot: is no name of a slot/],
    [{ primary, slot: true }, /^standby.slot: is no name of a slot/],
    [{ primary, status: "stopped" }, /^standby.status: "stopped" is none of "streaming", "promoted"/],
    [{ primary, promoteWhen: "never" }, /^standby.promoteWhen: /],
    [{ primary, rejoin: "yes" }, /^standby.rejoin: /],
    [{ primary, password: `${canary}\n` }, /^standby.password: holds a line break/],
    [{ primary, passwrd: canary }, /^standby: has no passwrd/],
  ])("%j is refused, and no secret shown", (standby, words) => {
    const said = failures(standby);
    expect(said).toEqual([expect.stringMatching(words)]);
    expect(said.join()).not.toContain(canary);
  });

  test("is made first and promoted later", () => {
    const promoted = { primary, status: "promoted" };
    expect(failures(promoted)).toEqual([expect.stringMatching(/^standby.status: a standby is made first/)]);
    expect(failures(promoted, {}, { version: "17" })).toEqual([]);
  });

  test.each(["dataChecksums", "locale", "encoding"])(
    "leaves %s to the primary, until it is promoted",
    (name) => {
      const more = { [name]: { dataChecksums: true, locale: "C", encoding: "UTF8" }[name] };
      expect(failures({ primary }, more)).toEqual([
        expect.stringMatching(`^${name}: comes from the primary`),
      ]);
      expect(failures({ primary, status: "promoted" }, more, { version: "17" })).toEqual([]);
    },
  );
});
