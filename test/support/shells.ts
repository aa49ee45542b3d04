/** Framed shells without a host around them: a process of this machine, as a transport would start it. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { Way } from "../../provider/host/become";
import { boot, FramedShell, type Process } from "../../provider/host/framed-shell";
import { end } from "./processes";

export interface Started extends Process {
  readonly pid: number;
  /** Until its process is gone. */
  readonly gone: Promise<unknown>;
}

const running = new Set<ChildProcessWithoutNullStreams>();

/** Runs `script` in place of what boots a shell; the text of that is its $1. */
export function started(script = 'eval "$1"'): Started {
  const child = spawn("sh", ["-c", script, "sh", boot], { cwd: "/" });
  running.add(child);
  const gone = once(child, "exit").then(() => running.delete(child));
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    pid: child.pid ?? 0,
    gone,
    end: () => {
      child.stdin.end();
      child.kill();
    },
    busy: () => undefined,
  };
}

/** What is refused is an error with the words alone. */
export function framed(process: Process, way: Partial<Way> = {}, seconds?: number): Promise<FramedShell> {
  return FramedShell.open(
    "this machine",
    process,
    { argv: [], ...way },
    (words) => new Error(words),
    seconds,
  );
}

/** At the end of a test. */
export function endShells(): void {
  for (const { pid } of running) if (pid !== undefined) end(pid);
}
