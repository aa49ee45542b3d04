/** Servers, folders and ports for tests; as root, servers run as another user. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type CompleteMajor, obtainComplete } from "../../scripts/setup/complete.mjs";
import { asServerUser, type Major, obtain } from "../../scripts/setup/postgresql.mjs";

export type { CompleteMajor } from "../../scripts/setup/complete.mjs";
export { type Major, majors, serverUser } from "../../scripts/setup/postgresql.mjs";

/** The folder of this major's programs, the embedded ones: the same releases on every machine. */
export async function binDirectory(major: Major): Promise<string> {
  return (await obtain(major, { embedded: true })).binDirectory;
}

/** The folder of this major's programs, with pg_upgrade, pg_basebackup and all the others. */
export function completePrograms(major: CompleteMajor): Promise<string> {
  return obtainComplete(major);
}

/**
 * A port that is free, and stays so until it is used: each file of tests has some of its own, below those that the kernel
 * gives to whoever connects (ip_local_port_range).
 */
export async function freePort(): Promise<number> {
  const file = Number(process.env.VITEST_WORKER_ID ?? process.pid) % files;
  for (let tried = 0; tried < portsEach; tried += 1) {
    const port = 10_000 + file * portsEach + (asked++ % portsEach);
    if (await isFree(port)) return port;
  }
  throw new Error("no port is free");
}

const files = 220;
const portsEach = 100;
let asked = 0;

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port);
  try {
    await once(probe, "listening");
  } catch {
    return false;
  }
  probe.close();
  await once(probe, "close");
  return true;
}

/** A command as the servers' user, in no folder that this user could not enter. */
export async function runAsOwner(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: "/", ...asServerUser() });
  return stdout;
}

/** A change by hand: a shell script as the servers' user, `$1` and so on its arguments. */
export function editAsOwner(script: string, ...args: string[]): Promise<string> {
  return runAsOwner("sh", "-euc", script, "sh", ...args);
}

export interface OwnedDirectory {
  readonly path: string;
  /** Ends the servers whose data lies in it, then removes it. */
  dispose(): Promise<void>;
}

/** A temporary folder that belongs to the servers' user. Its path is short: a socket's may have 107 bytes. */
export async function ownedDirectory(): Promise<OwnedDirectory> {
  const path = await mkdtemp(join(tmpdir(), "pginstance-"));
  const { uid, gid } = asServerUser();
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
  await chmod(path, 0o755);
  return {
    path,
    async dispose() {
      for (const pid of await postmastersBelow(path)) await endServer(pid);
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Their ids, read from each postmaster.pid and believed only while that process works in that data directory. */
async function postmastersBelow(folder: string, depth = 4): Promise<number[]> {
  if (existsSync(join(folder, "PG_VERSION"))) {
    const text = await readFile(join(folder, "postmaster.pid"), "utf8").catch(() => "");
    const pid = Number.parseInt(text, 10);
    const { stdout } = spawnSync("ps", ["-o", "args=", "-p", String(pid || 0)], { encoding: "utf8" });
    return /\bpostgres\b/.test(stdout) ? [pid] : [];
  }
  if (depth === 0) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const inside = entries.filter((entry) => entry.isDirectory());
  return (
    await Promise.all(inside.map(({ name }) => postmastersBelow(join(folder, name), depth - 1)))
  ).flat();
}

/** SIGQUIT is an immediate shutdown: the postmaster ends its children, and no data is worth waiting for. */
async function endServer(pid: number): Promise<void> {
  for (const signal of ["SIGQUIT", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal);
      for (let waited = 0; waited < 5_000; waited += 50) {
        await sleep(50);
        process.kill(pid, 0);
      }
    } catch {
      return;
    }
  }
}
