import { describe, expect, test } from "vitest";
import { accessChanges, accessEntries, accessFile, editAccess } from "../../../provider/postgresql/access";
import { lexAccess } from "../../../provider/postgresql/access-lexer";
import { type HbaRecord, ownHba, printHba } from "../../../provider/postgresql/hba";
import { parseHbaRecord, parseIdentRecord } from "../../../provider/postgresql/hba-record";

const app: HbaRecord = {
  type: "host",
  database: "shop",
  user: "app",
  address: "10.0.0.0/8",
  method: "scram-sha-256",
  label: "hba.app",
};
const backup: HbaRecord = { ...app, user: "backup", label: "hba.backup" };
const own = ownHba("postgres");
const wanted = (...records: HbaRecord[]) => accessFile(printHba([...own, ...records])).records;
const texts = (text: string) =>
  lexAccess(text).map(({ fields }) => fields.map((field) => field.map((t) => t.text)));

describe("a line is read as PostgreSQL reads it", () => {
  test.each<[string, string, string[][]]>([
    ["fields between blanks", "host\tall  all\r", [["host"], ["all"], ["all"]]],
    ["a list with blanks after its commas", "local a, b,c all", [["local"], ["a", "b", "c"], ["all"]]],
    ["quotes, with two for one", 'local "a ""b""" all', [["local"], ['a "b"'], ["all"]]],
    ["quotes within a word", 'local a"b c"d all', [["local"], ["ab cd"], ["all"]]],
    ["a comment that touches a word", "local all#x y", [["local"], ["all"]]],
    ["a comma before a comment", "local a,#x", [["local"], ["a"]]],
    ["a line that goes on in the next", "local \\\nall all", [["local"], ["all"], ["all"]]],
    ["a backslash that nothing follows", "local all all trust\\", [["local"], ["all"], ["all"], ["trust"]]],
    ["nothing", "  # only words", []],
    ["an empty name", 'local "" all', [["local"], [""], ["all"]]],
  ])("%s", (_, line, fields) => {
    expect(texts(line)).toEqual([fields]);
  });
});

describe("a record", () => {
  test.each([
    ["host  all\tall  samenet md5", "host all all samenet md5"],
    ['host "shop" "all" +ops 10.0.0.0 255.0.0.0 md5', 'host shop "all" +ops 10.0.0.0 255.0.0.0 md5'],
    ['local "my db",b all peer map="x y"', 'local "my db",b all peer "map=x y"'],
    ['local all +"my group" peer', 'local all +"my group" peer'],
    ['local """x""" all peer', 'local """x""" all peer'],
  ])("%s has one spelling", (line, text) => {
    expect(accessEntries(`${line}\n`)).toEqual([{ label: null, text }]);
    expect(accessEntries(text)).toEqual([{ label: null, text }]);
  });

  test("of ours is known by its label, also where somebody wrote more behind it", () => {
    expect(accessEntries("local all jo peer # pginstance hba.jo (ask ops)\n")[0]?.label).toBe("hba.jo");
    expect(accessEntries("local all jo peer # not pginstance hba.jo\n")[0]?.label).toBeNull();
  });

  test("reads as it was declared", () => {
    const record: HbaRecord = {
      type: "hostssl",
      database: 'shop,"all"',
      user: "+ops",
      address: "10.0.0.0 255.0.0.0",
      method: "ldap",
      options: { ldapserver: "a b", ldapprefix: "cn=" },
    };
    const [entry] = accessEntries(printHba([record]));
    expect(parseHbaRecord(entry?.text ?? "")).toEqual(record);
    expect(parseIdentRecord('apps "jo smith" app')).toEqual({
      map: "apps",
      systemUser: "jo smith",
      databaseUser: "app",
    });
  });
});

test.each<[written: string, declared: string]>([
  ['"a,b"', '"a,b"'],
  ['@"a,b"', '@"a,b"'],
  ['"@a"', '"@a"'],
  ['" "', '" "'],
  ['"""x"""', '"""x"""'],
  ['x"y z"', "xy z"],
])("a name written as %s is declared as %s", (written, declared) => {
  const record = parseHbaRecord(`local ${written} all peer`);
  expect(record.database).toBe(declared);
  expect(accessEntries(printHba([record]))).toEqual(accessEntries(`local ${written} all peer`));
});

