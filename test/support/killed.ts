/** The provider in a process of its own that is killed around one step, as an operation of the engine would be. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Built, builtProvider } from "./built";
import { until } from "./processes";

const hook = join(__dirname, "kill-at-step.cjs");

const program = `
  const { instance } = require(process.argv[2] + "/provider/index.js");
  const { promote } = require(process.argv[2] + "/provider/instances/index.js");
  const { method, args } = JSON.parse(require("node:fs").readFileSync(process.argv[3], "utf8"));
  ({ ...instance, promote })[method](...args).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;

export interface Kill {
  /** The step's name in the journal. */
  readonly step: string;
  /** Milliseconds after it was sent; before that when absent. */
  readonly after?: number;
}

export class Killer {
  private constructor(
    private readonly built: Built,
    private readonly scratch: string,
  ) {}

  static async open(): Promise<Killer> {
    const [built, scratch] = await Promise.all([
      builtProvider(),
      mkdtemp(join(tmpdir(), "pginstance-kill-")),
    ]);
    await writeFile(join(scratch, "dynamic-provider.cjs"), program);
    return new Killer(built, scratch);
  }

  /** Fails when the process lives to the end: then there was no such step. */
  async kill(
    method: "create" | "update" | "delete" | "promote",
    args: readonly unknown[],
    kill: Kill,
  ): Promise<void> {
    const file = join(this.scratch, "operation.json");
    await writeFile(file, JSON.stringify({ method, args }));
    const child = spawn(
      process.execPath,
      ["--require", hook, join(this.scratch, "dynamic-provider.cjs"), this.built.path, file],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          PATH: process.env.PATH,
          KILL_STEP: kill.step,
          ...(kill.after !== undefined && { KILL_AFTER: String(kill.after) }),
        },
      },
    );
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [code, signal] = await once(child, "exit");
    if (signal !== "SIGKILL") throw new Error(`${method} was not killed, and exited ${code}: ${stderr}`);
  }

  async dispose(): Promise<void> {
    await this.built.dispose();
    await rm(this.scratch, { recursive: true });
  }
}

/** What a killed process held goes with it, a moment later. */
export async function again<T>(run: () => Promise<T>): Promise<T> {
  const { value } = await until("the lock of the killed process", () =>
    run()
      .then((value) => ({ value }))
      .catch((error: Error) => {
        if (error.message.includes("is being changed by")) return undefined;
        throw error;
      }),
  );
  return value;
}
