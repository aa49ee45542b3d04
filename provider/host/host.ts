/**
 * The Host port: what the rest of the package may ask of a machine. It knows nothing of PostgreSQL.
 * Everything else on a host (files, steps, observations, SQL) is made of these two verbs.
 */
export interface Host {
  /** How messages call it: "this machine", or the name the program gave. */
  readonly name: string;
  /**
   * Runs a script that only looks, to its end. A non-zero exit is a result; not being able to run it at all is an
   * error. Scripts of several callers travel together; one that a lost connection swallowed is run once more.
   */
  run(command: Command): Promise<CommandResult>;
  /** A shell of one's own, for what must be done once, or held. Waits while the host has no more to give. */
  reserve(user: string): Promise<Shell>;
}

/** A long-lived shell of one user on a host. What it holds (locks) ends with it, and it ends with its connection. */
export interface Shell {
  /** Runs a script to its end, in a process of its own; never twice. */
  run(command: Command): Promise<CommandResult>;
  /** Runs a script in the shell's own process, for what it shall hold. Such a script must not exit, and reads nothing. */
  hold(command: Omit<Command, "stdin">): Promise<CommandResult>;
  /**
   * As `hold`, for as long as it takes: what is printed is passed on line by line. The script's end is the only limit,
   * and whoever calls has asked for that.
   */
  follow(command: Omit<Command, "stdin">, line: (text: string) => void): Promise<CommandResult>;
  /** Why the shell is gone; undefined while it lives. */
  readonly lost: Error | undefined;
  /** Gives it back. Whoever had it has let go of what it held. */
  release(): void;
}

/** The name of the one that needs no way. */
export const thisMachine = "this machine";

export interface Command {
  /** What messages call it, as in "initdb". */
  readonly name: string;
  /** Constant POSIX sh text. Values travel as `args` ($1, $2, ...) or on stdin, never inside the script. */
  readonly script: string;
  /** Seen by every process of the host: no secrets here. */
  readonly args?: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** Whom to run as; the login when absent. In a shell, whoever has it. */
  readonly user?: string;
  /** The limit; 60 seconds when absent. */
  readonly seconds?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}
