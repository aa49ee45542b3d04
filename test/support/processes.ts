/** What tests need to know of processes: waiting for something with a limit, who is alive, what /proc shows. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until `probe` gives something other than undefined or false; says what was awaited when it does not. */
export async function until<T>(
  awaited: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  seconds = 10,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`${awaited}: not within ${seconds} s`);
    await sleep(20);
  }
}

/** Not a zombie, as far as /proc tells. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
}

export interface Seen {
  readonly pid: number;
  readonly argv: string;
}

/** Every process whose command line holds the text, this one aside. */
export function processesWith(text: string): Seen[] {
  return allProcesses().filter(({ pid, argv }) => pid !== process.pid && argv.includes(text));
}

/** Every process that works in the folder or below it. */
export function processesIn(folder: string): Seen[] {
  return allProcesses().filter(({ pid }) => {
    try {
      const directory = readlinkSync(`/proc/${pid}/cwd`);
      return directory === folder || directory.startsWith(`${folder}/`);
    } catch {
      return false;
    }
  });
}

function allProcesses(): Seen[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        const argv = readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ");
        return argv === "" || !isAlive(Number(name)) ? [] : [{ pid: Number(name), argv }];
      } catch {
        return [];
      }
    });
}

/** Ends one process by its id; it may be gone already. */
export function end(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
