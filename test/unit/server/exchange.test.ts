import { describe, expect, it } from "vitest";
import { printExchange, readExchange } from "../../../provider/server/exchange";

const exchange = { user: "postgres", database: "postgres", statements: ["SELECT 1", "SELECT 2"] };

/** A message of the server: its letter, its length, its body. */
function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
const text = (value: string) => Buffer.from(`${value}\0`);
const authenticationOk = message("R", Buffer.from([0, 0, 0, 0]));
const ready = message("Z", Buffer.from("I"));
const complete = message("C", text("SELECT 1"));
const failed = message(
  "E",
  Buffer.concat([text("SERROR"), text("C42601"), text("Msyntax error"), Buffer.alloc(1)]),
);

/** One column of type boolean and name `a`. */
const description = message(
  "T",
  Buffer.concat([
    Buffer.from([0, 1]),
    text("a"),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]),
  ]),
);
const row = message("D", Buffer.from([0, 1, 0, 0, 0, 1, "t".charCodeAt(0)]));

describe("a session in one message each way", () => {
  it("has one Sync and the farewell behind all statements, so that an error skips the rest of them", () => {
    const sent = printExchange(exchange);
    expect(sent.subarray(-10).toString("latin1")).toBe("S\0\0\0\u0004X\0\0\0\u0004");
    expect(sent.indexOf("SELECT 1")).toBeLessThan(sent.indexOf("SELECT 2"));
  });

  it("turns sampling of transactions off as the session begins, when it is decided", () => {
    expect(printExchange(exchange).toString("latin1")).toContain("-c log_transaction_sample_rate=0");
  });

  it("gives the rows of each statement, in the types of PostgreSQL", async () => {
    const answer = Buffer.concat([authenticationOk, description, row, row, complete, complete, ready]);
    expect(await readExchange(answer, 2)).toEqual([[{ a: true }, { a: true }], []]);
  });

  it("throws the server's error with its code", async () => {
    const answer = Buffer.concat([authenticationOk, failed, ready]);
    await expect(readExchange(answer, 2)).rejects.toMatchObject({
      message: "syntax error",
      sqlstate: "42601",
    });
  });

  it("throws when the server asks for a password", async () => {
    const sasl = message(
      "R",
      Buffer.concat([Buffer.from([0, 0, 0, 10]), text("SCRAM-SHA-256"), Buffer.alloc(1)]),
    );
    await expect(readExchange(sasl, 1)).rejects.toMatchObject({ sqlstate: "28000" });
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half of it", Buffer.concat([authenticationOk, description])],
    ["less than was asked", Buffer.concat([authenticationOk, complete, ready])],
  ])("throws when %s came back", async (_, answer) => {
    await expect(readExchange(answer, 2)).rejects.toThrow("the server ended the connection");
  });

  it("throws what is known of why it was cut off, unless the server itself has said something", async () => {
    const words = "no answer within 1 s";
    await expect(readExchange(authenticationOk, 1, words)).rejects.toThrow(words);
    await expect(readExchange(Buffer.concat([authenticationOk, failed]), 1, words)).rejects.toThrow(
      "syntax error",
    );
  });
});
