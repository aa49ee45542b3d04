import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { isUnknown, unknownValue } from "../../../provider/schema/unknown";

describe("the unknown value", () => {
  test("is the engine's", () => {
    expect(unknownValue).toBe(pulumi.runtime.unknownValue);
  });

  test.each<[string, unknown]>([
    ["alone", unknownValue],
    ["in an object", { a: unknownValue }],
    ["in a list", [1, unknownValue]],
    ["deep", { a: [{ b: { c: unknownValue } }] }],
  ])("is found %s", (_, value) => {
    expect(isUnknown(value)).toBe(true);
  });

  test.each<[unknown]>([
    [null],
    [undefined],
    [""],
    [0],
    [{}],
    [[]],
    [{ a: [1, null, "x"] }],
    [`${unknownValue} `],
  ])("is not seen in %j", (value) => {
    expect(isUnknown(value)).toBe(false);
  });
});
