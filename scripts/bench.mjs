/** `npm run bench`: ours beside what a user would otherwise run, in one run. test/bench/options.ts has its arguments. Starts on Node 20. */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installDependencies } from "./setup/dependencies.mjs";
import { mustRun, root, run } from "./setup/run.mjs";

/** Compiled, as users run it; what compiles a program while it runs would be measured too. */
async function bench(args) {
  await installDependencies();
  const built = await mkdtemp(join(tmpdir(), "pginstance-bench-"));
  try {
    for (const name of ["node_modules", "scripts"]) await symlink(join(root, name), join(built, name));
    await mustRun("tsc", ["-p", "test/bench", "--outDir", built]);
    const { code } = await run("node", [join(built, "test", "bench", "main.js"), ...args], { show: true });
    process.exitCode = code ?? 1;
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

// Ctrl-C reaches the benchmark too, which takes away what it has made; then it is our turn.
process.on("SIGINT", () => {});

bench(process.argv.slice(2)).catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
