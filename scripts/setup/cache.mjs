/** What set-up downloads or builds once is kept here, outside the checkout. Starts on Node 20. */
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/**
 * The folder of everything cached. As root it lies outside root's home, because servers run as another user and
 * a home of mode 0700 would hide it from them.
 */
export function cacheDirectory() {
  if (process.env.PGINSTANCE_CACHE) return process.env.PGINSTANCE_CACHE;
  if (process.getuid?.() === 0) return "/var/cache/pulumi-pginstance";
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pulumi-pginstance");
}

/**
 * Makes `directory` unless it is there: `make(temporary)` fills a sibling, which is then renamed into place. So what
 * has the name is complete, and of two processes that race one wins and both find the same.
 */
export async function once(directory, make) {
  if (existsSync(directory)) return directory;
  const parent = dirname(directory);
  const created = await mkdir(parent, { recursive: true });
  if (created) await chmod(parent, 0o755);
  const temporary = await mkdtemp(`${directory}.partial-`);
  try {
    await make(temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, directory).catch((error) => {
      if (!existsSync(directory)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return directory;
}
