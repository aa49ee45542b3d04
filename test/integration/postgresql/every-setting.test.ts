/**
 * Every setting that a superuser may set, with its boot value, its bounds and what lies just outside: what `check` accepts
 * the server accepts in a candidate file, and what it refuses the server refuses.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Setting } from "../../../provider/postgresql/settings";
import { majors } from "../../../provider/postgresql/version";
import { checkSetting } from "../../../provider/schema/settings";
import { settingsOf, wordsOf } from "./catalog";
import { type TestServer, testServer } from "./test-server";

interface Exception {
  readonly value: string;
  readonly reason: string;
}

/** Where the server's answer is another, each with its reason. */
const exceptions: Readonly<Record<string, Exception>> = {
  autovacuum_max_workers: {
    value: "262143",
    reason: "with the other processes it is more than MAX_BACKENDS",
  },
  bonjour: { value: "on", reason: "not in every build" },
  db_user_namespace: {
    value: "on",
    reason: "refused by us: the server would not know its superuser by the name",
  },
  hot_standby: { value: "off", reason: "refused by us: nobody could look after the standby" },
  max_connections: { value: "262143", reason: "with the other processes it is more than MAX_BACKENDS" },
  max_stack_depth: { value: "2147483647", reason: "more than the kernel gives" },
  max_wal_senders: { value: "262143", reason: "with the other processes it is more than MAX_BACKENDS" },
  max_worker_processes: { value: "262143", reason: "with the other processes it is more than MAX_BACKENDS" },
};

/** Asked alone, as they exclude others that the same file would have. */
const alone = new Set(["log_statement_stats"]);

/** What is no value of a setting, and what is one but for a little. */
const outside: { readonly [type in Setting["vartype"]]: (setting: Setting) => string[] } = {
  bool: () => ["perhaps", "2", ""],
  enum: () => ["banana", ""],
  string: () => [],
  integer: ({ min, max }) => [String(Number(min) - 1), String(Number(max) + 1), "x", ""],
  real: ({ min, max }) => [below(Number(min)), above(Number(max)), "x", ""],
};
const inside: { readonly [type in Setting["vartype"]]: (setting: Setting) => string[] } = {
  bool: () => ["on", "off"],
  enum: (setting) => [...wordsOf(setting)],
  string: () => [],
  integer: ({ min, max }) => [String(min), String(max)],
  real: ({ min, max }) => [String(min), String(max)],
};
const below = (least: number) => String(least - Math.max(1e-6, Math.abs(least) * 1e-6));
const above = (most: number) => (most > 1e300 ? "1e309" : String(most + Math.max(1e-6, most * 1e-6)));

interface Question {
  readonly name: string;
  readonly value: string;
  readonly accepted: boolean;
}

describe.each(majors)("of PostgreSQL %s", (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer(major);
    // What it says comes after the candidate.
    await server.write("postgresql.auto.conf", "");
  });
  afterAll(() => server?.remove());

  const settings = settingsOf(major).filter(({ context }) => context !== "internal");
  /** Those that are the program's own affair; `checkSetting` says why, whatever the value is. */
  const ours = settings.filter(({ name }) => checkSetting(major, name, null) !== undefined);
  const asked = settings.filter((setting) => !ours.includes(setting));

  const questionsOf = (setting: Setting): Question[] => {
    const { name, vartype, bootValue } = setting;
    const values = new Set([
      ...(bootValue === null ? [] : [bootValue]),
      ...inside[vartype](setting),
      ...outside[vartype](setting),
    ]);
    return [...values]
      .filter((value) => exceptions[name]?.value !== value)
      .map((value) => ({ name, value, accepted: checkSetting(major, name, value) === undefined }));
  };

  /** Names of those that the server refuses; it names most of them at once, and the rest is halved until it is found. */
  async function refused(lines: readonly Question[]): Promise<string[]> {
    if (lines.length === 0) return [];
    const text = lines.map(
      ({ name, value }) => `${name} = '${value.replaceAll("'", "''").replaceAll("\\", "\\\\")}'\n`,
    );
    await server.write("candidate.conf", text.join(""));
    const argv = ["-D", server.dataDirectory, `--config-file=${server.dataDirectory}/candidate.conf`];
    const words = await server.run("postgres", ...argv, "-C", "event_source").then(
      () => undefined,
      ({ stderr }: { stderr: string }) => stderr,
    );
    if (words === undefined) return [];
    if (lines.length === 1) return lines.map(({ name }) => name);
    const named = new Set([...words.matchAll(/parameter "([^"]+)"/g)].map(([, name]) => name));
    const rest = lines.filter(({ name }) => !named.has(name));
    if (rest.length < lines.length) {
      const known = lines.filter(({ name }) => named.has(name)).map(({ name }) => name);
      return [...known, ...(await refused(rest))];
    }
    const half = lines.length >> 1;
    return [...(await refused(lines.slice(0, half))), ...(await refused(lines.slice(half)))];
  }

  test("each is accepted and refused as the server does it", async () => {
    const questions = asked.map(questionsOf);
    const rounds = Math.max(...questions.map(({ length }) => length));
    const wrong: string[] = [];
    const counts = { accepted: 0, refused: 0 };
    for (let round = 0; round < rounds; round++) {
      // Right ones and wrong ones apart: one wrong one may hide that another is refused for it.
      for (const accepted of [true, false]) {
        const lines = questions.flatMap((all) => all.filter((one) => one.accepted === accepted)[round] ?? []);
        const apart = lines.filter(({ name }) => alone.has(name));
        const names = new Set(await refused(lines.filter((one) => !apart.includes(one))));
        for (const one of apart) for (const name of await refused([one])) names.add(name);
        counts[accepted ? "accepted" : "refused"] += lines.length;
        const differing = lines.filter(({ name }) => names.has(name) === accepted);
        wrong.push(
          ...differing.map(
            ({ name, value }) => `${name} = '${value}': ${accepted ? "accepted" : "refused"} by us alone`,
          ),
        );
      }
    }
    const left = Object.keys(exceptions).filter((name) =>
      asked.some((setting) => setting.name === name),
    ).length;
    console.log(
      `${major}: ${asked.length} settings, ${counts.accepted} values accepted, ${counts.refused} refused, ${wrong.length} divergences; ` +
        `${left} values left out; ${ours.length} settings are never taken (${ours.map(({ name }) => name).join(", ")})`,
    );
    expect(wrong).toEqual([]);
  });
});
