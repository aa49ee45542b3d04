/** Programs to their end, for peers and facts. */
import { execFile } from "node:child_process";
import { join } from "node:path";

/** Where what is not compiled lies. The benchmark starts in the clone's root. */
export const peersFolder = join(process.cwd(), "test", "bench", "peers");

export interface ExecuteOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** Standard output. Anything else than success is an error with what it printed last. */
export function execute(
  program: string,
  args: readonly string[],
  { env, input }: ExecuteOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, cwd: "/", maxBuffer: 1 << 24 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const printed = `${stdout}${stderr}`.trim().split("\n").slice(-15).join("\n");
      reject(new Error(`${program} exited ${error.code}:\n${printed}`));
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}
