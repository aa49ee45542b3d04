/** The npm packages of the clone, and the Node that comes with them. Starts on Node 20. */
import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { environment, mustRun, root, run, timed } from "./run.mjs";

const oldestNode = [22, 12];
const lock = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".package-lock.json");
const stamp = join(root, "node_modules", ".pginstance-lock-hash");

/** Installs the packages when they are missing or not those of package-lock.json. */
export async function installDependencies(say = console.log) {
  const hash = createHash("sha256")
    .update(await readFile(lock))
    .digest("hex");
  if (!(await upToDate(hash))) {
    await timed(say, "Installing the npm packages", install);
  }
  await writeFile(stamp, hash);
  await checkNode();
  if (!(await hasNative())) await timed(say, "Building ssh2's native part", buildNative);
}

/** npm writes its own list last, so an interrupted install has none, and `npm install` by hand leaves a newer one. */
async function upToDate(hash) {
  const [list, wanted] = await Promise.all([stat(installed).catch(() => undefined), stat(lock)]);
  if (!list) return false;
  const before = await readFile(stamp, "utf8").catch(() => undefined);
  return before === hash || list.mtimeMs >= wanted.mtimeMs;
}

async function install() {
  const strict = await run("npm", ["ci", "--loglevel=error"]);
  if (strict.code === 0) return;
  // `npm ci` also refuses a lock written where the registry lacked packages of other platforms.
  if (!/\bEUSAGE\b/.test(strict.stderr)) throw new Error(`\`npm ci\` failed:\n${strict.stderr.trim()}`);
  await mustRun("npm", ["install", "--no-save", "--loglevel=error"]);
}

/** npm built it for the Node that npm ran with: the machine's, where the project's own was not there yet. */
async function hasNative() {
  const asked = 'process.exit(require("ssh2/lib/protocol/crypto.js").bindingAvailable ? 0 : 1)';
  return (await run("node", ["-e", asked])).code === 0;
}

/** Without it ssh2 works, and slower: where it cannot be built, that is so. */
async function buildNative() {
  const headers = join(root, "node_modules/node/node_modules", `node-${process.platform}-${process.arch}`);
  const found = await stat(join(headers, "include")).catch(() => undefined);
  const env = environment(found && { npm_config_nodedir: headers });
  await run("npm", ["rebuild", "ssh2", "cpu-features", "--loglevel=error"], { env, limit: 120_000 });
}

async function checkNode() {
  const { stdout } = await run("node", ["--version"]);
  const [major, minor] = stdout.replace(/^v/, "").split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new Error(
    `Node ${oldestNode.join(".")} or newer is needed, and ${stdout.trim() || "none"} was found. The npm package \`node\` of the ` +
      "devDependencies carries one: `npm rebuild node` puts it into node_modules/.bin (its install script must be " +
      "allowed to run); or install a newer Node.",
  );
}
