import type { Duplex } from "node:stream";

/**
 * The Host port: what the rest of the package may ask of a machine. It knows nothing of PostgreSQL.
 * Everything else on a host (files, steps, observations) is made of these three verbs, so that a new way of reaching
 * a machine is one small class.
 */
export interface Host {
  /** How messages call it: "this machine", or the name the program gave. */
  readonly name: string;
  /** Runs a script to its end. A non-zero exit is a result; not being able to run it at all is a CommandError. */
  run(command: Command): Promise<CommandResult>;
  /** Runs a script whose standard input and output stay open. It ends when the stream does. */
  stream(command: Command): Promise<Duplex>;
  /** Connects to a Unix socket on the host, as seen by the server from the given user. */
  connect(socketPath: string, user: string): Promise<Duplex>;
}

export interface Command {
  /** What messages call it, as in "initdb". */
  readonly name: string;
  /** Constant POSIX sh text. Values travel as `args` ($1, $2, ...) or on stdin, never inside the script. */
  readonly script: string;
  /** Seen by every process of the host: no secrets here. */
  readonly args?: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** Whom to run as; the login when absent. */
  readonly user?: string;
  /** The limit; 60 seconds when absent. */
  readonly seconds?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** How to become another user on a host. */
export interface Become {
  /** `runuser` needs root, `sudo` is called with -n and never asks, `none` runs everything as the login. */
  readonly method?: "runuser" | "sudo" | "none";
}
