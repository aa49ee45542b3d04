/** Places for the tests of a file in memory: what a kill, a cut or a failure leaves is the same there, and nothing waits for a disk. */
import { statfs } from "node:fs/promises";
import { afterAll, beforeAll, vi } from "vitest";

const memory = "/dev/shm";

/** A few clusters at once. */
const enough = 2 * 1024 ** 3;

/** For all of a test file; where there is little memory, or none that is a folder, its places stay on the disk. */
export function inMemory(): void {
  beforeAll(async () => {
    const found = await statfs(memory).catch(() => undefined);
    if (found && found.bavail * found.bsize >= enough) vi.stubEnv("TMPDIR", memory);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });
}
