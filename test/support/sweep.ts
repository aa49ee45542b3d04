/** An operation in a process of its own that is killed at a process that it starts, or at a message that it sends to one. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Elsewhere, elsewhere, type Operation } from "./elsewhere";
import { evenly } from "./evenly";
import { inMemory } from "./in-memory";

const script = join(__dirname, "kill-at-spawn.cjs");

/** Milliseconds after; zero is without a turn of the event loop. */
const afterwards = ["0", "2", "12", "50"];

/** Around which spawn or write, and when: `before` it, at `half` of a write, or milliseconds after. */
export interface Kill {
  readonly k: number;
  readonly when: string;
}

export const named = (kill?: Kill) => (kill ? `${kill.when} ${kill.k}` : "not killed");

export interface Sweeper {
  /** Says whether it was killed, and what it did: spawns and writes, a letter each. */
  perform(operation: Operation, kill?: Kill): Promise<{ killed: boolean; points: string }>;
}

/** For all of a test file: a provider to be killed, and every place in memory where that is possible. */
export function sweeper(): Sweeper {
  let provider: Elsewhere | undefined;
  let runs = 0;
  inMemory();
  beforeAll(async () => {
    provider = await elsewhere();
  });
  afterAll(() => provider?.dispose());
  return {
    async perform(operation, kill) {
      if (provider === undefined) throw new Error("a sweep begins with its file's hooks");
      const points = join(provider.folder, `points-${runs++}`);
      await writeFile(points, "");
      const environment = { KILL_AT: String(kill?.k ?? 0), KILL_WHEN: kill?.when, KILL_POINTS: points };
      const { ended } = await provider.start(operation, { script, environment });
      return { killed: await ended, points: await readFile(points, "utf8") };
    },
  };
}

/** Before every spawn and write, at half of every write, and after each. */
export function sweep(points: string): Kill[] {
  return [...points].flatMap((letter, index) => {
    const after = afterwards[index % afterwards.length] ?? "0";
    const moments = letter === "w" ? ["before", "half", after] : ["before", after];
    return moments.map((when) => ({ k: index + 1, when }));
  });
}

/** So many of them, evenly; with KILLS=all in the environment every one, which takes minutes. */
export const sample = (kills: readonly Kill[], count: number): readonly Kill[] =>
  process.env.KILLS === "all" ? kills : evenly(kills, count);
