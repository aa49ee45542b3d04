import { describe, expect, it } from "vitest";
import { printScript, readScript } from "../../../provider/server/psql";

const result = (stdout: string, stderr = "", exitCode = 0) => ({
  exitCode,
  stdout: Buffer.from(stdout),
  stderr,
});

describe("statements through psql", () => {
  it("come with a line before each that nothing else can print, and queries as JSON", () => {
    expect(printScript(["SELECT 1 AS a", "CHECKPOINT"], "nonce")).toBe(
      "\\echo nonce\nSELECT coalesce(json_agg(row_to_json(q)), '[]') FROM (SELECT 1 AS a) AS q;\n\\echo nonce\nCHECKPOINT;\n",
    );
  });

  it("that show a setting select it, under the name that SHOW gives it", () => {
    expect(printScript(["SHOW work_mem"], "nonce")).toContain(
      `(SELECT current_setting('work_mem') AS "work_mem")`,
    );
  });

  it("that only begin as a query does are none", () => {
    expect(printScript(["SELECTED"], "nonce")).toBe("\\echo nonce\nSELECTED;\n");
  });

  it("give the rows of each", () => {
    expect(readScript(result('nonce\n[{"a":1}, \n {"a":2}]\nnonce\nnonce\n[]\n'), "nonce")).toEqual([
      [{ a: 1 }, { a: 2 }],
      [],
      [],
    ]);
  });

  it.each([
    ['psql:<stdin>:2: ERROR:  42601: syntax error at or near "x"\n', "42601", 'syntax error at or near "x"'],
    [
      'psql: error: connection to server failed: FATAL:  database "postgres" does not exist\n',
      "3D000",
      'database "postgres" does not exist',
    ],
    ["psql: error: FATAL:  sorry, too many clients already\n", "53300", "sorry, too many clients already"],
    [
      "psql: error: FATAL:  the database system is starting up\n",
      "57P03",
      "the database system is starting up",
    ],
    [
      "psql: error: fe_sendauth: no password supplied\n",
      "28000",
      "cannot reach the server: psql: error: fe_sendauth: no password supplied",
    ],
    ["psql: error: No such file\n", undefined, "cannot reach the server: psql: error: No such file"],
  ])("throw what the server said: %j", (stderr, sqlstate, message) => {
    expect(() => readScript(result("", stderr, 2), "nonce")).toThrowError(
      expect.objectContaining({ sqlstate, message }),
    );
  });
});
