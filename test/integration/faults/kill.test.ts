/**
 * The provider is killed at every process that it starts and every message that it sends to one, in three operations;
 * the same operation, run again, must end as if nothing had happened. The engine knows nothing of a killed create, and has the old state of a killed update.
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
import { editAsOwner } from "../../support/servers";

const major = "17";
const hook = join(__dirname, "..", "..", "support", "kill-at-spawn.cjs");

/** Without a turn of the event loop, or milliseconds later. */
const afterwards = ["0", "2", "12", "50"];

const verifier =
  "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$cnXrYTRi3C6qLpFa7zJFjKsKbKVBrk2GAIqB3i4Ki1A=:3mbgPnzcvLTYRy5QSYRNX4JqTmhFoAyKkOYyl1Ydwis=";

let built: Built;
let scratch: string;

beforeAll(async () => {
  // In memory where that is possible: what a killed process leaves is the same there, and the sweep is long.
  if (existsSync("/dev/shm")) vi.stubEnv("TMPDIR", "/dev/shm");
  [built, scratch] = await Promise.all([builtProvider(), mkdtemp(join(tmpdir(), "pginstance-kill-"))]);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await built.dispose();
  await rm(scratch, { recursive: true });
});

interface Operation {
  readonly method: "create" | "update" | "delete";
  readonly args: readonly unknown[];
}

/** Around which spawn or write, and when: `before` it, at `half` of a write, or milliseconds after. */
interface Kill {
  readonly k: number;
  readonly when: string;
}

