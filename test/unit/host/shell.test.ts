import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { printfFormat, quote, sectionFunction, sections } from "../../../provider/host/shell";

describe("a format for printf", () => {
  it("is made of any bytes into the same bytes, NUL and percent signs among them", () => {
    const bytes = Buffer.from([...Array(256).keys(), ...Buffer.from("100%d \\000 7\x008 -n")]);
    const script = 'printf "$1"';
    expect(execFileSync("sh", ["-c", script, "sh", printfFormat(bytes)])).toEqual(bytes);
  });
});

describe("a quoted word", () => {
  it.each(["", "plain", "it's", "$(id) `id` \\ \" ' !", "two\nlines\n", "-n", "é 中 🐘"])(
    "is %j to a shell",
    (word) => {
      const printed = execFileSync("sh", ["-c", `printf %s ${quote(word)}`]).toString("utf8");
      expect(printed).toBe(word);
    },
  );

  it("cannot hold a NUL", () => {
    expect(() => quote("a\0b")).toThrow("NUL");
  });
});

describe("several outputs in one", () => {
  /** What the shell function prints for these contents, read back. */
  function roundTrip(contents: Readonly<Record<string, Buffer>>, nonce?: string) {
    const output = sections();
    const chunks = Object.entries(contents).flatMap(([name, content]) => [
      Buffer.from(`\n--${nonce ?? output.nonce} ${name}\n`),
      content,
    ]);
    return output.parse(Buffer.concat(chunks));
  }

  it("come back byte for byte: NUL, bytes that are no text, line ends at both ends", () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const contents = {
      all,
      lines: Buffer.from("\n\n a \n\n"),
      "no end": Buffer.from("x"),
      empty: Buffer.alloc(0),
    };
    expect([...roundTrip(contents)]).toEqual(Object.entries(contents));
  });

  it("are not ended by content that looks like a section", () => {
    const other = sections().nonce;
    const hostile = Buffer.from(`first\n--${other} two\n-- two\n\n--\n`);
    const parts = roundTrip({ one: hostile, two: Buffer.from("second") });
    expect([...parts.keys()]).toEqual(["one", "two"]);
    expect(parts.get("one")).toEqual(hostile);
    expect(parts.get("two")?.toString()).toBe("second");
  });

  it("have a nonce that is another one each time", () => {
    const nonces = Array.from({ length: 100 }, () => sections().nonce);
    expect(new Set(nonces).size).toBe(100);
    expect(nonces.every((nonce) => /^[0-9a-f]{32}$/.test(nonce))).toBe(true);
  });

  it("are none when the output has none, or those of another call", () => {
    expect(sections().parse(Buffer.from("sh: not found\n")).size).toBe(0);
    expect(roundTrip({ one: Buffer.from("1") }, "0".repeat(32)).size).toBe(0);
  });

  it("are printed by the shell function in the form that is read, noise before the first ignored", () => {
    const output = sections();
    const script = `${sectionFunction}echo noise\nsection "bin /a b"; printf 'x\\n'; section empty; section last; printf '%s' "$1"`;
    const printed = execFileSync("sh", ["-c", script, "sh", output.nonce, "rest"]);
    const read = [...output.parse(printed)].map(([name, content]) => [name, content.toString()]);
    expect(read).toEqual([
      ["bin /a b", "x\n"],
      ["empty", ""],
      ["last", "rest"],
    ]);
  });
});
