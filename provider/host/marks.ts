import type { Readable } from "node:stream";

/** Splits a stream at marks, each of which ends what was printed before it. */
export class Marks {
  readonly #found: { readonly output: Buffer; readonly mark: string }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** What came behind that and has no mark: joined once, for each of many chunks would take the square of the time. */
  #chunks: Buffer[] = [];
  /** The end of what came, in which a mark may have begun. */
  #seam: Buffer = Buffer.alloc(0);
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
      this.#chunks.push(chunk);
      const seam = Buffer.concat([this.#seam, chunk]);
      this.#seam = Buffer.from(seam.subarray(-mark.length - 32));
      if (!this.#watcher && !this.#follower && !seam.includes(mark)) return;
      this.#join();
      this.#watch();
      this.#follow();
      if (this.#split()) found();
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
    this.#join();
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

  #join(): void {
    if (this.#chunks.length > 0) this.#rest = Buffer.concat([this.#rest, ...this.#chunks.splice(0)]);
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

  #split(): boolean {
    let at = this.#rest.indexOf(this.mark);
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