const program = `
  const { instance } = require(process.argv[1] + "/provider/index.js");
  const { method, args } = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
  instance[method](...args).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;

/** Runs an operation in a process of its own; says whether it was killed, and what it did: spawns and writes, a letter each. */
async function elsewhere(operation: Operation, kill?: Kill): Promise<{ killed: boolean; points: string }> {
  const folder = await mkdtemp(join(scratch, "run-"));
  const file = join(folder, "operation.json");
  const seen = join(folder, "points");
  await writeFile(file, JSON.stringify(operation));
  await writeFile(seen, "");
  const child = spawn(process.execPath, ["--require", hook, "-e", program, built.path, file], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: join(scratch, "cache"),
      KILL_AT: String(kill?.k ?? 0),
      KILL_WHEN: kill?.when,
      KILL_POINTS: seen,
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await once(child, "exit");
  const points = await readFile(seen, "utf8");
  if (signal === null && code !== 0) throw new Error(`${operation.method} failed without a kill: ${stderr}`);
  return { killed: signal === "SIGKILL", points };
}

/** What a killed process held goes with it, a moment later. */
async function again<T>(run: () => Promise<T>): Promise<T> {
  const { value } = await until("the lock of the killed process", () =>
    run()
      .then((value) => ({ value }))
      .catch((error: Error) => {
        if (error.message.includes("is being changed by")) return undefined;
        throw error;
      }),
  );
  return value;
}

/** Everything that must not depend on what happened on the way. */
async function ending(at: Place, outs: Properties) {
  const data = at.target.dataDirectory;
  const own = stateDirectory(at.target);
  const texts = [
    ...["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"].map((file) =>
      join(data, file),
    ),
    ...["marker.json", "originals.json", "triggers", "made", "step.exit"].map((file) => join(own, file)),
  ];
  const contents = texts.map(async (file) => {
    return [file, anonymous(await readFile(file, "utf8").catch(() => "missing"))];
  });
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

type Ending = Awaited<ReturnType<typeof ending>>;

/** Without what is random in each instance. */
function anonymous(text: string): string {
  return text
    .replace(/main-[0-9a-f]{10}/g, "main-random")
    .replace(/("systemIdentifier": ?)"[0-9]+"/g, '$1"number"');
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

async function requireEnding(at: Place, outs: Properties, wanted: Ending): Promise<void> {
  const lines = differences(await ending(at, outs), wanted);
  if (lines.length > 0) throw new Error(lines.join("; "));
}

async function requireNothing(at: Place): Promise<void> {
  await until("the end of every process", () => processesWith(at.folder.path).length === 0);
  const left = await readdir(at.folder.path);
  if (left.length > 0) throw new Error(`left over: ${left.join(", ")}`);
}

/** The kills of one operation and what came of them. A divergence does not end the sweep: all of them are wanted. */
class Tally {
  kills = 0;
  readonly divergences: string[] = [];

  constructor(readonly operation: string) {}

  async try({ k, when }: Kill, body: () => Promise<boolean>): Promise<boolean> {
    try {
      if (await body()) this.kills += 1;
      return true;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.divergences.push(`${this.operation}, ${when} ${k}: ${text}`);
      return false;
    }
  }

  report(): void {
    process.stdout.write(`${this.operation}: ${this.kills} kills, ${this.divergences.length} divergences\n`);
    expect(this.divergences).toEqual([]);
    expect(this.kills).toBeGreaterThan(20);
  }
}

/** Before every spawn and write, at half of every write, and after each. */
function sweep(points: string): Kill[] {
  return [...points].flatMap((letter, index) => {
    const after = afterwards[index % afterwards.length] ?? "0";
    const moments = letter === "w" ? ["before", "half", after] : ["before", after];
    return moments.map((when) => ({ k: index + 1, when }));
  });
}

/** After a divergence: the next kill starts from nothing again. */
async function clear(at: Place): Promise<void> {
  for (const { pid } of [...processesWith(at.folder.path), ...processesIn(at.folder.path)]) end(pid);
  await editAsOwner('find "$1" -mindepth 1 -delete', at.folder.path);
}

const restartable = { restartOnChanges: true, superuserPasswordVerifier: verifier };
const small = { ...restartable, settings: { max_connections: 40, work_mem: "5MB" } };
const large = {
  ...restartable,
  restartTriggers: ["again"],
  settings: { max_connections: 50, work_mem: "6MB", log_min_duration_statement: 1000 },
};

describe.concurrent(`a provider on PostgreSQL ${major} that is killed at each process it starts and each message it sends`, () => {
  it("in a create, and in a delete, ends, run again, as one that was not", async () => {
    const at = await place(major);
    const inputs = await at.inputs(small);
    const creation: Operation = { method: "create", args: [inputs] };
    const creates = new Tally("create");
    const deletes = new Tally("delete");
    try {
      const { points } = await elsewhere(creation);
      const first = await instance.create(inputs);
      const wanted = await ending(at, first.outs);
      const deletion = await elsewhere({ method: "delete", args: [first.id, first.outs] });
      await requireNothing(at);
      const deaths = sweep(deletion.points);
      const births = sweep(points);
      for (let turn = 0; turn < Math.max(births.length, deaths.length); turn++) {
        const [birth, death] = [births[turn], deaths[turn]];
        const made: { id: string; outs: Properties }[] = [];
        await creates.try(birth ?? { k: 0, when: "not" }, async () => {
          const killed = birth !== undefined && (await elsewhere(creation, birth)).killed;
          const { id, outs } = await again(() => instance.create(inputs));
          made.push({ id, outs });
          await requireEnding(at, outs, wanted);
          return killed;
        });
        const gone = await deletes.try(death ?? { k: 0, when: "not" }, async () => {
          const [found] = made;
          if (found === undefined) throw new Error("there was nothing to delete");
          const { id, outs } = found;
          const killed =
            death !== undefined && (await elsewhere({ method: "delete", args: [id, outs] }, death)).killed;
          await again(() => instance.delete(id, outs));
          await requireNothing(at);
          return killed;
        });
        if (!gone) await clear(at);
      }
      creates.report();
      deletes.report();
    } finally {
      await at.folder.dispose();
    }
  }, 600_000);

  it("in a change with a restart ends, run again, as one that was not", async () => {
    const at = await place(major);
    const inputs = { small: await at.inputs(small), large: await at.inputs(large) };
    const updates = new Tally("update");
    try {
      let { id, outs } = await instance.create(inputs.small);
      const { points } = await elsewhere({ method: "update", args: [id, outs, inputs.large] });
      const wanted = { small: {} as Ending, large: {} as Ending };
      // To and fro, as the first way lies behind a create and not behind an update.
      const settle = async () => {
        for (const size of ["large", "small"] as const) {
          outs = (await instance.update(id, outs, inputs[size])).outs;
          wanted[size] = await ending(at, outs);
        }
      };
      await settle();
      expect(differences(wanted.small.files, wanted.large.files)).not.toEqual([]);
      let now: "small" | "large" = "small";
      for (const kill of sweep(points)) {
        const next = now === "small" ? "large" : "small";
        const args = [id, outs, inputs[next]] as const;
        const fine = await updates.try(kill, async () => {
          const { killed } = await elsewhere({ method: "update", args }, kill);
          outs = (await again(() => instance.update(...args))).outs;
          now = next;
          await requireEnding(at, outs, wanted[next]);
          return killed;
        });
        if (!fine) {
          await clear(at);
          ({ id, outs } = await instance.create(inputs.small));
          await settle();
          now = "small";
        }
      }
      await instance.delete(id, outs);
      await requireNothing(at);
      updates.report();
    } finally {
      await at.folder.dispose();
    }
  }, 600_000);
});
