import { describe, expect, test } from "vitest";
import { isCalled } from "../../../../sdk/cli/instances";

describe("an instance", () => {
  const orders = { name: "orders", version: "17", dataDirectory: "/srv/17/orders" };

  test.each([
    ["orders", true],
    ["17/orders", true],
    ["/srv/17/orders", true],
    ["/srv/17/orders//", true],
    ["15/orders", false],
    ["17/main", false],
    ["17/orders/", false],
    ["order", false],
    ["/srv/17", false],
    ["/", false],
    ["", false],
  ])("is called %j: %j", (word, called) => {
    expect(isCalled(orders, word)).toBe(called);
  });

  test("in the root directory is called by its path", () => {
    expect(isCalled({ name: "data", version: "17", dataDirectory: "/data" }, "/data/")).toBe(true);
  });
});
