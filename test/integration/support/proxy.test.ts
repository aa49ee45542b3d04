/** The proxy between a client and a server of the tests' own: what it forwards, holds, cuts and counts is exact. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { isAlive, until } from "../../support/processes";
import { type ProxyOptions, type Target, tcpProxy } from "../../support/ssh/proxy";
import { proxyProcess } from "../../support/ssh/proxy-process";

const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
});

/** What one end of a connection has got. */
class End {
  private readonly chunks: Buffer[] = [];
  size = 0;
  ended = false;
  error: string | undefined;

  constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.size += chunk.length;
      this.chunks.push(chunk);
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    clean.push(() => socket.destroy());
  }

  get got(): Buffer {
    return Buffer.concat(this.chunks);
  }

  async has(size: number): Promise<void> {
    await until(`${size} bytes`, () => this.size >= size);
  }

  closed(): Promise<unknown> {
    return until("the end of the connection", () => this.socket.destroyed);
  }
}

/** Answers nothing by itself. */
async function listen(): Promise<{ target: Target; accepted: End[] }> {
  const accepted: End[] = [];
  const server = createServer((socket) => accepted.push(new End(socket))).listen(0, "127.0.0.1");
  await once(server, "listening");
  clean.push(() => server.close());
  return { target: { host: "127.0.0.1", port: (server.address() as AddressInfo).port }, accepted };
}

async function dial({ host, port }: Target): Promise<End> {
  const socket = connect({ host, port });
  await once(socket, "connect");
  return new End(socket);
}

/** Both ends of a connection through a proxy. */
async function pair(options: ProxyOptions = {}) {
  const { target, accepted } = await listen();
  const proxy = await tcpProxy(target, options);
  clean.push(() => proxy.close());
  const open = async () => {
    const before = accepted.length;
    const client = await dial(proxy);
    const server = await until("a connection at the server", () => accepted[before]);
    return { client, server };
  };
  return { proxy, open, accepted, ...(await open()) };
}

/** A request of so many bytes and its answer. */
async function ask(
  { client, server }: { client: End; server: End },
  up: number,
  down: number,
): Promise<void> {
  const [request, response] = [server.size + up, client.size + down];
  client.socket.write(Buffer.alloc(up, "q"));
  await server.has(request);
  server.socket.write(Buffer.alloc(down, "a"));
  await client.has(response);
}

describe("what goes through", () => {
  it("arrives as it was sent, megabytes of it, and so does its end", async () => {
    const { client, server, proxy } = await pair();
    const sent = Buffer.alloc(5_000_000, "0123456789abcdef~");
    client.socket.end(sent);
    await until("the end at the server", () => server.ended, 20);
    expect(server.got.equals(sent)).toBe(true);
    expect(proxy.counters.bytesUp).toBe(5_000_000);
  });

  it("is counted: connections, bytes of each direction, and round trips", async () => {
    const { proxy, open, ...first } = await pair();
    await ask(first, 10, 100);
    await ask(first, 20, 200);
    await ask(await open(), 30, 300);
    expect(proxy.counters).toEqual({ connections: 2, bytesUp: 60, bytesDown: 600, roundTrips: 3 });
  });

  it("makes one round trip however many requests wait for their answers together", async () => {
    const { proxy, client, server } = await pair();
    for (let request = 1; request <= 5; request++) {
      client.socket.write("q");
      await server.has(request);
    }
    for (let answer = 1; answer <= 5; answer++) {
      server.socket.write("a");
      await client.has(answer);
    }
    expect(proxy.counters.roundTrips).toBe(1);
  });

  it("leaves its boundaries: what had gone through behind each chunk", async () => {
    const { proxy, ...ends } = await pair();
    await ask(ends, 10, 100);
    await ask(ends, 20, 200);
    expect(proxy.boundaries).toEqual([
      { direction: "up", up: 10, down: 0, total: 10 },
      { direction: "down", up: 10, down: 100, total: 110 },
      { direction: "up", up: 30, down: 100, total: 130 },
      { direction: "down", up: 30, down: 300, total: 330 },
    ]);
  });

  it("counts from zero after a reset, on a connection that goes on", async () => {
    const { proxy, ...ends } = await pair();
    await ask(ends, 10, 100);
    proxy.resetCounters();
    await ask(ends, 1, 2);
    expect(proxy.counters).toEqual({ connections: 0, bytesUp: 1, bytesDown: 2, roundTrips: 1 });
    expect(proxy.boundaries).toHaveLength(2);
  });
});

describe("latency", () => {
  it("is two ways for a request with its answer, and no more for a large one", async () => {
    const { proxy: _, ...ends } = await pair({ latency: 60 });
    for (const size of [1, 4_000_000]) {
      const start = performance.now();
      await ask(ends, size, 1);
      const took = performance.now() - start;
      expect(took).toBeGreaterThanOrEqual(119);
      // One by one its chunks would take several seconds.
      expect(took).toBeLessThan(2000);
    }
  });

  it("keeps the order of many small chunks, and the end behind them", async () => {
    const { client, server } = await pair({ latency: 20 });
    const words = Array.from({ length: 200 }, (_, index) => `${index};`);
    for (const word of words) {
      client.socket.write(word);
      await new Promise(setImmediate);
    }
    client.socket.end();
    await until("the end at the server", () => server.ended);
    expect(server.got.toString()).toBe(words.join(""));
  });

  it("is that of TCP's handshake too for a new connection", async () => {
    const { open } = await pair({ latency: 50 });
    const start = performance.now();
    await open();
    expect(performance.now() - start).toBeGreaterThanOrEqual(149);
  });
});

