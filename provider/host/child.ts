import type * as execa from "execa";
import type { Process } from "./framed-shell";

/** Loaded with the first process: it takes a tenth of a second, which a preview and a host over SSH do without. */
const library = (): typeof execa => require("execa");

/** A process of this machine, and how it ended. */
export interface Child extends Process {
  readonly exited: Promise<Exit>;
}

export interface Exit {
  /** Undefined where a signal ended it, or it could not be started. */
  readonly exitCode?: number | undefined;
}

/** execa, with no output thrown away. */
const options = {
  cwd: "/",
  extendEnv: false,
  encoding: "buffer",
  buffer: false,
  reject: false,
  // In a group of its own, so that its end is also that of what it waits for; a step's wrapper has left the group.
  detached: true,
  cleanup: false,
} as const satisfies execa.Options;

/** With that environment and nothing of this process's. */
export function start([file = "sh", ...args]: readonly string[], env: NodeJS.ProcessEnv): Child {
  const child = library().execa(file, args, { ...options, env });
  let isOver = false;
  const exited = child.finally(() => {
    isOver = true;
  });
  const { pid, stdin, stdout, stderr } = child;
  const pipes = [stdin, stdout, stderr];
  const keepers = [child.nodeChildProcess, ...pipes] as unknown as readonly Partial<
    Record<"ref" | "unref", () => void>
  >[];
  return {
    stdin,
    stdout,
    stderr,
    exited,
    /** Its input ends, and so does it; what it waits for is asked to. Who runs as another user ends with its pipes. */
    end() {
      stdin.end();
      if (!isOver && pid !== undefined) signalGroup(pid, "SIGTERM");
      setTimeout(() => {
        if (!isOver && pid !== undefined) signalGroup(pid, "SIGKILL");
        for (const pipe of pipes) pipe.destroy();
      }, 2000).unref();
    },
    busy(is) {
      for (const keeper of keepers) keeper[is ? "ref" : "unref"]?.();
    },
  };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // Nobody is left, or they run as another user.
  }
}
