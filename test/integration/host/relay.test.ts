/** The relay, made from each program that a host may have; the others are hidden by a PATH that holds that one alone. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noRelay, relay } from "../../../provider/host/relay";
import { end } from "../../support/processes";

let folder: string;
let server: Server;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pginstance-relay-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.pid !== undefined) end(child.pid);
  server?.close();
  await rm(folder, { recursive: true });
});

/** The program itself, not a shim that would look for another on PATH. */
function find(program: "perl" | "python3"): string {
  const script =
    program === "perl" ? ["-e", "print $^X"] : ["-c", "import sys; print(sys.executable, end='')"];
  return execFileSync(program, script, { encoding: "utf8" });
}

async function relayWith(
  program: "perl" | "python3" | undefined,
  request: Buffer | string = "",
  seconds = 10,
  bytes = Buffer.byteLength(request),
) {
  if (program) await symlink(find(program), join(folder, program));
  const args = [join(folder, "s"), String(seconds), String(bytes)];
  const argv = ["-c", `${relay}relay "$@"`, "pginstance", ...args];
  const child = spawn("/bin/sh", argv, { env: { PATH: folder } });
  children.push(child);
  const chunks: Buffer[] = [];
  let words = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words += text;
  });
  child.stdin.on("error", () => undefined).end(request);
  const [exitCode] = await once(child, "close");
  return { exitCode, answer: Buffer.concat(chunks), words };
}

async function serve(answer: (total: Buffer) => Buffer | undefined): Promise<void> {
  server = createServer((socket) => {
    let total = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      total = Buffer.concat([total, chunk]);
      const bytes = answer(total);
      if (bytes) socket.end(bytes);
    });
  }).listen(join(folder, "s"));
  await once(server, "listening");
}

describe.each(["perl", "python3"] as const)("with %s", (program) => {
  it("a large request gets a large answer, every byte as it was", async () => {
    const request = randomBytes(5_000_000);
    const response = Buffer.concat([Buffer.from([0, 10, 13, 4, 26, 255]), randomBytes(5_000_000)]);
    await serve((total) => (total.equals(request) ? response : undefined));
    const { exitCode, answer } = await relayWith(program, request);
    expect(exitCode).toBe(0);
    expect(answer.equals(response)).toBe(true);
  });

  it("an answer that comes before all was sent is not lost", async () => {
    await serve(() => Buffer.from("refused"));
    expect((await relayWith(program, randomBytes(5_000_000))).answer.toString()).toBe("refused");
  });

  it("a socket that nobody serves is an error with its path", async () => {
    const { exitCode, words } = await relayWith(program, "hello");
    expect(exitCode).not.toBe(0);
    expect(words).toMatch(/s: (No such file or directory|Connection refused)/);
  });

  it("a request of which half was cut off is not sent", async () => {
    let connections = 0;
    await serve(() => undefined);
    server.on("connection", () => {
      connections += 1;
    });
    const { exitCode, words } = await relayWith(program, "hel", 10, 5);
    expect(exitCode).not.toBe(0);
    expect(words).toContain("its input was cut off");
    expect(connections).toBe(0);
  });

  it("a server that does not answer is left at the limit, which the error names", async () => {
    await serve(() => undefined);
    const { exitCode, words } = await relayWith(program, "hello", 1);
    expect(exitCode).not.toBe(0);
    expect(words).toContain("no answer within 1 s");
  });
});

it("with none of them says by its exit code that there is nothing to make it of", async () => {
  expect((await relayWith(undefined, "hello")).exitCode).toBe(noRelay);
});
