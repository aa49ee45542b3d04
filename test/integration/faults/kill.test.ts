/**
 * The provider is killed at every process that it starts, in three operations; the same operation, run again, must end
 * as if nothing had happened. The engine knows nothing of a killed create, and has the old state of a killed update.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { stateDirectory } from "../../../provider/server/target";
import { type Built, builtProvider } from "../../support/built";
import { type Place, place } from "../../support/instances";
import { end, processesIn, processesWith, until } from "../../support/processes";
import { editAsOwner, majors } from "../../support/servers";

const major = "17";
const hook = join(__dirname, "..", "..", "support", "kill-at-spawn.cjs");

/** Before the spawn, right after it without a turn of the event loop, or milliseconds later. */
const afterwards = ["0", "2", "12", "50"];

let built: Built;
let scratch: string;
let at: Place;
let small: Properties;
let large: Properties;

beforeAll(async () => {
  // In memory where that is possible: what a killed process leaves is the same there, and the sweep is long.
  if (existsSync("/dev/shm")) vi.stubEnv("TMPDIR", "/dev/shm");
  expect(majors).toContain(major);
  [built, scratch, at] = await Promise.all([
    builtProvider(),
    mkdtemp(join(tmpdir(), "pginstance-kill-")),
    place(major),
  ]);
  const common = { restartOnChanges: true, superuserPasswordVerifier: verifier };
  small = await at.inputs({ ...common, settings: { max_connections: 40, work_mem: "5MB" } });
  large = await at.inputs({
    ...common,
    restartTriggers: ["again"],
    settings: { max_connections: 50, work_mem: "6MB", log_min_duration_statement: 1000 },
  });
});
afterAll(async () => {
  await at.folder.dispose();
  await built.dispose();
  await rm(scratch, { recursive: true });
});

const verifier =
  "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$cnXrYTRi3C6qLpFa7zJFjKsKbKVBrk2GAIqB3i4Ki1A=:3mbgPnzcvLTYRy5QSYRNX4JqTmhFoAyKkOYyl1Ydwis=";

interface Operation {
  readonly method: "create" | "update" | "delete";
  readonly args: readonly unknown[];
}

interface Ended {
  readonly killed: boolean;
  readonly spawns: number;
  readonly stderr: string;
}

