import { connect as connectSocket } from "node:net";
import { userInfo } from "node:os";
import type { Duplex } from "node:stream";
import { execa, type Options, type Result } from "execa";
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
    const result = await execa(file, args, {
      ...options,
      input: command.stdin ?? "",
      timeout: seconds * 1000,
      forceKillAfterDelay: 2000,
    });
    if (result.exitCode === undefined) throw failure(command, result, seconds);
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

/** The one place where execa's results become our errors. */
function failure(command: Command, result: Result<typeof options>, seconds: number): CommandError {
  const why = result.timedOut
    ? `not within ${seconds} s`
    : result.signal
      ? `ended by ${result.signal}`
      : `cannot run: ${result.code ?? "unknown reason"}`;
  return new CommandError(`${command.name}: ${why} on this machine`, {
    command: command.name,
    signal: result.signal,
    timedOut: result.timedOut,
    stderr: Buffer.from(result.stderr ?? "").toString("utf8"),
    cause: result.cause,
  });
}
