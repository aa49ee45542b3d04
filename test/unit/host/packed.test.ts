import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { packing, unpack } from "../../../provider/host/packed";

const script = `${packing}say() { i=0; while [ $i -lt "$1" ]; do printf 'line %s \\0\\n' $i; i=$((i + 1)); done; }
PATH=$1; packed say "$2"`;
const say = (path: string, lines: number) =>
  execFileSync("sh", ["-c", script, "sh", path, String(lines)], { maxBuffer: 2 ** 24 });
const said = (lines: number) =>
  Buffer.from(Array.from({ length: lines }, (_, at) => `line ${at} \0\n`).join(""));

describe("output that is packed", () => {
  it.each([0, 1, 50_000])("is unpacked as it was: %i lines", (lines) => {
    expect(unpack(say("/usr/bin:/bin", lines)).equals(said(lines))).toBe(true);
  });

  it("is small on its way, where the host can", () => {
    expect(say("/usr/bin:/bin", 50_000).length).toBeLessThan(said(50_000).length / 3);
  });

  it("goes as it is where the host has no gzip", () => {
    const printed = say("/nowhere", 1000);
    expect([printed.equals(said(1000)), unpack(printed).equals(said(1000))]).toEqual([true, true]);
  });

  it("is read as far as it came where it was cut off", () => {
    const whole = said(50_000);
    const part = unpack(say("/usr/bin:/bin", 50_000).subarray(0, 20_000));
    expect(part.length).toBeGreaterThan(1000);
    expect(part.equals(whole.subarray(0, part.length))).toBe(true);
  });
});
