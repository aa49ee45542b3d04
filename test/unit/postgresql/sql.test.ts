import { describe, expect, test } from "vitest";
import { QueryError } from "../../../provider/errors";
import { alterRolePassword, quoteIdentifier, quoteLiteral } from "../../../provider/postgresql/sql";

test.each([
  ["postgres", '"postgres"'],
  ['a"b', '"a""b"'],
  ["Select $1; --", '"Select $1; --"'],
])("the identifier %j is written %s", (name, written) => {
  expect(quoteIdentifier(name)).toBe(written);
});

test.each(["", "a\0b"])("%j cannot name anything", (name) => {
  expect(() => quoteIdentifier(name)).toThrow(QueryError);
});

test.each([
  ["", "''"],
  ["it's", "'it''s'"],
  ["a\\'b", "E'a\\\\''b'"],
  ["line\nend", "'line\nend'"],
])("the string %j is written %s", (text, written) => {
  expect(quoteLiteral(text)).toBe(written);
});

test("a string with NUL is refused", () => {
  expect(() => quoteLiteral("a\0")).toThrow(QueryError);
});

describe("setting a password", () => {
  const statements = alterRolePassword('o"wner', "SCRAM-SHA-256$x");
  const verifier = statements.findIndex((statement) => statement.includes("SCRAM"));

  test("names the role and the verifier once", () => {
    expect(statements.filter((statement) => statement.includes("SCRAM"))).toEqual([
      `ALTER ROLE "o""wner" PASSWORD 'SCRAM-SHA-256$x'`,
    ]);
    expect(statements[verifier + 1]).toBe("COMMIT");
  });

  test.each([
    "SET LOCAL log_statement = 'none'",
    "SET LOCAL log_min_duration_statement = '-1'",
    "SET LOCAL log_min_duration_sample = '-1'",
    "SET LOCAL log_min_error_statement = 'panic'",
    "SET LOCAL pg_stat_statements.track_utility = 'off'",
    "SET LOCAL track_activities = 'off'",
  ])("comes after %s", (silence) => {
    expect(statements.indexOf(silence)).toBeGreaterThan(statements.indexOf("BEGIN"));
    expect(statements.indexOf(silence)).toBeLessThan(verifier);
  });
});
