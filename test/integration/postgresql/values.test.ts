/** The server is the oracle: whatever `postgres -C` makes of a value, `parseValue` must have made of it too. */
import { execFile } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import { parseValue } from "../../../provider/postgresql/values";
import { type Major, majors } from "../../../provider/postgresql/version";
import { asServerUser, obtain } from "../../../scripts/setup/postgresql.mjs";

const run = promisify(execFile);

/** Every way to write a number. The pieces with spaces are apart. */
const numerals = [
  ..."128 +128 -128 -1 0 -0 010 0200 0x80 0X1f 08 08.5 010.5 0x80.8 0x 0x.8 1.5 2.5 3.5 .5 -.5 5. 1e3 1E2 1e 1e+ e5".split(
    " ",
  ),
  ..."1e999 1e-400 1e-320 99999999999999999999 0xfffffffffffffffff 2147483647 2147483648 4294967296".split(
    " ",
  ),
  ..."inf nan 1_000 1,000 --1 +-1 ١ 12x abc 0b11 0o17 1e3.5 1.2.3 0x1p4 0x1.8p3 100000.5 100001.5 1234567.5".split(
    " ",
  ),
  ...["0.00001234567", "", " ", " 128", "128 ", "\t128", " .5", "1 28", "128\r", "- 128"],
];
const units = ["B", "kB", "MB", "GB", "TB", "us", "ms", "s", "min", "h", "d"];
const amounts = ["1", "30.1"].flatMap((amount) => units.map((unit) => amount + unit));
const oddAmounts = [
  ..."KB mb gB b PB M S Min m sec days kBs kB_s 8kB".split(" ").map((unit) => `100${unit}`),
  ..."0x10kB|010kB|100 kB|100 kB |100\tms|100  s|-1ms|-1kB|0kB|0.0005ms|2.5005ms|1e3kB|1ekB|kB|3 min 2".split(
    "|",
  ),
];
const booleans = "on off true false yes no 1 0 t tr tru f fa y ye n o of ON Off TRUE onn 2 -1 00".split(" ");
const words = ["True", "NO", "1", "t", " on", "banana"];
const oldWords = ["archive", "HOT_STANDBY", "debug", "info"];

/** One setting of each base unit and kind, and what to ask about it. */
const questions: Readonly<Record<string, readonly string[]>> = {
  max_connections: [...numerals, ...amounts],
  extra_float_digits: ["-1", "-0", "+2", "-0.5", "2.5"],
  work_mem: [...amounts, ...oddAmounts],
  shared_buffers: amounts,
  max_wal_size: amounts,
  track_activity_query_size: amounts,
  deadlock_timeout: amounts,
  checkpoint_timeout: amounts,
  log_rotation_age: amounts,
  random_page_cost: [...numerals, ...amounts],
  vacuum_cost_delay: [...amounts, ...oddAmounts],
  unix_socket_permissions: ["0700", "511", "512", "0x1ff", "08", "0"],
  autovacuum: [...booleans, ...words],
  wal_buffers: ["-1", "0", "1", "3", "4", "5", "64kB"],
  vacuum_buffer_usage_limit: ["0", "1", "127", "128", "16GB"],
  notify_buffers: ["16", "17", "8kB", "128kB", "1MB"],
  cluster_name: ["", "a b", "it's", "100", "on", "#"],
};

/** A session's own, reset at start. */
const settable = (setting: Setting) =>
  setting.context !== "internal" && setting.name !== "transaction_isolation";

/** Values that only some builds have. The catalog has them all. */
const buildDependent = new Set(["lz4", "zstd", "io_uring", "fsync_writethrough", "clone", "syncfs"]);

const enumWords = ({ enumvals }: Setting) => [
  ...(enumvals ?? []).filter((value) => !buildDependent.has(value)),
  ...words,
  ...oldWords,
];

/** Both sides of both limits. */
const limits = ({ vartype, min, max }: Setting) =>
  vartype === "integer" ? [min, max, Number(min) - 1, Number(max) + 1].map(String) : [];

/** Whose upper limit the server refuses for the sum with other settings. */
const limitedBySum = ["max_connections"];

/** `-C` prints integers in decimal; pg_settings shows file modes in octal. */
const asShown = (setting: Setting, printed: string) =>
  setting.name === "unix_socket_permissions" ? `0${Number(printed).toString(8).padStart(3, "0")}` : printed;

const settingsOf = (major: Major): readonly Setting[] =>
  JSON.parse(readFileSync(join(catalogs, `${major}.json`), "utf8"));
const catalogs = "provider/postgresql/settings-catalog";

describe.each(majors)("PostgreSQL %s", (major) => {
  let directory: string;
  let postgres: string;

  beforeAll(async () => {
    const { binDirectory } = await obtain(major);
    postgres = join(binDirectory, "postgres");
    directory = mkdtempSync(join(tmpdir(), "pginstance-values-"));
    const { uid, gid } = asServerUser();
    if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
    const initdb = ["-D", join(directory, "data"), "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
    await run(join(binDirectory, "initdb"), initdb, { cwd: directory, ...asServerUser() });
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** `undefined` when the server refuses it. */
  const ask = (setting: Setting, text: string) =>
    run(postgres, ["-D", join(directory, "data"), "-c", `${setting.name}=${text}`, "-C", setting.name], {
      cwd: directory,
      timeout: 10_000,
      ...asServerUser(),
    }).then(
      ({ stdout }) => asShown(setting, stdout.replace(/\n$/, "")),
      (error) => {
        if (error.killed || error.code !== 1) throw error;
        return undefined;
      },
    );

  /** `text: what became of it`, from us and from the server. */
  const compare = async (setting: Setting, texts: readonly string[]) => {
    const ours: Record<string, string | undefined> = {};
    const servers: Record<string, string | undefined> = {};
    const answer = async (text: string) => {
      const parsed = parseValue(setting, text);
      ours[text] = parsed.ok ? parsed.value : undefined;
      servers[text] = await ask(setting, text);
    };
    await Promise.all([...new Set(texts)].map(answer));
    expect(ours).toEqual(servers);
  };

  test.for(Object.entries(questions))("reads %s as we do, if it has it", async ([name, texts]) => {
    const setting = findSetting(major, name);
    if (setting) await compare(setting, [...texts, ...(limitedBySum.includes(name) ? [] : limits(setting))]);
  });

  test("reads every enum setting as we do, hidden spellings included", async () => {
    for (const setting of settingsOf(major)) {
      if (setting.vartype === "enum" && settable(setting)) await compare(setting, enumWords(setting));
    }
  }, 180_000);

  test.for(["sort_mem", "vacuum_mem", "ssl_ecdh_curve", "MAX_Connections", "force_parallel_mode", "banana"])(
    "knows the name %s as we do",
    async (name) => {
      const known = await run(postgres, ["-D", join(directory, "data"), "-C", name], asServerUser()).then(
        () => true,
        () => false,
      );
      expect(findSetting(major, name) !== undefined).toBe(known);
    },
  );
});
