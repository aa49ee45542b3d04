/**
 * `npm run test:properties -- --runs N --seed S [test files]`: the properties of what reads and writes PostgreSQL's files,
 * as `npm run check` tries them with fewer runs each. What fails fails again with the same seed. Starts on Node 20.
 */
import { parseArgs } from "node:util";
import { installDependencies } from "./setup/dependencies.mjs";
import { environment, run } from "./setup/run.mjs";

const number = { type: "string" };
const options = { runs: { ...number, default: "10000" }, seed: number };

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const wrong = Object.entries(values).find(([, value]) => !/^[0-9]{1,9}$/.test(value));
  if (wrong) throw new Error(`--${wrong[0]} is a number of nine digits at most`);
  const { runs, seed = String(Math.floor(Math.random() * 1_000_000_000)) } = values;
  console.log(`Seed ${seed}, ${runs} runs of each property`);
  await installDependencies(console.log);
  const files = positionals.length > 0 ? positionals : ["test/property/postgresql"];
  // A run takes a fraction of a millisecond; one that takes 50 has come to no end.
  const limit = `--testTimeout=${20_000 + 50 * Number(runs)}`;
  const { code } = await run(
    "vitest",
    ["run", "--project", "property", "--reporter=verbose", limit, ...files],
    {
      show: true,
      env: environment({ PROPERTY_RUNS: runs, PROPERTY_SEED: seed }),
    },
  );
  console.log(`Seed ${seed}, ${runs} runs of each property: ${code === 0 ? "passed" : "FAILED"}`);
  process.exitCode = code ?? 1;
} catch (error) {
  console.error(`properties: ${error.message}`);
  process.exitCode = 1;
}
