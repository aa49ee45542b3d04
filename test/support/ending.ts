/** What an interrupted operation, run again, must come to: the ending of one that nothing interrupted, to the byte. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { Properties } from "../../provider/schema/check";
import { stateDirectory } from "../../provider/server/target";
import { messageOf, type Place } from "./instances";
import { observedOf } from "./outputs";
import { end, processesIn, processesWith, until } from "./processes";
import { editAsOwner } from "./servers";

export type Ending = Awaited<ReturnType<typeof ending>>;

/** Everything that must not depend on what happened on the way. */
export async function ending(at: Place, outs: Properties) {
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
    outs: JSON.parse(anonymous(JSON.stringify({ ...outs, observed: observedOf(outs) }))),
    files: Object.fromEntries(await Promise.all(contents)),
    data: (await readdir(data)).sort(),
    own: (await readdir(own)).sort(),
    folder: (await readdir(at.folder.path)).sort(),
    processes: processesWith(at.folder.path).map(({ argv }) => argv.trim()),
  };
}

/** Without what is random in each instance. */
function anonymous(text: string): string {
  return text
    .replace(/\b(main|second)-[0-9a-f]{10}\b/g, "$1-random")
    .replace(/("systemIdentifier": ?)"[0-9]+"/g, '$1"number"');
}

export async function requireEnding(at: Place, outs: Properties, wanted: Ending): Promise<void> {
  const lines = differences(await ending(at, outs), wanted);
  if (lines.length > 0) throw new Error(lines.join("; "));
}

/** Where two endings are not the same, in a line each. */
export function differences(found: unknown, wanted: unknown, path = ""): string[] {
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

/** What a delete must come to. */
export async function requireNothing(at: Place): Promise<void> {
  await until("the end of every process", () => processesWith(at.folder.path).length === 0);
  const left = await readdir(at.folder.path);
  if (left.length > 0) throw new Error(`left over: ${left.join(", ")}`);
}

/** After a divergence: the next interruption starts from nothing again. */
export async function clear(at: Place): Promise<void> {
  for (const { pid } of [...processesWith(at.folder.path), ...processesIn(at.folder.path)]) end(pid);
  await editAsOwner('find "$1" -mindepth 1 -delete', at.folder.path);
}

/** The interruptions of one operation and what came of them. A divergence does not end the sweep: all of them are wanted. */
export class Tally {
  readonly #began = performance.now();
  readonly #divergences: string[] = [];
  #hits = 0;
  #tried = 0;

  constructor(
    readonly operation: string,
    /** As in "kills". */
    readonly interruptions: string,
  ) {}

  /** @param body says whether the operation was interrupted, or was over before */
  async try(where: string, body: () => Promise<boolean>): Promise<boolean> {
    this.#tried += 1;
    try {
      if (await body()) this.#hits += 1;
      return true;
    } catch (error) {
      this.#divergences.push(`${this.operation}, ${where}: ${messageOf(error)}`);
      return false;
    }
  }

  report(atLeast: number): void {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    const { operation, interruptions } = this;
    process.stdout.write(
      `${operation}: ${this.#hits} ${interruptions} (${this.#tried} tried), ${this.#divergences.length} divergences, ${seconds} s\n`,
    );
    expect(this.#divergences).toEqual([]);
    expect(this.#hits).toBeGreaterThan(atLeast);
  }
}
