import type { Host } from "../host/host";
import { type Look, lookAt, requestTo, wholeLook } from "./look";
import type { Target } from "./target";

/**
 * The looks of a refresh. The engine asks for some instances of a stack at a time, and for the rest as these are
 * answered: who asks while a look is under way shares the next one, and where several ask, the look takes in the others
 * of their stack that lie beside them. A hundred instances on one host so cost about as many round trips as one.
 */
export function lookAhead(stack: string): (target: Target) => Promise<Look> {
  return (target) => roundsOf(target).look(target, stack);
}

/** Something of ours is about to change on that host: what was seen ahead may be so no more. */
export function forgetAhead(host: Host): void {
  known.delete(host);
}

const known = new WeakMap<Host, Map<string, Rounds>>();

function roundsOf({ host, owner }: Target): Rounds {
  const ofHost = known.get(host) ?? new Map<string, Rounds>();
  known.set(host, ofHost);
  const rounds = ofHost.get(owner) ?? new Rounds();
  ofHost.set(owner, rounds);
  return rounds;
}

interface Asked {
  readonly target: Target;
  readonly stack: string;
  resolve(look: Look): void;
  reject(error: unknown): void;
}

/** Milliseconds for which what was seen ahead is an answer, once: a refresh asks within the second. */
const freshFor = 30_000;

class Rounds {
  #asked: Asked[] = [];
  #isUnderWay = false;
  #ahead = new Map<string, { readonly look: Look; readonly since: number }>();

  look(target: Target, stack: string): Promise<Look> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ target, stack, resolve, reject });
      if (!this.#isUnderWay) this.#start();
    });
  }

  async #start(): Promise<void> {
    this.#isUnderWay = true;
    // Who waited for the same connection asks in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#asked.length > 0) await this.#round(this.#asked.splice(0));
    this.#isUnderWay = false;
  }

  async #round(all: readonly Asked[]): Promise<void> {
    const since = performance.now();
    const asked = all.filter((one) => !this.#isAnswered(one, since));
    const last = asked.at(-1);
    if (last === undefined) return;
    try {
      const looks = await lookAt(
        asked.map(({ target }) => target),
        asked.length > 1 ? last.stack : "",
      );
      for (const look of looks.slice(asked.length)) {
        const place = look.get("place")?.toString("utf8").trimEnd() ?? "";
        this.#ahead.set(keyOf({ ...last.target, dataDirectory: place }), { look, since });
      }
      for (const [at, one] of asked.entries()) {
        try {
          one.resolve(wholeLook(one.target, looks[at]));
        } catch (error) {
          one.reject(error);
        }
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  #isAnswered({ target, resolve }: Asked, now: number): boolean {
    const key = keyOf(target);
    const seen = this.#ahead.get(key);
    this.#ahead.delete(key);
    if (!seen?.look.has("process") || now - seen.since > freshFor) return false;
    resolve(seen.look);
    return true;
  }
}

/** All that a look depends on. */
const keyOf = (target: Target): string =>
  [target.dataDirectory, target.binDirectory, requestTo(target).toString("latin1")].join("\n");
