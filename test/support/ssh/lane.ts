/** One direction of a connection through the proxy: everything in its order, each chunk after the same time. */
import type { Socket } from "node:net";

export class Lane {
  /** What has come and is not due; undefined is the end of the stream. */
  private readonly queue: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private state: "open" | "held" | "closed" = "open";

  constructor(
    private readonly source: Socket,
    readonly sink: Socket,
    private readonly latency: number,
    private readonly forward: (chunk: Buffer) => void,
  ) {
    source.on("data", (chunk: Buffer) => this.enqueue(chunk));
    source.on("end", () => this.enqueue(undefined));
    sink.on("drain", () => this.state === "open" && source.resume());
  }

  /** Forwards nothing more, and reads nothing: the system's buffers take what comes. */
  hold(): void {
    if (this.state !== "open") return;
    this.state = "held";
    clearTimeout(this.timer);
    this.source.pause();
  }

  release(): void {
    if (this.state !== "held") return;
    this.state = "open";
    this.source.resume();
    this.move();
  }

  /** What comes from now on is lost. It is read all the same: unread bytes would make a reset of the end of a connection. */
  close(): void {
    this.state = "closed";
    clearTimeout(this.timer);
    this.source.resume();
  }

  private enqueue(chunk: Buffer | undefined): void {
    if (this.state === "closed") return;
    this.queue.push({ due: performance.now() + this.latency, chunk });
    this.move();
  }

  private move(): void {
    clearTimeout(this.timer);
    for (let first = this.queue[0]; first !== undefined && this.state === "open"; first = this.queue[0]) {
      const wait = first.due - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.move(), Math.ceil(wait));
        return;
      }
      this.queue.shift();
      if (first.chunk === undefined) this.sink.end();
      else this.forward(first.chunk);
      if (this.sink.writableNeedDrain) this.source.pause();
    }
  }
}
