import { describe, expect, test } from "vitest";
import {
  type ConfFiles,
  noFiles,
  readConfTree,
  settledElsewhere,
} from "../../../provider/postgresql/conf-tree";

const main = "/data/postgresql.conf";

const files = (texts: Record<string, string>, directories: Record<string, string[]> = {}): ConfFiles => ({
  texts: new Map(Object.entries(texts)),
  directories: new Map(Object.entries(directories)),
});
const entries = (text: string, found: ConfFiles) =>
  readConfTree(main, text, found).entries.map(
    ({ name, value, file, line }) => `${file}:${line} ${name} ${value}`,
  );

describe("postgresql.conf with what it includes", () => {
  test("says first what has to be read", () => {
    const text = "include 'a.conf'\ninclude_dir = '/etc/pg/conf.d/'\ninclude_if_exists 'b.conf'\n";
    expect(readConfTree(main, text, noFiles).missing).toEqual([
      { directive: "include", path: "/data/a.conf" },
      { directive: "include_dir", path: "/etc/pg/conf.d" },
      { directive: "include_if_exists", path: "/data/b.conf" },
    ]);
  });

  test("reads each in the place of its line, relative to the file that names it", () => {
    const found = files(
      { "/etc/pg/a.conf": "work_mem = 2MB\ninclude 'sub/b.conf'", "/etc/pg/sub/b.conf": "work_mem = 3MB" },
      {},
    );
    expect(entries("work_mem = 1MB\ninclude '/etc/pg/a.conf'\nport = 1", found)).toEqual([
      "/data/postgresql.conf:1 work_mem 1MB",
      "/etc/pg/a.conf:1 work_mem 2MB",
      "/etc/pg/sub/b.conf:1 work_mem 3MB",
      "/data/postgresql.conf:3 port 1",
    ]);
  });

  test("reads a directory file by file, and asks for those that it has not seen", () => {
    const found = files({ "/data/d/1.conf": "a.b = 1" }, { "/data/d": ["/data/d/1.conf", "/data/d/2.conf"] });
    const tree = readConfTree(main, "include_dir 'd'", found);
    expect(tree.entries).toHaveLength(1);
    expect(tree.missing).toEqual([{ directive: "include", path: "/data/d/2.conf" }]);
  });

  test("comes to an end where a file includes itself", () => {
    expect(entries("include 'x.conf'", files({ "/data/x.conf": "a.b = 1\ninclude 'x.conf'" }))).toHaveLength(
      10,
    );
  });

  test("tells which settings an included file has the last word on", () => {
    const found = files({ "/data/a.conf": "work_mem = 2MB\nport = 2" });
    const tree = readConfTree(main, "work_mem = 1MB\ninclude 'a.conf'\nport = 3", found);
    expect([...settledElsewhere(main, tree.entries)]).toEqual(["work_mem"]);
  });
});