describe("the options of a record", () => {
  test.each<[string, Record<string, string>]>([
    ["map=a clientcert=verify-ca", { map: "a", clientcert: "verify-ca" }],
    ["map=a,clientcert=verify-ca", { map: "a", clientcert: "verify-ca" }],
    ['"map=a,b"', { map: "a,b" }],
    ['map="a,b"', { map: "a,b" }],
    ['map="""x"""', { map: '"""x"""' }],
    ["map=a=b", { map: "a=b" }],
  ])("%s", (written, options) => {
    const record = parseHbaRecord(`local all all peer ${written}`);
    expect(record).toEqual({ type: "local", database: "all", user: "all", method: "peer", options });
    expect(parseHbaRecord(accessEntries(printHba([record]))[0]?.text ?? "")).toEqual(record);
  });
});

describe("an edit", () => {
  const ours = printHba([...own, app]);

  test("of what is right changes no byte", () => {
    const text = `${ours}\n# words\nhost all all samenet md5 # theirs`;
    expect(editAccess(text, wanted(app), "keep")).toBe(text);
    expect(accessChanges(accessEntries(text), wanted(app), "keep")).toEqual([]);
  });

  test("leaves what stays where it stands, and puts the others behind what they follow", () => {
    const turned = `${ours.split("\n").filter(Boolean).toReversed().join("\n")}\n`;
    const records = wanted(app, backup).map((record) => ({
      ...record,
      stays: ["own.all", "own.replication"].includes(record.label),
    }));
    expect(accessEntries(editAccess(turned, records, "keep")).map(({ label }) => label)).toEqual([
      "hba.app",
      "hba.backup",
      "own.replication",
      "own.all",
    ]);
  });

  test("takes a record without a label that says the same for ours, and leaves its line", () => {
    const text = ours.replaceAll(/ {2}# pginstance .*/g, "");
    expect(editAccess(text, wanted(app), "keep")).toBe(text);
  });

  test("puts a new record behind the one that it follows, and a changed one in its place", () => {
    const text = `${ours}host all all samenet md5\n`;
    const edited = editAccess(text, wanted({ ...app, method: "md5" }, backup), "keep");
    expect(accessEntries(edited).map(({ label, text }) => label ?? text)).toEqual([
      "own.all",
      "own.replication",
      "hba.app",
      "hba.backup",
      "host all all samenet md5",
    ]);
    expect(edited).toContain("md5  # pginstance hba.app\n");
  });

  test("takes away ours that is no longer wanted, and others' only where it shall", () => {
    const text = `${ours}# theirs\nhost all all samenet md5\n`;
    expect(accessEntries(editAccess(text, wanted(), "keep"))).toHaveLength(3);
    expect(editAccess(text, wanted(), "remove")).toBe(
      text.replace(/.*hba\.app\n/, "").replace("host all all samenet md5\n", ""),
    );
  });

  test("moves the way in before what somebody put in front, and says so", () => {
    const text = `host all all all reject\n${ours}`;
    const changes = accessChanges(accessEntries(text), wanted(app), "keep");
    expect(changes.map(({ label, from, to }) => [label, from === to])).toEqual([
      ["own.all", true],
      ["own.replication", true],
    ]);
    expect(accessEntries(editAccess(text, wanted(app), "keep")).map(({ label }) => label)).toEqual([
      "own.all",
      "own.replication",
      null,
      "hba.app",
    ]);
  });

  test("of an empty file, and of one whose last line has no end, writes whole lines", () => {
    expect(accessEntries(editAccess("", wanted(app), "keep"))).toHaveLength(3);
    expect(editAccess("local all all peer", wanted(app), "keep")).toMatch(/hba\.app\nlocal all all peer$/);
  });

  test("keeps bytes that are no UTF-8, and writes names as UTF-8", () => {
    const latin1 = "local all M\xfcller peer\n";
    const edited = editAccess(latin1, wanted({ ...app, user: "Zürich" }), "keep");
    expect(edited).toContain(latin1);
    expect(Buffer.from(edited, "latin1").toString("utf8")).toContain("Zürich");
    expect(accessChanges(accessEntries(edited), wanted({ ...app, user: "Zürich" }), "keep")).toEqual([]);
  });
});
