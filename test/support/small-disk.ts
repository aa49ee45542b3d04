/** A disk that is soon full, mounted where a folder is. Needs root. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { asServerUser } from "../../scripts/setup/postgresql.mjs";

const run = promisify(execFile);

/** @returns takes it away, with all that is on it */
export async function smallDisk(folder: string, megabytes: number): Promise<() => Promise<void>> {
  const { uid = 0, gid = 0 } = asServerUser();
  const options = `size=${megabytes}m,mode=700,uid=${uid},gid=${gid}`;
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  return async () => {
    await run("umount", ["-l", folder]);
  };
}
