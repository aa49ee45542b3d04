/** The provider as JavaScript, for tests that run it in a process of its own to kill it there. */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(__dirname, "..", "..");

export interface Built {
  /** Holds `provider/index.js` and all below it. */
  readonly path: string;
  dispose(): Promise<void>;
}

/** Compiled from the sources as they are now, without looking at types; a few seconds. */
export async function builtProvider(): Promise<Built> {
  const path = await mkdtemp(join(tmpdir(), "pginstance-built-"));
  await chmod(path, 0o755);
  await symlink(join(root, "node_modules"), join(path, "node_modules"));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["--noCheck", "--declaration", "false", "--outDir", path];
  await promisify(execFile)(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), ...flags]);
  return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}
