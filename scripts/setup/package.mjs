/** The package as users get it: packed, and installed by npm or pnpm. Starts on Node 20. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cacheDirectory, once } from "./cache.mjs";
import { mustRun, root, timed } from "./run.mjs";

/** What `npm pack` needs to build the package: everything published, and how it is compiled. */
const sources = [
  "package.json",
  "README.md",
  "LICENSE",
  "tsconfig.json",
  "tsconfig.build.json",
  "provider",
  "sdk",
].filter((name) => existsSync(join(root, name)));

/**
 * The tarball of the package, made anew whenever a source changed. It is built in a copy, so that packing neither
 * sees nor disturbs a half-finished `dist` of the clone.
 */
export async function packedPackage(say = () => {}) {
  const directory = join(root, "node_modules", ".cache", "package", await hashOf(sources));
  await once(directory, async (temporary) => {
    await timed(say, "Packing the package", async () => {
      // Not below node_modules: there tsc takes a JSON module for somebody else's, and leaves it out.
      const copy = await mkdtemp(join(tmpdir(), "pulumi-pginstance-"));
      for (const name of sources) await cp(join(root, name), join(copy, name), { recursive: true });
      await symlink(join(root, "node_modules"), join(copy, "node_modules"));
      await mustRun("npm", ["pack", "--silent", "--pack-destination", temporary], { cwd: copy });
      await rm(copy, { recursive: true });
    });
  });
  const [tarball] = await readdir(directory);
  return join(directory, tarball);
}

/**
 * A folder whose `node_modules` holds the packed package and @pulumi/pulumi, installed by this package manager. It lies
 * outside the clone, where nothing that the package forgot to declare can be found by chance.
 */
export async function installRoot(manager, say = () => {}) {
  const tarball = await packedPackage(say);
  const pulumi = JSON.parse(
    await readFile(join(root, "node_modules", "@pulumi", "pulumi", "package.json"), "utf8"),
  );
  const manifest = {
    name: "programs",
    private: true,
    dependencies: { "@pulumi/pulumi": pulumi.version, "pulumi-pginstance": `file:./${basename(tarball)}` },
  };
  const hash = createHash("sha256")
    .update(await readFile(tarball))
    .update(pulumi.version)
    .digest("hex");
  const parent = join(cacheDirectory(), "installs");
  return once(join(parent, `${manager}-${hash.slice(0, 16)}`), async (temporary) => {
    await removeOld(parent);
    await timed(say, `Installing the packed package with ${manager}`, async () => {
      await cp(tarball, join(temporary, basename(tarball)));
      await writeFile(join(temporary, "package.json"), JSON.stringify(manifest, null, 2));
      await mustRun(manager, ["install", ...flags[manager]], { cwd: temporary });
    });
  });
}

/** Scripts are not needed by anything the package depends on, and the folder's own lock file is nobody's. */
const flags = {
  npm: ["--prefer-offline", "--ignore-scripts", "--no-package-lock", "--loglevel=error"],
  pnpm: ["--prefer-offline", "--ignore-scripts", "--no-lockfile", "--ignore-workspace"],
};

/** Every change of the sources makes another install; those of past days are nobody's any more. */
async function removeOld(parent) {
  const day = 24 * 60 * 60 * 1000;
  for (const name of await readdir(parent)) {
    const found = await stat(join(parent, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > day)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Names and contents of these files and folders below the clone's root. */
async function hashOf(names) {
  const hash = createHash("sha256");
  const add = async (name) => {
    const path = join(root, name);
    if ((await stat(path)).isDirectory()) {
      for (const entry of (await readdir(path)).sort()) await add(`${name}/${entry}`);
    } else {
      const content = await readFile(path);
      hash.update(`${name}\0${content.length}\0`).update(content);
    }
  };
  for (const name of names) await add(name);
  return hash.digest("hex").slice(0, 16);
}
