/** The relay, made from each program that a host may have; the others are hidden by a PATH that holds that one alone. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { relay } from "../../../provider/host/relay";
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

async function relayWith(program: "perl" | "python3" | undefined) {
  if (program) await symlink(find(program), join(folder, program));
  const child = spawn("/bin/sh", ["-c", relay, "pginstance", join(folder, "s")], { env: { PATH: folder } });
  children.push(child);
  return child;
}

async function serve(answer: (total: Buffer) => Buffer | undefined): Promise<void> {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    let total = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      total = Buffer.concat([total, chunk]);
      const bytes = answer(total);
      if (bytes) socket.write(bytes);
    });
    socket.on("end", () => socket.end());
  }).listen(join(folder, "s"));
  await once(server, "listening");
}

describe.each(["perl", "python3"] as const)("with %s", (program) => {
  it("a large request gets a large answer, every byte as it was", async () => {
    const request = randomBytes(5_000_000);
    const response = randomBytes(5_000_000);
    const received: Buffer[] = [];
    await serve((total) => {
      if (total.length < request.length) return undefined;
      received.push(total);
      return response;
    });
    const child = await relayWith(program);
    const got: Buffer[] = [];
    child.stdin.write(request);
    let size = 0;
    for await (const chunk of child.stdout) {
      got.push(chunk);
      size += chunk.length;
      if (size >= response.length) break;
    }
    expect(Buffer.concat(received).equals(request)).toBe(true);
    expect(Buffer.concat(got).equals(response)).toBe(true);
  });

  it("it ends with code 0 when its standard input does", async () => {
    await serve((total) => total);
    const child = await relayWith(program);
    child.stdin.write("x");
    await once(child.stdout, "data");
    child.stdin.end();
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  it("it fails when there is no such socket, and names it", async () => {
    const child = await relayWith(program);
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const [code] = await once(child, "close");
    expect(code).not.toBe(0);
    expect(text).toMatch(/No such file|FileNotFound/);
  });
});

it("without any of the programs it says which would do", async () => {
  const child = await relayWith(undefined);
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const [code] = await once(child, "close");
  expect(code).toBe(69);
  expect(text).toBe(`needs perl, python3, socat or nc to reach the socket ${folder}/s\n`);
});
