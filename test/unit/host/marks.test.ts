import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { Marks } from "../../../provider/host/marks";

const mark = "\n--0123 ";

/** What a follower gets of these chunks, and what comes after the mark. */
async function followed(...chunks: string[]): Promise<{ lines: string[]; found: unknown }> {
  const lines: string[] = [];
  const stream = new PassThrough();
  const marks = new Marks(mark, stream, () => undefined);
  marks.follow((line) => lines.push(line));
  for (const chunk of chunks) {
    stream.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const found = marks.ready && marks.next();
  return { lines, found: found && { ...found, output: found.output.toString() } };
}

describe("whoever follows a stream", () => {
  test.each<[string, string[], string[]]>([
    ["nothing", [`${mark}0\n`], []],
    ["lines", ["one\n", "two\n", `${mark}0\n`], ["one", "two"]],
    ["an empty line", ["one\n\ntwo\n", `${mark}0\n`], ["one", "", "two"]],
    ["a last line without an end", ["one\ntwo", `${mark}0\n`], ["one", "two"]],
    ["all at once", [`one\n${mark}0\n`], ["one"]],
    ["it cut anywhere", ["o", "ne\n", "\n", "--01", "23 0", "\n"], ["one"]],
    ["what looks like the mark", ["one\n--0124 x\n", `${mark}0\n`], ["one", "--0124 x"]],
  ])("gets each line as it comes, of %s, and no mark", async (_, chunks, lines) => {
    expect(await followed(...chunks)).toEqual({ lines, found: { output: "", mark: "0" } });
  });

  test("gets a line before the next one comes", async () => {
    expect(await followed("one\n", "tw")).toEqual({ lines: ["one"], found: false });
  });

  test("gets letters whole that came in halves", async () => {
    const bytes = Buffer.from("ä\n");
    const lines: string[] = [];
    const stream = new PassThrough();
    new Marks(mark, stream, () => undefined).follow((line) => lines.push(line));
    stream.write(bytes.subarray(0, 1));
    stream.write(bytes.subarray(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual(["ä"]);
  });
});
