/** A TCP proxy that is slow, cuts or falls silent as told, and counts what goes through it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Lane } from "./lane";

/** Up is from the client to the server. */
export type Direction = "up" | "down";

/** So many bytes of both directions together, or of one of them. */
export type Limit = number | { readonly up: number } | { readonly down: number };

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface ProxyOptions {
  /** Milliseconds that everything takes one way, whatever its size; a new connection takes three ways first, as TCP's does. */
  readonly latency?: number;
  readonly cutAfter?: Limit;
  /** What becomes of new connections after a cut: they work unless told. */
  readonly afterCut?: "work" | "refused";
  /** How a cut ends a connection: in order, as when a process ends, unless told. */
  readonly cutBy?: "end" | "reset";
}

export interface Counters {
  readonly connections: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /**
   * How often the server sent after the client had sent: who waits for every answer has made that many round trips.
   * What both send by themselves at the same time, such as SSH's first lines, counts as one or as none.
   */
  readonly roundTrips: number;
}

/** A chunk was forwarded; the bytes are those so far, so a cut after `total` is one right behind it. */
export interface Boundary {
  readonly direction: Direction;
  readonly up: number;
  readonly down: number;
  readonly total: number;
}

interface Connection {
  readonly lanes: readonly Lane[];
  lastSender?: Direction;
}

const nothing = { connections: 0, bytesUp: 0, bytesDown: 0, roundTrips: 0 };

/** Listens on a port of the loopback, in this process. Call `close` at its end. */
export async function tcpProxy(target: Target, options: ProxyOptions = {}): Promise<TcpProxy> {
  const proxy = new TcpProxy(target, options);
  await proxy.resume();
  return proxy;
}

export class TcpProxy {
  readonly host = "127.0.0.1";
  port = 0;
  private counts = { ...nothing };
  private chunks: Boundary[] = [];
  /** Bytes until the cut, of each direction and of both. */
  private left: { up?: number; down?: number; total?: number } = {};
  private silent = false;
  private server?: Server;
  private readonly sockets = new Set<Socket>();
  private readonly connections = new Set<Connection>();

  constructor(
    private readonly target: Target,
    private readonly options: ProxyOptions,
  ) {
    if (options.cutAfter !== undefined) this.cutAfter(options.cutAfter);
  }

  get counters(): Counters {
    return { ...this.counts };
  }

  get boundaries(): readonly Boundary[] {
    return [...this.chunks];
  }

  /** Also forgets the boundaries. Connections that are open go on. */
  resetCounters(): void {
    this.counts = { ...nothing };
    this.chunks = [];
  }

  /** Exactly so many bytes more are forwarded, then every connection is cut, once. Zero cuts the next connection as it opens. */
  cutAfter(limit: Limit): void {
    this.left = typeof limit === "number" ? { total: limit } : { ...limit };
    if (this.connections.size > 0 && this.isDue()) this.cut();
  }

  /** Now. */
  cut(): void {
    this.left = {};
    for (const { lanes } of this.connections) for (const lane of lanes) lane.close();
    this.connections.clear();
    for (const socket of this.sockets) {
      if (this.options.cutBy !== "reset") socket.destroySoon();
      // Behind what has been written.
      else if (socket.writable) socket.write("", () => socket.resetAndDestroy());
      else socket.resetAndDestroy();
    }
    if (this.options.afterCut === "refused") this.server?.close();
  }

  /** Forwards nothing more, also no end, until `resume`; new connections are accepted and as silent, unless told. */
  halfOpen(newConnections: "silent" | "work" = "silent"): void {
    this.silent = newConnections === "silent";
    for (const { lanes } of this.connections) for (const lane of lanes) lane.hold();
  }

  /** All works again, and what was held back arrives, as TCP would send it again. */
  async resume(): Promise<void> {
    this.silent = false;
    for (const { lanes } of this.connections) for (const lane of lanes) lane.release();
    if (this.server?.listening) return;
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.serve(client));
    this.server.listen(this.port, this.host);
    await once(this.server, "listening");
    this.port = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.left = {};
    for (const { lanes } of this.connections) for (const lane of lanes) lane.close();
    for (const socket of this.sockets) socket.destroy();
    const { server } = this;
    if (server?.listening) await once(server.close(), "close");
  }

  private async serve(client: Socket): Promise<void> {
    this.counts.connections += 1;
    this.adopt(client);
    await sleep(3 * (this.options.latency ?? 0));
    while (this.silent && !client.destroyed) await sleep(10);
    if (client.destroyed) return;
    const server = connect({ ...this.target, allowHalfOpen: true });
    this.adopt(server);
    // An end in order goes its way behind what is still under way.
    client.once("close", (failed) => failed && server.resetAndDestroy());
    server.once("close", (failed) => failed && client.resetAndDestroy());
    await once(server, "connect").catch(() => {});
    if (server.destroyed || client.destroyed) return;
    this.join(client, server);
  }

  private join(client: Socket, server: Socket): void {
    const { latency = 0 } = this.options;
    const lanes: Lane[] = [];
    const connection: Connection = { lanes };
    const lane = (source: Socket, sink: Socket, direction: Direction) =>
      new Lane(source, sink, latency, (chunk) => this.forward(connection, sink, direction, chunk));
    lanes.push(lane(client, server, "up"), lane(server, client, "down"));
    this.connections.add(connection);
    client.once("close", () => this.connections.delete(connection));
    if (this.isDue()) this.cut();
    else client.resume();
  }

  private forward(connection: Connection, sink: Socket, direction: Direction, chunk: Buffer): void {
    const { left, counts } = this;
    const size = Math.min(chunk.length, left.total ?? chunk.length, left[direction] ?? chunk.length);
    sink.write(chunk.subarray(0, size));
    if (left.total !== undefined) left.total -= size;
    if (left[direction] !== undefined) left[direction] -= size;
    counts[direction === "up" ? "bytesUp" : "bytesDown"] += size;
    if (direction === "down" && connection.lastSender === "up") counts.roundTrips += 1;
    connection.lastSender = direction;
    const { bytesUp: up, bytesDown: down } = counts;
    this.chunks.push({ direction, up, down, total: up + down });
    if (this.isDue()) this.cut();
  }

  private isDue(): boolean {
    return Object.values(this.left).includes(0);
  }

  private adopt(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on("error", () => {}); // A reset is seen as a close.
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
  }
}
