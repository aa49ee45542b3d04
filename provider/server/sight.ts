import type { Observed } from "../schema/observed";
import { type Observation, observe } from "./observe";
import type { Target } from "./target";

/** What was last seen of an instance, for as long as nothing of ours has changed it. */
export class Sight {
  constructor(
    private readonly target: Target,
    private readonly remembered?: Observed,
    private seen?: Observation,
    private written?: Observation,
  ) {}

  async look(): Promise<Observation> {
    this.seen ??= await observe(this.target, this.remembered);
    return this.seen;
  }

  forget(): void {
    this.seen = undefined;
    this.written = undefined;
  }

  /** The files were written: what a reload needs to know of the server is as it was. */
  wrote(unapplied: Observed["unapplied"], files: Partial<Pick<Observation, "hba" | "ident">> = {}): void {
    const before = this.seen ?? this.written;
    this.forget();
    if (before) this.written = { ...before, ...files, observed: { ...before.observed, unapplied } };
  }

  async lookForReload(): Promise<Observation> {
    return this.written ?? this.look();
  }
}
