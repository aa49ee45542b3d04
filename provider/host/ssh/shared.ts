import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError } from "../../errors";

/** A refusal is not asked for again by each of a hundred resources: sshd counts them. */
const refusedFor = 30_000;

/** What is open once, in this process, for all who go the same way. */
export class Shared<T extends { readonly lost: Error | undefined }> {
  readonly #open = new Map<string, Promise<T>>();

  /** The one that is open, or on its way, or a new one. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#open.get(key);
    const found = await known;
    if (found && found.lost === undefined) return found;
    if (known !== undefined) this.#forget(key, known);
    const made = this.#open.get(key) ?? make();
    this.#open.set(key, made);
    made.catch(() => setTimeout(() => this.#forget(key, made), refusedFor).unref());
    made.catch((error: unknown) => {
      const refused = error instanceof ConnectionError && error.phase === "auth" && !error.retryable;
      if (!refused) this.#forget(key, made);
    });
    return made;
  }

  #forget(key: string, made: Promise<T>): void {
    if (this.#open.get(key) === made) this.#open.delete(key);
  }
}

const retryFor = 30;
/** Milliseconds between attempts: doubled each time up to the last, and each shortened at random. */
const pauses = { first: 500, last: 5000 };

/** Tries again while the host may be booting; never after it has refused us. */
export async function persist<T>(seconds: number | undefined, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + (seconds ?? retryFor) * 1000;
  for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.last)) {
    try {
      return await attempt();
    } catch (error) {
      const wait = pause * (0.5 + Math.random() / 2);
      const hopeful = error instanceof ConnectionError && error.retryable && performance.now() + wait < end;
      if (!hopeful) throw error;
      await sleep(wait);
    }
  }
}
