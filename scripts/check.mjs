/** `npm run check`: everything that needs no server, two at a time. Names as arguments run only those. Starts on Node 20. */
import { installDependencies } from "./setup/dependencies.mjs";
import { run, seconds } from "./setup/run.mjs";

const checks = {
  types: ["tsc", "--noEmit"],
  biome: ["biome", "check", "."],
  imports: ["depcruise", "--config", ".dependency-cruiser.cjs", "provider", "sdk", "examples"],
  tests: ["vitest", "run", "--project", "unit", "--project", "property", "--passWithNoTests"],
};

/** Says one line, and what the program printed only when it failed. */
async function check(name) {
  const [program, ...args] = checks[name];
  const begin = performance.now();
  const { code, stdout, stderr } = await run(program, args, { limit: 600_000 });
  const passed = code === 0;
  console.log(`${passed ? "ok    " : "FAILED"} ${name.padEnd(8)} ${seconds(performance.now() - begin)}`);
  if (!passed) console.log(`\n${stdout}${stderr}`);
  return passed;
}

async function main(names) {
  const unknown = names.find((name) => !(name in checks));
  if (unknown) throw new Error(`There is no check "${unknown}", only ${Object.keys(checks).join(", ")}.`);
  await installDependencies();
  const waiting = names.length > 0 ? names : Object.keys(checks).reverse();
  let passed = true;
  const worker = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) passed = (await check(name)) && passed;
  };
  await Promise.all([worker(), worker()]);
  process.exitCode = passed ? 0 : 1;
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`check: ${error.message}`);
  process.exitCode = 1;
});
