import { describe, expect, test } from "vitest";
import { isMajor, majors, parseServerVersion } from "../../../provider/postgresql/version";

describe("the version of a server", () => {
  test.each([
    ["postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", "15"],
    ["postgres (PostgreSQL) 18.4\n", "18.4", "18"],
    ["postgres (PostgreSQL) 18beta1", "18beta1", "18"],
    ["postgres (PostgreSQL) 17rc1 (Homebrew)", "17rc1", "17"],
    ["postgres (PostgreSQL) 17devel", "17devel", "17"],
    ["postgres (PostgreSQL) 9.6.24", "9.6.24", "9"],
  ])("is read from %j", (text, version, major) => {
    expect(parseServerVersion(text)).toEqual({ version, major });
  });

  test.each([
    "",
    "bash: postgres: command not found",
    "postgres (EnterpriseDB) 15.1",
    "postgres (PostgreSQL) x",
  ])("is not found in %j", (text) => expect(parseServerVersion(text)).toBeUndefined());
});

describe("a major", () => {
  test("is one of those known, as text", () => {
    expect(majors.every(isMajor)).toBe(true);
    expect([15, "13", "19", "15.18", "", null, undefined].some(isMajor)).toBe(false);
  });
});
