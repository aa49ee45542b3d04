/**
 * `npm test`: sets up what is missing, then runs the checks and every test; not as root, all but those on booted hosts.
 * Arguments after `--` go to vitest, and then only those tests run: `npm run test:hosts` is `npm test -- --project hosts`.
 * The last line is always `N passed, N failed`. Starts on Node 20.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obtainBusybox } from "./setup/busybox.mjs";
import { completeMajors, obtainComplete } from "./setup/complete.mjs";
import { bootsHosts, obtainDebian } from "./setup/debian.mjs";
import { installDependencies } from "./setup/dependencies.mjs";
import { installRoot } from "./setup/package.mjs";
import { majors, obtain } from "./setup/postgresql.mjs";
import { obtainPulumi } from "./setup/pulumi.mjs";
import { run } from "./setup/run.mjs";

const say = console.log;

/** Also makes what the test workers would otherwise make at the same time, each for itself. */
async function setUp() {
  const debian = obtainBootable(obtainDebian);
  await installDependencies(say);
  await obtainPulumi(say);
  for (const major of majors) await obtain(major, { embedded: true, say });
  for (const major of completeMajors) await obtainComplete(major, say);
  const busybox = obtainBootable(obtainBusybox);
  for (const manager of ["npm", "pnpm"]) await installRoot(manager, say);
  await Promise.all([debian, busybox]);
}

/** Beside all else, as it takes a minute. The tests that need it fail in the same words; the others can do without. */
async function obtainBootable(obtain) {
  if (!bootsHosts) return;
  await obtain(say).catch((error) => say(`No booted hosts: ${error.message}`));
}

/** What is not named runs. */
function projects() {
  if (bootsHosts) return [];
  say("Tests on booted hosts (npm run test:hosts) are for root only: they are left out");
  return ["--project=!hosts"];
}

async function runTests(filters) {
  const folder = await mkdtemp(join(tmpdir(), "pginstance-report-"));
  const file = join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const { code } = await run("vitest", ["run", ...reporters, ...filters], { show: true });
    return count(JSON.parse(await readFile(file, "utf8").catch(() => "{}")), code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file that did not load has no tests to count, and a runner that crashed has no report: each is one failure. */
function count({ numPassedTests = 0, numFailedTests = 0, testResults = [], ...report }, code) {
  const notLoaded = testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  const failed = numFailedTests + notLoaded.length;
  return {
    passed: numPassedTests,
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
}

async function main(filters) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const begin = performance.now();
  try {
    await setUp();
    if (filters.length === 0) {
      const checks = await run("node", ["scripts/check.mjs", "types", "biome", "imports"], { show: true });
      if (checks.code !== 0) total.failed += 1;
    }
    const tests = await runTests(filters.length === 0 ? projects() : filters);
    for (const name of Object.keys(total)) total[name] += tests[name];
  } catch (error) {
    console.log(`test: ${error.message}`);
    total.failed += 1;
  }
  console.log(`Took ${Math.round((performance.now() - begin) / 1000)} s`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main(process.argv.slice(2));
