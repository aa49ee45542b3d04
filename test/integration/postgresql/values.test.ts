/** The server is the oracle: whatever a session or `postgres -C` makes of a value, `parseValue` must have made of it too. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import { parseValue } from "../../../provider/postgresql/values";
import { majors } from "../../../provider/postgresql/version";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import { settingsOf, wordsOf } from "./catalog";
import { type TestServer, testServer } from "./test-server";

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

const enumWords = (setting: Setting) => [...wordsOf(setting), ...words, ...oldWords];

/** Both sides of both limits. */
const limits = ({ vartype, min, max }: Setting) =>
  vartype === "integer" ? [min, max, Number(min) - 1, Number(max) + 1].map(String) : [];

/** Whose upper limit the server refuses for the sum with other settings. */
const limitedBySum = ["max_connections"];

/** `-C` prints integers in decimal; pg_settings shows file modes in octal. */
const asShown = (setting: Setting, printed: string) =>
  setting.name === "unix_socket_permissions" ? `0${Number(printed).toString(8).padStart(3, "0")}` : printed;

/** Those that a session may set it answers itself, many at once; for the others a process has to begin each time. */
const inSession = `CREATE FUNCTION ask(name text, texts text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
  DECLARE answer text; given text;
  BEGIN
    FOREACH given IN ARRAY texts LOOP
      BEGIN
        answer := NULL;
        PERFORM set_config(ask.name, given, true);
        SELECT setting INTO answer FROM pg_settings s WHERE s.name = ask.name;
        PERFORM set_config(ask.name, (SELECT reset_val FROM pg_settings s WHERE s.name = ask.name), true);
      EXCEPTION WHEN invalid_parameter_value THEN
      END;
      RETURN NEXT answer;
    END LOOP;
  END $$`;
const isSessions = ({ context }: Setting) => context === "user" || context === "superuser";

/** A record each, with a zero byte at its end: what was printed, a point, the exit code. */
const inProcesses = `postgres=$1 data=$2 name=$3; shift 3
for text; do
  said=$("$postgres" -D "$data" -c "$name=$text" -C "$name" 2>/dev/null; echo ".$?")
  printf '%s\\0' "$said"
done`;

describe.each(majors)("PostgreSQL %s", (major) => {
  let server: TestServer;
  let client: Client;
  let postgres: string;

  beforeAll(async () => {
    server = await testServer(major);
    postgres = join(server.binDirectory, "postgres");
    await server.start();
    client = await server.connect();
    await client.query(inSession);
  });
  afterAll(() => server?.remove());

  /** `undefined` where the server refuses one. */
  async function ask(setting: Setting, texts: readonly string[]): Promise<(string | undefined)[]> {
    if (isSessions(setting)) {
      const { rows } = await client.query("SELECT ask($1, $2) AS answer", [setting.name, texts]);
      return rows.map(({ answer }) => answer ?? undefined);
    }
    const argv = ["-c", inProcesses, "sh", postgres, server.dataDirectory, setting.name, ...texts];
    const { stdout } = await run("sh", argv, { cwd: "/", timeout: 60_000, ...asServerUser() });
    return stdout
      .split("\0")
      .slice(0, -1)
      .map((said) => {
        const [, printed = "", code] = /^(.*?)\n?\.(\d+)$/s.exec(said) ?? [];
        if (code !== "0" && code !== "1") throw new Error(`${setting.name}: exit code ${code}`);
        return code === "0" ? asShown(setting, printed) : undefined;
      });
  }

  /** `text: what became of it`, from us and from the server. */
  const compare = async (setting: Setting, given: readonly string[]) => {
    const texts = [...new Set(given)];
    const answers = await ask(setting, texts);
    expect(answers).toHaveLength(texts.length);
    const servers = Object.fromEntries(texts.map((text, index) => [text, answers[index]]));
    const ours = Object.fromEntries(
      texts.map((text) => {
        const parsed = parseValue(setting, text);
        return [text, parsed.ok ? parsed.value : undefined];
      }),
    );
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
      const known = await run(postgres, ["-D", server.dataDirectory, "-C", name], asServerUser()).then(
        () => true,
        () => false,
      );
      expect(findSetting(major, name) !== undefined).toBe(known);
    },
  );
});
