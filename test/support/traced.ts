/** What every process on the machine can see of those that are started: their arguments. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Every exec below these processes while the body runs, with its whole argv. */
export async function traced(pids: readonly number[], body: () => Promise<unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pginstance-traced-"));
  try {
    const log = join(folder, "execs");
    const flags = ["-f", "-s", "100000", "-e", "trace=execve", "-o", log];
    const args = [...flags, ...pids.flatMap((pid) => ["-p", String(pid)])];
    const tracer = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(tracer, "exit");
    // It tells of every process that it has come to.
    await Promise.race([once(tracer.stderr, "data"), ended]);
    if (tracer.exitCode !== null) throw new Error("strace has ended");
    tracer.stderr.resume();
    await body().finally(async () => {
      tracer.kill("SIGINT");
      await ended;
    });
    return await readFile(log, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}
