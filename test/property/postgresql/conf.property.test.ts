import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesToText,
  confEntries,
  confErrors,
  editConf,
  parseConf,
  printConf,
} from "../../../provider/postgresql/conf";
import { runs } from "../../support/runs";

const latin1 = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const byteText = fc.string({ unit: latin1 });
/** Lines made of what the scanner knows, so that many are right and many are nearly right. */
const piece = fc.constantFrom(
  ..."work_mem|Work_Mem|port|a.b|include|=| |\t|'|''|\\|\\'|#|\r|\n|\r\n|-1|0x1f|4MB|1.5|'x'|'a # b'|é|\xff|.|,|\0".split(
    "|",
  ),
);
const text = fc.oneof(
  byteText,
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
);
const name = fc.constantFrom("work_mem", "WORK_MEM", "port", "a.b", "new_one");
const distinct = fc.constantFrom("work_mem", "Port", "a.b", "new_one");
const value = fc
  .oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("'", "\\", "#", " ", "n", "0", "-", ".", "e") }),
  )
  .filter((candidate) => !/[\0\r\n]|\p{Surrogate}/u.test(candidate));

const last = (document: string, setting: string) =>
  confEntries(parseConf(document)).findLast((entry) => entry.name === setting.toLowerCase());

describe("a postgresql.conf", () => {
  test("prints as it was", () => {
    fc.assert(
      fc.property(text, (before) => {
        expect(printConf(parseConf(before))).toBe(before);
      }),
      runs(2000),
    );
  });

  test("reads back what an edit wrote", () => {
    fc.assert(
      fc.property(text, name, value, (before, setting, wanted) => {
        const entry = last(editConf(before, { [setting]: wanted }), setting);
        expect(bytesToText(entry?.value ?? "absent")).toBe(wanted);
      }),
      runs(2000),
    );
  });

  test("keeps every other line byte for byte, and no value leaves its line", () => {
    fc.assert(
      fc.property(text, name, value, (before, setting, wanted) => {
        const old = parseConf(before).lines.map((line) => line.text);
        const edited = parseConf(editConf(before, { [setting]: wanted }));
        const place = last(before, setting)?.line;
        if (place !== undefined) {
          expect(edited.lines.map((line) => line.text).toSpliced(place - 1, 1)).toEqual(
            old.toSpliced(place - 1, 1),
          );
        } else {
          expect(edited.lines).toHaveLength(old.length + 1);
          expect(printConf({ lines: edited.lines.slice(0, -1) }).startsWith(before)).toBe(true);
        }
        expect(confErrors(edited)).toHaveLength(confErrors(parseConf(before)).length);
      }),
      runs(2000),
    );
  });

  test("is the same after the same edit again", () => {
    fc.assert(
      fc.property(text, fc.dictionary(distinct, fc.option(value)), (before, changes) => {
        const once = editConf(before, changes);
        expect(editConf(once, changes)).toBe(once);
      }),
      runs(2000),
    );
  });

  test("has no line left that sets a removed name, and all others", () => {
    fc.assert(
      fc.property(text, name, (before, setting) => {
        const after = editConf(before, { [setting]: null });
        expect(last(after, setting)).toBeUndefined();
        const sets = new Set(
          confEntries(parseConf(before)).flatMap((entry) =>
            entry.name === setting.toLowerCase() ? [entry.line] : [],
          ),
        );
        expect(after).toBe(
          parseConf(before)
            .lines.filter((_, index) => !sets.has(index + 1))
            .map((line) => line.text)
            .join(""),
        );
      }),
      runs(1000),
    );
  });
});
