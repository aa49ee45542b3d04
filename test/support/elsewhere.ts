/** The provider's methods in a process of its own, which a test can kill. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtProvider } from "./built";

export interface Operation {
  readonly method: "create" | "update" | "delete";
  readonly args: readonly unknown[];
}

export interface Running {
  kill(): void;
  /** Whether it was killed. @throws where it failed by itself */
  readonly ended: Promise<boolean>;
}

export interface Elsewhere {
  /** For what a hook writes. */
  readonly folder: string;
  /** @param hook a script that the process loads first, and the variables that this one reads */
  start(operation: Operation, hook?: { script?: string; environment: NodeJS.ProcessEnv }): Promise<Running>;
  dispose(): Promise<void>;
}

const program = `
  const { instance } = require(process.argv[1] + "/provider/index.js");
  const { method, args } = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
  instance[method](...args).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;

export async function elsewhere(): Promise<Elsewhere> {
  const [built, folder] = await Promise.all([builtProvider(), mkdtemp(join(tmpdir(), "pginstance-run-"))]);
  return {
    folder,
    async start(operation, hook) {
      const file = join(await mkdtemp(join(folder, "operation-")), "operation.json");
      await writeFile(file, JSON.stringify(operation));
      const first = hook?.script ? ["--require", hook.script] : [];
      const child = spawn(process.execPath, [...first, "-e", program, built.path, file], {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          PATH: process.env.PATH,
          NODE_COMPILE_CACHE: join(folder, "cache"),
          ...hook?.environment,
        },
      });
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      const ended = once(child, "exit").then(([code, signal]) => {
        if (signal === null && code !== 0) {
          throw new Error(`${operation.method} failed without a kill: ${stderr}`);
        }
        return signal === "SIGKILL";
      });
      // Whoever waits for something else meanwhile hears of it later.
      ended.catch(() => undefined);
      return { kill: () => child.kill("SIGKILL"), ended };
    },
    async dispose() {
      await built.dispose();
      await rm(folder, { recursive: true });
    },
  };
}
