import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locate } from "../../../provider/server/files";

/** Where the configuration of a cluster lies, by what is in its data directory. */
describe.each(["sh", "bash"])("the configuration is found by %s", (shell) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pginstance-files-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  let number = 0;
  function found(files: Readonly<Record<string, string>>): Record<string, string> {
    number += 1;
    const data = join(folder, String(number));
    mkdirSync(data);
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(data, name), text.replaceAll("DATA", data));
    }
    const script = `data=$1\n${locate}locate\nprintf '%s\\n' "$conf" "$hba" "$ident" "$elsewhere"`;
    const lines = execFileSync(shell, ["-c", script, shell, data], { encoding: "utf8" })
      .replaceAll(data, "DATA")
      .split("\n");
    const [conf = "", hba = "", ident = "", elsewhere = ""] = lines;
    return { conf, hba, ident, elsewhere };
  }

  const inData = {
    conf: "DATA/postgresql.conf",
    hba: "DATA/pg_hba.conf",
    ident: "DATA/pg_ident.conf",
    elsewhere: "",
  };
  const opts = (words: string) => ({ "postmaster.opts": `/usr/lib/postgresql/17/bin/postgres ${words}\n` });
  const conf = (text: string) => ({ "postgresql.conf": text });

  it.each<[what: string, files: Record<string, string>, changed: object]>([
    ["in the data directory", conf("port = 5433\n"), {}],
    ["and before there is any", {}, {}],
    ["where the server was started without a word on it", { ...conf(""), ...opts('"-D" "DATA"') }, {}],
    [
      "where it was told that very file",
      { ...conf(""), ...opts('"-c" "config_file=DATA/postgresql.conf"') },
      {},
    ],
    [
      "where its server was told to look",
      {
        ...conf(""),
        "my own.conf": "",
        ...opts('"-D" "DATA" "-c" "config_file=DATA/my own.conf" "-p" "5433"'),
      },
      { conf: "DATA/my own.conf", elsewhere: "DATA/my own.conf" },
    ],
    [
      "where it was told so as an option",
      { ...conf(""), "pg.conf": "", ...opts('"--config-file=DATA/pg.conf"') },
      { conf: "DATA/pg.conf", elsewhere: "DATA/pg.conf" },
    ],
    ["not where that is gone", { ...conf(""), ...opts('"-c" "config_file=/nowhere/pg.conf"') }, {}],
    [
      "not at a path that depends on where it was started",
      { ...conf(""), ...opts('"-c" "config_file=pg.conf"') },
      {},
    ],
    [
      "with records of access at another place each",
      conf("hba_file = '/etc/pg/hba.conf'  # ours\nIDENT_FILE='/etc/pg/my ident'\n"),
      { hba: "/etc/pg/hba.conf", ident: "/etc/pg/my ident" },
    ],
    ["by the last line", conf("hba_file = '/a'\nhba_file '/etc/pg/b.conf'\n"), { hba: "/etc/pg/b.conf" }],
    ["not by a comment, nor by a relative path", conf("#hba_file = '/a/b'\nident_file = 'ident.conf'\n"), {}],
  ])("%s", (_, files, changed) => {
    expect(found(files)).toEqual({ ...inData, ...changed });
  });
});
