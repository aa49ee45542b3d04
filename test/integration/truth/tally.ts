import type { Case } from "./cases";
import { type DeedKind, deedKinds } from "./deeds";
import type { Round } from "./round";

/** What there was among the cases. */
export class Tally {
  readonly #cases = new Map<string, number>();
  readonly #drifts = new Map<string, number>();
  readonly #rounds = new Map<string, number>();
  divergences = 0;

  /** Of all cases, those that a refresh came before, or that ignored something. */
  case({ refreshes, ignores }: Case): void {
    add(this.#cases, "all");
    if (refreshes) add(this.#cases, "refreshed");
    if (ignores.length > 0) add(this.#cases, "with ignoreChanges");
  }

  drift(kind: DeedKind): void {
    add(this.#drifts, kind);
  }

  of(kind: DeedKind): number {
    return this.#drifts.get(kind) ?? 0;
  }

  /** A round by the most that its server noticed. */
  count({ preview, update, taken }: Round): void {
    add(this.#rounds, "all");
    const known = [
      "rejoin",
      "promote",
      "setChecksums",
      "moveWal",
      "moveTablespace",
      "restart",
      "stop",
      "start",
      "reload",
    ] as const;
    if (preview.refusal !== undefined) add(this.#rounds, "refused in the preview");
    else if (update.stopped !== undefined) add(this.#rounds, "stopped before its first change");
    else if (taken.length === 0) add(this.#rounds, "nothing");
    else add(this.#rounds, known.find((kind) => taken.includes(kind)) ?? "SQL alone");
  }

  print(): string {
    const line = (counts: ReadonlyMap<string, number>, names: readonly string[]) =>
      names.map((name) => `${name} ${counts.get(name) ?? 0}`).join(", ");
    return [
      `cases: ${line(this.#cases, [...this.#cases.keys()])}`,
      `by hand: ${line(this.#drifts, deedKinds)}`,
      `updates: ${line(this.#rounds, [...this.#rounds.keys()])}`,
      `${this.divergences} divergences`,
    ].join("\n");
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
