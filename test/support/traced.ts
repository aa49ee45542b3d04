/** What every process on the machine can see of those that are started: their arguments. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Project } from "./engine";

/** A tracer in the background holds what a command writes to until the last server has ended: a file, not the test. */
const printing = `file=$1; shift; "$@" >"$file.out" 2>"$file.err"; code=$?
cat "$file.out"; cat "$file.err" >&2; rm "$file.out" "$file.err"; exit $code`;

const flags = ["-f", "-s", "100000", "-e", "trace=execve"];

/**
 * Every exec, with its whole argv, below the commands of a project and below these processes while the body runs. What is
 * traced from its birth is stopped at an exec alone; a process that runs already is stopped at all it asks of the kernel.
 */
export async function traced(
  project: Project,
  pids: readonly number[],
  body: (project: Project) => Promise<unknown>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pginstance-traced-"));
  let commands = 0;
  // In the background: a server that a command leaves is traced on, and the command has ended all the same.
  const watched = project.by(() => {
    commands += 1;
    const file = join(folder, `command-${commands}`);
    return ["sh", "-c", printing, "sh", file, "strace", "-D", "--seccomp-bpf", ...flags, "-o", file];
  });
  const stop = pids.length > 0 ? await attach(pids, join(folder, "processes")) : async () => undefined;
  try {
    await body(watched).finally(stop);
    const logs = await readdir(folder);
    return (await Promise.all(logs.map((log) => readFile(join(folder, log), "utf8")))).join("\n");
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function attach(pids: readonly number[], log: string): Promise<() => Promise<void>> {
  const args = [...flags, "-o", log, ...pids.flatMap((pid) => ["-p", String(pid)])];
  const tracer = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(tracer, "exit");
  // It tells of every process that it has come to.
  await Promise.race([once(tracer.stderr, "data"), ended]);
  if (tracer.exitCode !== null) throw new Error("strace has ended");
  tracer.stderr.resume();
  return async () => {
    tracer.kill("SIGINT");
    await ended;
  };
}
