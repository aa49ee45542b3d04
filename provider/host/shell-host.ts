import { ConnectionError } from "../errors";
import { type FramedShell, ShellEnded } from "./framed-shell";
import type { Command, CommandResult, Host, Shell } from "./host";

/** A way to a machine. */
export interface Transport {
  readonly name: string;
  /** Whom `undefined` means. */
  readonly login: string;
  /** How many shells fit beside each other. */
  readonly shells: number;
  /** @throws TooManyShells when the host has no room for another */
  open(user: string): Promise<FramedShell>;
}

/** The host allows fewer shells than were asked for. */
export class TooManyShells extends Error {}

/**
 * A host as a few long-lived shells: one a user for all who only look, and one for each who changes something. How
 * many there are is limited, by MaxSessions of sshd say; who finds none free waits for one.
 */
export class ShellHost implements Host {
  readonly #shared = new Map<string, Promise<FramedShell>>();
  readonly #free: { readonly user: string; readonly shell: FramedShell }[] = [];
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #limit: number;

  constructor(private readonly transport: Transport) {
    this.#limit = transport.shells;
  }

  get name(): string {
    return this.transport.name;
  }

  async run(command: Command): Promise<CommandResult> {
    const user = command.user ?? this.transport.login;
    const shell = await this.#sharedBy(user);
    try {
      return await shell.run(command);
    } catch (error) {
      const swallowed = error instanceof ShellEnded || (error instanceof ConnectionError && error.retryable);
      if (!swallowed) throw error;
      return (await this.#sharedBy(user)).run(command);
    }
  }

  async reserve(user: string): Promise<Shell> {
    const shell = this.#takeFree(user) ?? (await this.#takeShared(user)) ?? (await this.#open(user));
    let given = true;
    return {
      run: (command) => shell.run(command),
      hold: (command) => shell.hold(command),
      get lost() {
        return shell.lost;
      },
      release: () => {
        if (!given) return;
        given = false;
        if (shell.lost === undefined) this.#free.push({ user, shell });
        else this.#count -= 1;
        this.#waiting.shift()?.();
      },
    };
  }

  /** Ends what is open. The next command opens anew. */
  close(): void {
    for (const { shell } of this.#free.splice(0)) this.#end(shell);
    for (const [user, shared] of this.#shared) {
      this.#shared.delete(user);
      shared.then(
        (shell) => this.#end(shell),
        () => undefined,
      );
    }
  }

  async #sharedBy(user: string): Promise<FramedShell> {
    const known = await this.#shared.get(user);
    if (known && known.lost === undefined) return known;
    if (known) this.#forget(user, known);
    const found = this.#shared.get(user) ?? this.#share(user);
    return found;
  }

  #share(user: string): Promise<FramedShell> {
    const free = this.#takeFree(user);
    const shell = free ? Promise.resolve(free) : this.#open(user);
    this.#shared.set(user, shell);
    shell.catch(() => {
      if (this.#shared.get(user) === shell) this.#shared.delete(user);
    });
    return shell;
  }

  #forget(user: string, shell: FramedShell): void {
    this.#shared.delete(user);
    this.#end(shell);
  }

  /** The one that is shared, while nobody needs it: a lone operation makes do with one shell. */
  async #takeShared(user: string): Promise<FramedShell | undefined> {
    const shell = await this.#shared.get(user)?.catch(() => undefined);
    if (!shell?.idle || !this.#shared.delete(user)) return undefined;
    if (shell.lost === undefined) return shell;
    this.#end(shell);
    return undefined;
  }

  #takeFree(user: string): FramedShell | undefined {
    const at = this.#free.findIndex((one) => one.user === user);
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    if (found === undefined) return undefined;
    if (found.shell.lost === undefined) return found.shell;
    this.#end(found.shell);
    return this.#takeFree(user);
  }

  async #open(user: string): Promise<FramedShell> {
    while (this.#count >= this.#limit) {
      if (!(await this.#makeRoom(user))) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const free = this.#takeFree(user);
      if (free) return free;
    }
    this.#count += 1;
    try {
      return await this.transport.open(user);
    } catch (error) {
      this.#count -= 1;
      if (!(error instanceof TooManyShells) || this.#count === 0) throw error;
      this.#limit = this.#count;
      return this.#open(user);
    }
  }

  /** Somebody else's that nobody needs now gives way. */
  async #makeRoom(user: string): Promise<boolean> {
    const free = this.#free.shift();
    if (free) {
      if (free.user === user) this.#free.push(free);
      else this.#end(free.shell);
      return true;
    }
    for (const [other, shared] of this.#shared) {
      const shell = other === user ? undefined : await shared.catch(() => undefined);
      if (shell?.idle && this.#shared.get(other) === shared) {
        this.#forget(other, shell);
        return true;
      }
    }
    return false;
  }

  #end(shell: FramedShell): void {
    shell.close();
    this.#count -= 1;
    this.#waiting.shift()?.();
  }
}
