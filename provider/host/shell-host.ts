import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, UnsupportedError } from "../errors";
import { type FramedShell, ShellEnded } from "./framed-shell";
import type { Command, CommandResult, Host, Shell } from "./host";

/** A way to a machine. */
export interface Transport {
  readonly name: string;
  /** Whom `undefined` means. */
  readonly login: string;
  /** How many shells fit beside each other. */
  readonly shells: number;
  /**
   * @param aside by a connection beside the usual one, where there is such a thing
   * @throws TooManyShells when the host has no room for another
   */
  open(user: string, aside: boolean): Promise<FramedShell>;
}

/** The host allows fewer shells than were asked for. */
export class TooManyShells extends Error {}

/** A shell that is open, or on its way. */
interface Slot {
  readonly user: string;
  readonly opened: Promise<FramedShell>;
  /** Undefined while it is on its way. */
  shell?: FramedShell;
  /** Who reserved it, or the commands of those who share it. */
  uses: number;
  reserved: boolean;
}

/**
 * A host as a few long-lived shells: one a user for all who only look, and one for each who changes something. How
 * many there are is limited, by MaxSessions of sshd say; who finds none free waits for one. Who has reserved one may have
 * to look as another user before giving it back: so nobody reserves the last, and where it turns out to be one, those who
 * look do so by another connection.
 */
export class ShellHost implements Host {
  #slots: readonly Slot[] = [];
  readonly #waiting: (() => void)[] = [];
  /** By user: sudo counts wrong passwords, and each of a hundred resources would ask again. */
  readonly #refusals = new Map<string, unknown>();
  #limit: number;
  #lastEnd = Number.NEGATIVE_INFINITY;
  #aside: ShellHost | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly isAside = false,
  ) {
    this.#limit = transport.shells;
  }

  get name(): string {
    return this.transport.name;
  }

  async run(command: Command): Promise<CommandResult> {
    try {
      return await this.#share(command);
    } catch (error) {
      const swallowed =
        error instanceof ShellEnded || (error instanceof ConnectionError && error.phase === "lost");
      if (!swallowed) throw error;
      return this.#share(command);
    }
  }

  async #share(command: Command): Promise<CommandResult> {
    const taken = await this.#take(command.user ?? this.transport.login, false);
    if (taken === undefined) {
      this.#aside ??= new ShellHost(this.transport, true);
      return this.#aside.#share(command);
    }
    const [slot, shell] = taken;
    try {
      return await shell.run(command);
    } finally {
      this.#giveBack(slot);
    }
  }

  /** The one that is shared, while nobody needs it: a lone operation makes do with one shell. */
  async reserve(user: string): Promise<Shell> {
    const [slot, shell] = await this.#take(user, true);
    let given = true;
    return {
      run: (command) => shell.run(command),
      hold: (command) => shell.hold(command),
      follow: (command, line) => shell.follow(command, line),
      get lost() {
        return shell.lost;
      },
      release: () => {
        if (!given) return;
        given = false;
        slot.reserved = false;
        this.#giveBack(slot);
      },
    };
  }

  /** One that fits, or a new one, in turn. It is taken as it is found, so that nobody else finds it too. */
  async #take(user: string, reserved: true): Promise<Taken>;
  /** Undefined when there is none that is not reserved, and none to be had. */
  async #take(user: string, reserved: boolean): Promise<Taken | undefined>;
  async #take(user: string, reserved: boolean): Promise<Taken | undefined> {
    for (;;) {
      const refusal = this.#refusals.get(user);
      if (refusal) throw refusal;
      this.#slots = this.#slots.filter(({ shell }) => shell?.lost === undefined);
      const mayTake = !reserved || this.#mayReserve();
      const slot = mayTake ? (this.#find(user, reserved) ?? this.#add(user)) : undefined;
      if (slot === undefined) {
        if (!reserved && this.#slots.every((one) => one.reserved)) return undefined;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      slot.uses += 1;
      slot.reserved = reserved;
      try {
        return [slot, await slot.opened];
      } catch (error) {
        if (!(error instanceof TooManyShells)) throw error;
        await this.#makeDoWithLess(error);
      }
    }
  }

  /** Of two both: who holds one may want another to hold. */
  #mayReserve(): boolean {
    return this.#slots.filter((one) => one.reserved).length < Math.max(2, this.#limit - 1);
  }

  #find(user: string, reserved: boolean): Slot | undefined {
    return this.#slots.find((one) => one.user === user && (reserved ? one.uses === 0 : !one.reserved));
  }

  #add(user: string): Slot | undefined {
    if (this.#slots.length >= this.#limit && !this.#makeRoom()) return undefined;
    const slot: Slot = { user, opened: this.transport.open(user, this.isAside), uses: 0, reserved: false };
    this.#slots = [...this.#slots, slot];
    slot.opened.then(
      (shell) => {
        slot.shell = shell;
      },
      (error: unknown) => {
        this.#remove(slot);
        if (!isRefusal(error)) return;
        this.#refusals.set(user, error);
        setTimeout(() => this.#refusals.delete(user), refusedFor).unref();
      },
    );
    return slot;
  }

  /** One that nobody needs now gives way: of the user who has most. */
  #makeRoom(): boolean {
    const has = (user: string) => this.#slots.filter((one) => one.user === user).length;
    const [idle] = this.#slots
      .filter(({ shell, uses }) => shell !== undefined && uses === 0)
      .sort((a, b) => has(b.user) - has(a.user));
    if (!idle) return false;
    this.#remove(idle);
    idle.shell?.close();
    this.#lastEnd = performance.now();
    return true;
  }

  /** One that was ended counts on the host until its processes are gone. */
  async #makeDoWithLess(refusal: TooManyShells): Promise<void> {
    if (performance.now() < this.#lastEnd + lingering) return sleep(50);
    this.#limit = this.#slots.length;
    if (this.#limit > 0) return;
    this.#limit = 1;
    throw new ConnectionError(`${this.name} has no room for a shell: ${refusal.message}`, {
      host: this.name,
      phase: "connect",
      hint: "Raise MaxSessions in its sshd_config.",
    });
  }

  #giveBack(slot: Slot): void {
    slot.uses -= 1;
    this.#wake();
  }

  #remove(slot: Slot): void {
    this.#slots = this.#slots.filter((one) => one !== slot);
    this.#wake();
  }

  /** Whoever finds nothing waits again. */
  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

type Taken = readonly [Slot, FramedShell];

/** Milliseconds. */
const lingering = 2000;
const refusedFor = 30_000;

/** Whether it would be refused again. */
function isRefusal(error: unknown): boolean {
  if (error instanceof ConnectionError) return error.phase === "become" && !error.retryable;
  return error instanceof UnsupportedError;
}
