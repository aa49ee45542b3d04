import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { newNonce } from "./shell";

/**
 * Who holds a lock, for whoever finds it taken: words for a person, and marks by which this machine can tell that the
 * process which held it is no more. A host on the far end of a dead connection learns that hours later.
 */
export interface Holder {
  readonly words: string;
  /** Empty where a process cannot be told from a later one with its number. */
  readonly marks: string;
  /** Its session is over, or lost. */
  end(): void;
}

/** Sessions of this process that are not over. */
const living = new Set<string>();

export function newHolder(): Holder {
  const nonce = newNonce();
  living.add(nonce);
  const self = marksOf(process.pid);
  return {
    words: `${userInfo().username}@${hostname()} (process ${process.pid})`,
    marks: self ? `${self} ${nonce}` : "",
    end: () => living.delete(nonce),
  };
}

/** Whether that holder was a process of this machine, since its last boot, and is no more. */
export function isGone(marks: string): boolean {
  const [boot, namespace, pid, start, nonce] = marks.split(" ");
  const here = marksOf(process.pid)?.split(" ");
  if (!here || nonce === undefined || boot !== here[0] || namespace !== here[1]) return false;
  if (pid === here[2] && start === here[3]) return !living.has(nonce);
  return marksOf(Number(pid))?.split(" ")[3] !== start;
}

/** Boot, namespace of process ids, id, and start in ticks since the boot; undefined where there is no /proc. */
function marksOf(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = readlinkSync("/proc/self/ns/pid");
    return `${boot} ${namespace} ${pid} ${startOf(pid) ?? "none"}`;
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  try {
    // The name of the program, in parentheses, may hold spaces.
    return readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ")[19];
  } catch {
    return undefined;
  }
}
