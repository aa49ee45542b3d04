import { userInfo } from "node:os";
import { execa, type Options } from "execa";
import { UnsupportedError } from "../errors";
import { type Become, methodOf, wayTo } from "./become";
import { boot, FramedShell, type Process } from "./framed-shell";
import { ShellHost, type Transport } from "./shell-host";

/** This machine. */
export class LocalHost extends ShellHost {
  constructor(become: Become = {}) {
    super(localTransport(become));
  }
}

function localTransport(become: Become): Transport {
  const { username, uid } = userInfo();
  const login = { name: username, isRoot: uid === 0 };
  const name = "this machine";
  return {
    name,
    login: username,
    shells: 32,
    open(user) {
      const way = wayTo(user, login, become, boot);
      const refused = (words: string) =>
        new UnsupportedError(
          `become: cannot run as ${user} on ${name} by ${methodOf(login, become)}: ${words}`,
          {
            hint: `Allow ${username} to become ${user}, or declare another owner or another way in \`become\`.`,
          },
        );
      return FramedShell.open(name, start(way.argv), way, refused);
    },
  };
}

/** execa, with nothing of this process's environment and no output thrown away. */
const options = {
  cwd: "/",
  env: { PATH: process.env.PATH ?? "" },
  extendEnv: false,
  encoding: "buffer",
  buffer: false,
  reject: false,
  // In a group of its own, so that its end is also that of what it waits for; a step's wrapper has left the group.
  detached: true,
  cleanup: false,
} as const satisfies Options;

function start([file = "sh", ...args]: readonly string[]): Process {
  const child = execa(file, args, options);
  let exited = false;
  child.finally(() => {
    exited = true;
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
    /** Its input ends, and so does it; what it waits for is asked to. Who runs as another user ends with its pipes. */
    end() {
      stdin.end();
      if (!exited && pid !== undefined) signalGroup(pid, "SIGTERM");
      setTimeout(() => {
        if (!exited && pid !== undefined) signalGroup(pid, "SIGKILL");
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
