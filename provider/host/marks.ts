import type { Readable } from "node:stream";

/** Splits a stream at marks, each of which ends what was printed before it. */
export class Marks {
  readonly #found: { readonly output: Buffer; readonly mark: string }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #watcher: ((text: string) => boolean) | undefined;
  #follower: ((line: string) => void) | undefined;
  /** What is left begins with the end of a line that the follower has had. */
  #atEnd = false;

  constructor(
    private readonly mark: string,
    stream: Readable,
    found: () => void,
  ) {
    stream.on("data", (chunk: Buffer) => {
      const from = Math.max(0, this.#rest.length - mark.length - 32);
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      this.#watch();
      this.#follow();
      if (this.#split(this.#follower ? 0 : from)) found();
    });
  }

  get ready(): boolean {
    return this.#found.length > 0;
  }

  next(): { readonly output: Buffer; readonly mark: string } {
    const first = this.#found.shift();
    if (!first) throw new RangeError("no mark");
    return first;
  }

  /** What came since the last mark. */
  rest(): string {
    return this.#rest.toString("utf8");
  }

  /** Until the first mark; what `watcher` answers true to is taken out. */
  watch(watcher: (text: string) => boolean): void {
    this.#watcher = watcher;
    this.#watch();
  }

  /** Until the next mark; each line as it comes, and nothing is kept. */
  follow(take: (line: string) => void): void {
    this.#follower = take;
    this.#atEnd = false;
  }

  /** A line is over at its end, which may also be where the mark begins. */
  #follow(): void {
    while (this.#follower) {
      const head = this.#rest.toString("latin1", 0, this.mark.length);
      if (head === "" || this.mark.startsWith(head)) return;
      const end = this.#atEnd ? 0 : this.#rest.indexOf("\n");
      if (end < 0) return;
      if (!this.#atEnd) this.#follower(this.#rest.toString("utf8", 0, end));
      this.#rest = this.#rest.subarray(this.#atEnd ? 1 : end);
      this.#atEnd = !this.#atEnd;
    }
  }

  #watch(): void {
    if (this.#watcher?.(this.rest())) this.#rest = Buffer.alloc(0);
  }

  #split(from: number): boolean {
    let at = this.#rest.indexOf(this.mark, from);
    let any = false;
    while (at >= 0) {
      const begin = at + this.mark.length;
      const end = this.#rest.indexOf("\n", begin);
      if (end < 0) break;
      this.#found.push({
        output: this.#rest.subarray(0, at),
        mark: this.#rest.toString("latin1", begin, end),
      });
      this.#rest = this.#rest.subarray(end + 1);
      this.#watcher = undefined;
      this.#follower = undefined;
      any = true;
      at = this.#rest.indexOf(this.mark);
    }
    return any;
  }
}
