/**
 * `npm run test:preview-truth -- --cases N --seed S`: what the preview says against what the update does, as `npm test`
 * holds it with fewer cases; `--only I` is one of them again. Starts on Node 20.
 */
import { parseArgs } from "node:util";
import { installDependencies } from "./setup/dependencies.mjs";
import { environment, run } from "./setup/run.mjs";

const number = { type: "string" };
const options = { cases: { ...number, default: "200" }, seed: number, only: number };

try {
  const { values } = parseArgs({ options });
  const wrong = Object.entries(values).find(([, value]) => !/^[0-9]{1,6}$/.test(value));
  if (wrong) throw new Error(`--${wrong[0]} is a number of six digits at most`);
  values.seed ??= String(Math.floor(Math.random() * 1_000_000));
  const env = Object.entries(values).map(([name, value]) => [`PREVIEW_TRUTH_${name.toUpperCase()}`, value]);
  await installDependencies(console.log);
  const tests = ["run", "--project", "integration", "test/integration/truth"];
  const { code } = await run("vitest", tests, { show: true, env: environment(Object.fromEntries(env)) });
  process.exitCode = code ?? 1;
} catch (error) {
  console.error(`preview-truth: ${error.message}`);
  process.exitCode = 1;
}
