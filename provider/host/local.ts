import { connect as connectSocket } from "node:net";
import { userInfo } from "node:os";
import type { Duplex } from "node:stream";
import { execa, type Options, type Result, type ResultPromise } from "execa";
import { CommandError } from "../errors";
import type { Become, Command, CommandResult, Host } from "./host";
import { relay } from "./relay";
import { becoming, shell } from "./shell";

/** execa, with nothing of this process's environment and no output thrown away. */
const options = {
  cwd: "/",
  env: { PATH: process.env.PATH ?? "" },
  extendEnv: false,
  encoding: "buffer",
  stripFinalNewline: false,
  reject: false,
} as const satisfies Options;

/** This machine. */
export class LocalHost implements Host {
  readonly name = "this machine";
  readonly #login = userInfo();
  readonly #become: Become;

  constructor(become: Become = {}) {
    this.#become = become;
  }

  async run(command: Command): Promise<CommandResult> {
    const [file, ...args] = this.#argv(command);
    const seconds = command.seconds ?? 60;
    // In a group of its own, so that its end is also that of what it waits for; a step's wrapper has left the group.
    const child = execa(file, args, { ...options, input: command.stdin ?? "", detached: true });
    const limit = endAfter(child, seconds);
    const result = await Promise.race([child, limit.left]);
    limit.clear();
    if (limit.passed() || result?.exitCode === undefined) {
      throw failure(command, result, seconds, limit.passed());
    }
    return {
      exitCode: result.exitCode,
      stdout: Buffer.from(result.stdout),
      stderr: Buffer.from(result.stderr).toString("utf8"),
    };
  }

  async stream(command: Command): Promise<Duplex> {
    const [file, ...args] = this.#argv(command);
    const child = execa(file, args, { ...options, buffer: false, stderr: "ignore" });
    child.catch(() => undefined);
    return child.duplex();
  }

  async connect(socketPath: string, user: string): Promise<Duplex> {
    if (user !== this.#login.username) {
      return this.stream({ name: "relay", script: relay, args: [socketPath], user });
    }
    const socket = connectSocket(socketPath);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return socket;
  }

  #argv(command: Command): [string, ...string[]] {
    const [file = "sh", ...args] = [
      ...becoming(command.user, { name: this.#login.username, uid: this.#login.uid }, this.#become),
      ...shell(command.script, command.args),
    ];
    return [file, ...args];
  }
}

/** Past the limit they are asked to end, then killed, then left: whoever cannot be killed would keep us waiting. */
function endAfter(child: ResultPromise<typeof options>, seconds: number) {
  let passed = false;
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Nobody is left, or they run as another user.
    }
  };
  const ask = setTimeout(() => {
    passed = true;
    signal("SIGTERM");
  }, seconds * 1000);
  let kill: NodeJS.Timeout;
  const left = new Promise<undefined>((resolve) => {
    kill = setTimeout(
      () => {
        signal("SIGKILL");
        for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
        resolve(undefined);
      },
      seconds * 1000 + 2000,
    );
  });
  const clear = () => {
    clearTimeout(ask);
    clearTimeout(kill);
  };
  return { left, passed: () => passed, clear };
}

/** The one place where execa's results become our errors. */
function failure(
  command: Command,
  result: Result<typeof options> | undefined,
  seconds: number,
  timedOut: boolean,
): CommandError {
  const why = timedOut
    ? `not within ${seconds} s`
    : result?.signal
      ? `ended by ${result?.signal}`
      : `cannot run: ${result?.code ?? "unknown reason"}`;
  return new CommandError(`${command.name}: ${why} on this machine`, {
    command: command.name,
    signal: result?.signal,
    timedOut,
    stderr: Buffer.from(result?.stderr ?? "").toString("utf8"),
    cause: result?.cause,
  });
}
