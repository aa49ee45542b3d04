/** How scripts start programs: from the clone's root, with its own tools first on PATH. Starts on Node 20. */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The clone's root, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/** Everything a script starts finds the project's own Node first: the machine's may be older than the project needs. */
export function environment(extra = {}) {
  const path = [join(root, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
  return { ...process.env, PATH: path, ...extra };
}

/**
 * Runs a program to its end and returns `{ code, stdout, stderr }`; `code` is null when a signal or `limit`
 * (milliseconds) ended it, or when it could not be started. With `show` its output goes to the terminal instead.
 */
export function run(
  program,
  args,
  { show = false, limit, input, env = environment(), cwd = root, ...rest } = {},
) {
  return new Promise((resolve) => {
    const output = show ? "inherit" : "pipe";
    const child = spawn(program, args, {
      cwd,
      env,
      timeout: limit,
      stdio: [input === undefined ? "ignore" : "pipe", output, output],
      ...rest,
    });
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name]?.setEncoding("utf8").on("data", (chunk) => {
        text[name] += chunk;
      });
    }
    child.stdin?.on("error", () => {}).end(input);
    child.on("error", (error) => resolve({ code: null, ...text, stderr: `${text.stderr}${error.message}` }));
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

/** As `run`, but anything else than success is an error that says what was tried and shows the end of its output. */
export async function mustRun(program, args, options) {
  const result = await run(program, args, options);
  if (result.code === 0) return result;
  const output = `${result.stdout}${result.stderr}`.trim().split("\n").slice(-15).join("\n");
  const end = result.code === null ? "did not end by itself" : `exited ${result.code}`;
  throw new Error(`\`${[program, ...args].join(" ")}\` ${end}.${output ? `\n${output}` : ""}`);
}

/** Says what is done and, once it is done, how long it took. */
export async function timed(say, what, body) {
  say(`${what} ...`);
  const begin = performance.now();
  const result = await body();
  say(`${what}: ${seconds(performance.now() - begin)}`);
  return result;
}

export const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;
