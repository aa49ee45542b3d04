import { describe, expect, it } from "vitest";
import { printJson, printLines, printTable } from "../../../../sdk/cli/table";

describe("a table", () => {
  it("has columns as wide as what is in them, and nothing behind the last", () => {
    const rows = [
      ["orders", "5433", ""],
      ["a", "-", "größer"],
    ];
    expect(printTable(["NAME", "PORT", "PROBLEM"], rows)).toBe(
      ["NAME    PORT  PROBLEM", "orders  5433", "a       -     größer"].join("\n"),
    );
  });

  it("is its head alone where there are no rows", () => {
    expect(printTable(["NAME", "PORT"], [])).toBe("NAME  PORT");
  });

  it("counts characters, not their code units", () => {
    expect(printTable(["A", "B"], [["🐘", "x"]])).toBe("A  B\n🐘  x");
  });

  it("shows what would steer the terminal, or break the line", () => {
    expect(printTable(["A"], [["x\u001b[31m\ny\u009b\u007f"]])).toBe("A\nx\\u001b[31m\\ny\\u009b\\u007f");
  });
});

describe("a text of several lines", () => {
  it("keeps them, indented, and nothing else that steers", () => {
    expect(printLines("one\ntwo\r\t", "  ")).toBe("one\n  two\\r\\t");
  });
});

describe("JSON", () => {
  it("is one document", () => {
    expect(JSON.parse(printJson([{ a: null }]))).toEqual([{ a: null }]);
  });
});
