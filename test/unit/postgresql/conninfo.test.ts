import { describe, expect, test } from "vitest";
import { parseConninfo, placeOf, printConninfo } from "../../../provider/postgresql/conninfo";
import { passfileDigest, printPassfile } from "../../../provider/postgresql/passfile";

describe("a connection string", () => {
  test.each<[text: string, parameters: Record<string, string> | undefined]>([
    ["host=db1 port=5432", { host: "db1", port: "5432" }],
    ["  host = db1\tport=5432 ", { host: "db1", port: "5432" }],
    ["host='a b' user='it\\'s \\\\'", { host: "a b", user: "it's \\" }],
    ["host=a\\ b", { host: "a b" }],
    ["user='' host=x", { user: "", host: "x" }],
    ["user= host=x", { user: "host=x" }],
    ["host=a host=b", { host: "b" }],
    ["", {}],
    ["host", undefined],
    ["host='a", undefined],
    ["host='a'b", undefined],
    ["postgresql://db1/postgres", undefined],
  ])("%j is read as libpq does", (text, parameters) => {
    expect(parseConninfo(text)).toEqual(parameters);
  });

  test.each<Record<string, string>>([
    { host: "db1" },
    { host: "a b", user: "it's \\" },
    { host: "", user: "x" },
    { host: "a\nb" },
  ])("of %j is printed so that it is read again", (parameters) => {
    expect(parseConninfo(printConninfo(parameters))).toEqual(parameters);
  });

  test("has a place that people know", () => {
    expect(placeOf({ host: "db1" })).toBe("db1:5432");
    expect(placeOf({ hostaddr: "10.0.0.1", port: "6000" })).toBe("10.0.0.1:6000");
    expect(placeOf({})).toBe("localhost:5432");
  });
});

describe("a passfile", () => {
  test("holds one line, with escapes for what separates", () => {
    expect(printPassfile("a:b\\c")).toBe("*:*:*:*:a\\:b\\\\c\n");
  });

  test("is known by a digest that tells nothing of it", () => {
    expect(passfileDigest("a")).not.toBe(passfileDigest("b"));
    expect(passfileDigest("a")).toMatch(/^[0-9a-f]{32}$/);
  });
});