describe("a cut", () => {
  it.each([1, 9, 10, 11, 109, 110, 111])(
    "after %i bytes of both directions lets exactly these through",
    async (bytes) => {
      const { client, server, proxy } = await pair({ cutAfter: bytes });
      client.socket.write(Buffer.alloc(10, "q"));
      await server.has(Math.min(bytes, 10));
      server.socket.write(Buffer.alloc(100, "a"));
      if (bytes > 110) {
        await client.has(100);
        client.socket.write(Buffer.alloc(10, "q"));
      }
      await Promise.all([client.closed(), server.closed()]);
      expect(client.size + server.size).toBe(bytes);
      expect(proxy.counters.bytesUp + proxy.counters.bytesDown).toBe(bytes);
    },
  );

  it("counts one direction when told", async () => {
    const { client, server } = await pair({ cutAfter: { down: 7 } });
    client.socket.write(Buffer.alloc(1000, "q"));
    await server.has(1000);
    server.socket.write(Buffer.alloc(100, "a"));
    await Promise.all([client.closed(), server.closed()]);
    expect([server.size, client.size]).toEqual([1000, 7]);
  });

  it("is exact in the middle of a stream of megabytes too", async () => {
    const { client, server } = await pair({ cutAfter: 3_000_001 });
    client.socket.write(Buffer.alloc(8_000_000, "q"));
    await server.closed();
    expect(server.size).toBe(3_000_001);
  });

  it("ends both sides in order, or by a reset when told", async () => {
    for (const cutBy of ["end", "reset"] as const) {
      const { client, server, proxy } = await pair({ cutBy });
      await ask({ client, server }, 1, 1);
      proxy.cut();
      await Promise.all([client.closed(), server.closed()]);
      const expected = cutBy === "end" ? undefined : "ECONNRESET";
      expect([client.error, server.error]).toEqual([expected, expected]);
    }
  });

  it("of zero bytes ends the next connection as it opens", async () => {
    const { proxy, open } = await pair();
    proxy.cut();
    proxy.cutAfter(0);
    const { client, server } = await open();
    await Promise.all([client.closed(), server.closed()]);
  });

  it("happens once: connections after it work", async () => {
    const { client, open } = await pair({ cutAfter: 5 });
    client.socket.write(Buffer.alloc(10, "q"));
    await client.closed();
    const next = await open();
    await ask(next, 100, 100);
  });

  it("lets nobody in any more when told, until all works again", async () => {
    const { proxy, client, open } = await pair({ cutAfter: 5, afterCut: "refused" });
    client.socket.write(Buffer.alloc(10, "q"));
    await client.closed();
    await expect(dial(proxy)).rejects.toThrow("ECONNREFUSED");
    await proxy.resume();
    await ask(await open(), 100, 100);
  });
});

describe("a half-open network", () => {
  it("delivers nothing, not even an end, and lets go of it all when it works again", async () => {
    const { proxy, client, server } = await pair();
    await ask({ client, server }, 1, 1);
    proxy.halfOpen();
    client.socket.write("more");
    server.socket.end("last");
    await sleep(300);
    expect([server.size, client.size, client.ended]).toEqual([1, 1, false]);
    expect(client.socket.destroyed || client.error !== undefined).toBe(false);
    await proxy.resume();
    await server.has(5);
    await until("the end at the client", () => client.ended);
    expect(client.got.toString()).toBe("alast");
  });

  it("accepts a new connection and never says a word, so long as it lasts", async () => {
    const { proxy, accepted } = await pair();
    proxy.halfOpen();
    const late = await dial(proxy);
    late.socket.write("q");
    await sleep(200);
    expect(accepted).toHaveLength(1);
    await proxy.resume();
    await until("the connection at the server", () => accepted[1]?.got.toString() === "q");
  });

  it("lets new connections work when told", async () => {
    const { proxy, open } = await pair();
    proxy.halfOpen("work");
    await ask(await open(), 1, 1);
  });
});

it("closing leaves no connection and no port", async () => {
  const { proxy, client, server } = await pair({ latency: 5 });
  await proxy.close();
  await Promise.all([client.closed(), server.closed()]);
  await expect(dial(proxy)).rejects.toThrow("ECONNREFUSED");
});

it("in a process of its own it counts and obeys as well, and ends with the tests' word", async () => {
  const { target, accepted } = await listen();
  const proxy = await proxyProcess(target);
  clean.push(() => proxy.close());
  const client = await dial(proxy);
  const server = await until("a connection at the server", () => accepted[0]);
  await ask({ client, server }, 3, 4);
  expect((await proxy.seen()).counters).toEqual({ connections: 1, bytesUp: 3, bytesDown: 4, roundTrips: 1 });
  await proxy.tell("cutAfter", 2);
  client.socket.write("12345");
  await client.closed();
  expect(server.got.toString()).toBe("qqq12");
  await proxy.close();
  expect(isAlive(proxy.pid)).toBe(false);
});
