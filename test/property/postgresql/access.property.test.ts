import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accessChanges, accessEntries, accessFile, editAccess } from "../../../provider/postgresql/access";
import { lexAccess } from "../../../provider/postgresql/access-lexer";
import { type HbaRecord, ownHba, printHba, recordTypes } from "../../../provider/postgresql/hba";
import { parseHbaRecord, parseIdentRecord } from "../../../provider/postgresql/hba-record";
import { printIdent } from "../../../provider/postgresql/ident";
import { runs } from "../../support/runs";

const name = fc.string({ unit: fc.constantFrom(...'aZ1_-.+@/ ,#\\é"'), minLength: 1, maxLength: 8 });
const plain = fc.string({ unit: fc.constantFrom(...'aZ1_-. é#\\"'), minLength: 1, maxLength: 8 });

const record: fc.Arbitrary<Omit<HbaRecord, "label">> = fc
  .record({
    type: fc.constantFrom(...recordTypes),
    database: plain,
    user: plain,
    address: fc.constantFrom("10.0.0.0/8", "10.0.0.0 255.0.0.0", "::1/128", "db1.example.com", "all"),
    method: fc.constantFrom("md5", "scram-sha-256", "ldap"),
    options: fc.option(fc.dictionary(fc.constantFrom("map", "ldapserver"), name, { minKeys: 1 }), {
      nil: undefined,
    }),
  })
  .map(({ address, options, ...rest }) => ({
    ...rest,
    ...(rest.type !== "local" && { address }),
    ...(options && { options: Object.fromEntries(Object.entries(options)) }),
  }));

const wanted = fc
  .dictionary(fc.constantFrom("app", "backup", "zone", "x.y"), record)
  .map((records) =>
    accessFile(
      printHba([
        ...ownHba("postgres"),
        ...Object.entries(records).map(([label, one]) => ({ ...one, label: `hba.${label}` })),
      ]),
    ),
  );

/** Lines as somebody may have left them. */
const line = fc.oneof(
  fc.constantFrom("", "# words", "local all all peer", "include other.conf", "host all \\", '"', "a,", ",#"),
  record.map((one) => printHba([one]).split("\n")[1] ?? ""),
  fc.string({ unit: fc.constantFrom(...'local "#,\\\t\xfc@+'), maxLength: 30 }),
);
const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n"));
const mode = fc.constantFrom("keep" as const, "remove" as const);

describe("for every file and every wish", () => {
  test("an edit leaves nothing to edit, and its records stand there in their order, the way in first", () => {
    fc.assert(
      fc.property(text, wanted, wanted, mode, (foreign, before, now, unmanaged) => {
        const first = editAccess(foreign, before.records, "keep");
        const edited = editAccess(first, now.records, unmanaged);
        const entries = accessEntries(edited);
        expect(accessChanges(entries, now.records, unmanaged)).toEqual([]);
        expect(editAccess(edited, now.records, unmanaged)).toBe(edited);
        expect(entries.slice(0, 2).map((entry) => entry.text)).toEqual(
          now.records.slice(0, 2).map((one) => one.text),
        );
      }),
      runs(1000),
    );
  });

  test("with keep, every line of others stays as it was, in its order", () => {
    fc.assert(
      fc.property(text, wanted, (foreign, { records }) => {
        const mine = new Set(records.map((one) => one.text));
        const others = (all: string) =>
          lexAccess(all)
            .filter(
              (one) => !mine.has(accessEntries(one.text)[0]?.text ?? "") && !one.text.includes("pginstance"),
            )
            .map((one) => one.text.replace(/[\r\n]+$/, ""));
        expect(others(editAccess(foreign, records, "keep"))).toEqual(others(foreign));
      }),
      runs(1000),
    );
  });

  test("a record that is printed reads as it was, and never leaves its line", () => {
    fc.assert(
      fc.property(record, (one) => {
        const lines = accessEntries(printHba([one]));
        expect(lines).toHaveLength(1);
        const again = parseHbaRecord(lines[0]?.text ?? "");
        expect(accessEntries(printHba([again]))).toEqual(lines);
      }),
      runs(1000),
    );
  });

  test("a record of pg_ident.conf that is printed reads as it was, and never leaves its line", () => {
    fc.assert(
      fc.property(name, name, name, (map, systemUser, databaseUser) => {
        const lines = accessEntries(printIdent([{ map, systemUser, databaseUser }]));
        expect(lines).toHaveLength(1);
        const again = parseIdentRecord(lines[0]?.text ?? "");
        expect(accessEntries(printIdent([again]))).toEqual(lines);
      }),
      runs(1000),
    );
  });

  test("any text is read to its last byte", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (any) => {
        expect(
          lexAccess(any)
            .map((one) => one.text)
            .join(""),
        ).toBe(any);
      }),
      runs(1000),
    );
  });
});