/** Runs an operation in a process of its own. */
async function elsewhere(operation: Operation, killAt = 0, when = "before"): Promise<Ended> {
  const file = join(scratch, "operation.json");
  const count = join(scratch, "count");
  await writeFile(file, JSON.stringify(operation));
  await writeFile(count, "0");
  const program = `
    const { instance } = require(process.argv[1] + "/provider/index.js");
    const { method, args } = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
    instance[method](...args).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;
  const child = spawn(process.execPath, ["--require", hook, "-e", program, built.path, file], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, KILL_AT: String(killAt), KILL_WHEN: when, KILL_COUNT: count },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await once(child, "exit");
  const spawns = Number(await readFile(count, "utf8"));
  if (signal === null && code !== 0) throw new Error(`${operation.method} failed without a kill: ${stderr}`);
  return { killed: signal === "SIGKILL", spawns, stderr };
}

/** What a killed process held goes with it, a moment later. */
async function again<T>(run: () => Promise<T>): Promise<T> {
  return until("the lock of the killed process", () =>
    run()
      .then((value) => ({ value }))
      .catch((error: Error) => {
        if (error.message.includes("is being changed by")) return undefined;
        throw error;
      }),
  ).then(({ value }) => value);
}

/** Everything that should not depend on what happened on the way. */
async function ending(outs: Properties) {
  const data = at.target.dataDirectory;
  const own = stateDirectory(at.target);
  const texts = [
    ...["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"].map((file) =>
      join(data, file),
    ),
    ...["marker.json", "originals.json", "triggers", "made", "step.exit"].map((file) => join(own, file)),
  ];
  const contents = texts.map(async (file) => [
    file,
    anonymous(await readFile(file, "utf8").catch(() => "missing")),
  ]);
  await until("the end of everything but the server", () => processesWith(at.folder.path).length <= 1);
  return {
    outs: JSON.parse(anonymous(JSON.stringify(outs))),
    files: Object.fromEntries(await Promise.all(contents)),
    data: (await readdir(data)).sort(),
    own: (await readdir(own)).sort(),
    folder: (await readdir(at.folder.path)).sort(),
    processes: processesWith(at.folder.path).map(({ argv }) => argv.trim()),
  };
}

/** What is random in each instance. */
function anonymous(text: string): string {
  return text
    .replace(/main-[0-9a-f]{10}/g, "main-random")
    .replace(/("systemIdentifier": ?)"[0-9]+"/g, '$1"number"');
}

type Ending = Awaited<ReturnType<typeof ending>>;

interface Tally {
  kills: number;
  readonly divergences: string[];
}

/** Where two endings are not the same, in a line each. */
function differences(found: unknown, wanted: unknown, path = ""): string[] {
  if (isDeepStrictEqual(found, wanted)) return [];
  if (!isMap(found) || !isMap(wanted)) {
    return [`${path} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`];
  }
  const keys = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...keys].flatMap((key) => differences(found[key], wanted[key], `${path}/${key}`));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function requireSame(found: Ending, wanted: Ending): void {
  const lines = differences(found, wanted);
  if (lines.length > 0) throw new Error(lines.join("; "));
}

/** One kill and what came of it. A divergence does not end the sweep: all of them are wanted. */
async function tried(tally: Tally, what: string, body: () => Promise<void>): Promise<boolean> {
  try {
    await body();
    return true;
  } catch (error) {
    tally.divergences.push(`${what}: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

function report(operation: string, tally: Tally): void {
  process.stdout.write(`${operation}: ${tally.kills} kills, ${tally.divergences.length} divergences\n`);
  expect(tally.divergences).toEqual([]);
  expect(tally.kills).toBeGreaterThan(10);
}

/** The k of both sweeps: before every spawn, and after every other one. */
function sweep(spawns: number): { k: number; when: string }[] {
  const every = Array.from({ length: spawns }, (_, index) => index + 1);
  const later = every.filter((k) => k % 2 === 0);
  const only = process.env.KILL_ONLY?.split(",").map(Number);
  if (only) return only.map((k) => ({ k, when: process.env.KILL_T ?? "before" }));
  return [
    ...every.map((k) => ({ k, when: "before" })),
    ...later.map((k, index) => ({ k, when: afterwards[index % afterwards.length] ?? "0" })),
  ];
}

const destroyed = async () => {
  await until("the end of every process", () => processesWith(at.folder.path).length === 0);
  expect(await readdir(at.folder.path)).toEqual([]);
};

describe(`a provider on PostgreSQL ${major} that is killed at each process it starts`, () => {
  it("in a create and in a delete ends, run again, as one that was not", async () => {
    const creation: Operation = { method: "create", args: [small] };
    const { spawns } = await elsewhere(creation);
    const first = await instance.create(small);
    const wanted: Ending = await ending(first.outs);
    const deletion = await elsewhere({ method: "delete", args: [first.id, first.outs] });
    await destroyed();
    const creates: Tally = { kills: 0, divergences: [] };
    const deletes: Tally = { kills: 0, divergences: [] };
    const deaths = sweep(deletion.spawns);
    for (const { k, when } of sweep(spawns)) {
      const fine = await tried(creates, `create, ${when} ${k}`, async () => {
        if ((await elsewhere(creation, k, when)).killed) creates.kills += 1;
        const { id, outs } = await again(() => instance.create(small));
        requireSame(await ending(outs), wanted);
        const death = deaths.shift();
        if (death === undefined) {
          await instance.delete(id, outs);
          return await destroyed();
        }
        await tried(deletes, `delete, ${death.when} ${death.k}`, async () => {
          const ended = await elsewhere({ method: "delete", args: [id, outs] }, death.k, death.when);
          if (ended.killed) deletes.kills += 1;
          await again(() => instance.delete(id, outs));
          await destroyed();
        });
      });
      if (!fine || (await readdir(at.folder.path)).length > 0) await clear();
    }
    expect(deaths).toEqual([]);
    report("create", creates);
    report("delete", deletes);
  }, 240_000);

  it("in a change with a restart ends, run again, as one that was not", async () => {
    const tally: Tally = { kills: 0, divergences: [] };
    let { id, outs } = await instance.create(small);
    const up = await elsewhere({ method: "update", args: [id, outs, large] });
    const largeOuts = (await instance.update(id, outs, large)).outs;
    const wanted = { large: await ending(largeOuts), small: {} as Ending };
    outs = (await instance.update(id, largeOuts, small)).outs;
    wanted.small = await ending(outs);
    expect(wanted.small.outs).not.toEqual(wanted.large.outs);
    let now: "small" | "large" = "small";
    for (const { k, when } of sweep(up.spawns)) {
      const next = now === "small" ? "large" : "small";
      const news = next === "small" ? small : large;
      const before = outs;
      const fine = await tried(tally, `update to ${next}, ${when} ${k}`, async () => {
        if ((await elsewhere({ method: "update", args: [id, before, news] }, k, when)).killed)
          tally.kills += 1;
        outs = (await again(() => instance.update(id, before, news))).outs;
        now = next;
        requireSame(await ending(outs), wanted[next]);
      });
      if (!fine) {
        await clear();
        ({ id, outs } = await instance.create(small));
        outs = (await instance.update(id, outs, large)).outs;
        outs = (await instance.update(id, outs, small)).outs;
        now = "small";
      }
    }
    await instance.delete(id, outs);
    await destroyed();
    report("update", tally);
  }, 240_000);
});

/** After a divergence: the next kill starts from nothing again. */
async function clear(): Promise<void> {
  for (const pid of [...processesWith(at.folder.path), ...processesIn(at.folder.path)].map((one) => one.pid))
    end(pid);
  await editAsOwner('find "$1" -mindepth 1 -delete', at.folder.path);
}
