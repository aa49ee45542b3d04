/** `npm run bench`: sets the peers up, runs the cases, prints the table, writes the file. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { obtainPython, type Python } from "../../scripts/setup/python.mjs";
import { pgliftPackages } from "../support/pglift";
import { cases } from "./cases";
import type { Bench } from "./cases/bench";
import { compare } from "./comparison";
import { machine, versions } from "./machine";
import type { Means } from "./means";
import { type Options, parseOptions, usage } from "./options";
import { ours } from "./ours";
import { ansible, ansiblePackages } from "./peers/ansible";
import { pglift } from "./peers/pglift";
import { raw } from "./peers/raw";
import { type CaseResult, comparisons, doubts, table } from "./report";
import { openSite, type Site } from "./site";

const say = (line: string) => console.log(line);

async function main(options: Options): Promise<boolean> {
  const site = await openSite(options);
  const failed: string[] = [];
  process.once("SIGINT", () => {
    site.close().finally(() => process.exit(130));
  });
  try {
    const { tools, found, missing } = await findTools(site, options);
    const withRaw = options.without.includes("raw") ? {} : { raw: raw(site) };
    const bench: Bench = { site, ours: ours(site), ...withRaw, tools, say };
    const results: CaseResult[] = [];
    for (const [name, open] of Object.entries(cases)) {
      if (options.only.length > 0 && !options.only.includes(name)) continue;
      try {
        results.push(await measure(name, open, bench, options.pairs));
      } catch (error) {
        failed.push(name);
        say(`${name} FAILED: ${error instanceof Error ? error.message : error}`);
      }
    }
    say(`\n${table(results)}\n`);
    for (const line of [...doubts(results), ...Object.values(missing)]) say(line);
    const measured = { postgresql: site.programs.version, ...found };
    await write(options.json, {
      date: new Date().toISOString(),
      pairs: options.pairs,
      machine: machine(),
      versions: await versions(measured),
      // Names alone: reasons may name folders of the machine.
      missing: Object.keys(missing),
      failed,
      comparisons: results.flatMap(comparisons),
      counts: results.flatMap(({ name, counts }) => counts.map((count) => ({ case: name, ...count }))),
    });
    return failed.length === 0 && Object.keys(missing).length === 0;
  } finally {
    await site.close();
  }
}

async function measure(
  name: string,
  open: (bench: Bench) => ReturnType<(typeof cases)[string]>,
  bench: Bench,
  pairs: number,
): Promise<CaseResult> {
  bench.say(`${name} ...`);
  const it = await open(bench);
  try {
    const series = await compare(it, pairs, (line) => bench.say(`  ${line}`));
    return { name, unit: it.unit ?? "ms", series, counts: it.counts?.() ?? [] };
  } finally {
    await it.close();
  }
}

interface Tools {
  readonly tools: readonly Means[];
  readonly found: Readonly<Record<string, string>>;
  /** What to say of it, by peer. */
  readonly missing: Readonly<Record<string, string>>;
}

async function findTools(site: Site, { without }: Options): Promise<Tools> {
  const known: readonly [string, readonly string[], (site: Site, python: Python) => Promise<Means>][] = [
    ["pglift", pgliftPackages, pglift],
    ["ansible", ansiblePackages, ansible],
  ];
  const tools: Means[] = [];
  const missing: Record<string, string> = {};
  const found: Record<string, string> = {};
  for (const [name, packages, open] of known) {
    if (without.includes(name)) continue;
    try {
      const python = await obtainPython(packages, say);
      tools.push(await open(site, python));
      Object.assign(found, python.versions);
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      missing[name] = `${name} is missing (--without ${name} leaves it out): ${why}`;
    }
  }
  return { tools, found, missing };
}

async function write(file: string, results: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  say(`The series are in ${file}`);
}

async function start(): Promise<void> {
  if (process.argv.includes("--help")) return say(usage);
  const good = await main(parseOptions(process.argv.slice(2), Object.keys(cases)));
  // Connections that the provider keeps would keep us, too.
  process.exit(good ? 0 : 1);
}

start().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exit(1);
});
