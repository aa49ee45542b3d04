/**
 * Writes `provider/postgresql/settings-catalog/<major>.json` from the view pg_settings of a real server of each major
 * (https://www.postgresql.org/docs/current/view-pg-settings.html), always the embedded one so that every machine
 * writes the same. `npm run catalog`
 */
import { spawn } from "node:child_process";
import { once as event } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { asServerUser, majors, obtainEmbedded } from "./setup/postgresql.mjs";

const limit = 60_000;

/** Read as superuser, so that settings which others must not see are there too; without those of an extension. */
const query = `
  SELECT name, vartype, unit, min_val AS min, max_val AS max, enumvals, context, boot_val AS "bootValue",
         category, short_desc AS description
    FROM pg_catalog.pg_settings
   WHERE name NOT LIKE '%.%'
   ORDER BY name COLLATE "C"`;

/**
 * Enum values that depend on the build or the operating system: compression libraries, io_uring, system calls. All are
 * in the catalog, since refusing one at preview would refuse what the user's server may take. Source: the tables with
 * `#ifdef` in src/backend/utils/misc/guc_tables.c (guc.c below 16), xlog.c, dsm_impl.c, without Windows' own.
 * Boot values of other builds differ too (unix_socket_directories, krb_server_keyfile, wal_sync_method on macOS).
 */
const valuesOfAllBuilds = {
  default_toast_compression: ["pglz", "lz4"],
  dynamic_shared_memory_type: ["posix", "sysv", "mmap"],
  file_copy_method: ["copy", "clone"],
  file_extend_method: ["posix_fallocate", "write_zeros"],
  io_method: ["sync", "worker", "io_uring"],
  recovery_init_sync_method: ["fsync", "syncfs"],
  shared_memory_type: ["sysv", "mmap"],
  wal_compression: ["pglz", "lz4", "zstd", "on", "off"],
  wal_sync_method: ["fsync", "fsync_writethrough", "fdatasync", "open_sync", "open_datasync"],
};

const withValuesOfAllBuilds = (setting) => ({
  ...setting,
  enumvals: setting.enumvals && (valuesOfAllBuilds[setting.name] ?? setting.enumvals),
});

/** Runs a program of the server to its end. */
async function program(path, args, cwd) {
  const child = spawn(path, args, {
    cwd,
    timeout: limit,
    stdio: ["ignore", "ignore", "pipe"],
    ...asServerUser(),
  });
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const [code] = await event(child, "close");
  if (code !== 0) throw new Error(`${path} failed:\n${complaint}`);
}

/** A connection to the server's socket, tried until it answers or the server has gone. */
async function connect(server, host) {
  for (const end = Date.now() + limit; ; await sleep(50)) {
    const client = new pg.Client({ host, user: "postgres", database: "postgres" });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > end) throw error;
    }
  }
}

/** The rows of pg_settings as a fresh server of these programs has them, on a socket of its own. */
export async function readSettings(binDirectory) {
  const directory = mkdtempSync(join(tmpdir(), "pginstance-catalog-"));
  const { uid, gid } = asServerUser();
  if (uid !== undefined) chownSync(directory, uid, gid);
  const data = join(directory, "data");
  let server;
  try {
    const initdb = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
    await program(join(binDirectory, "initdb"), initdb, directory);
    server = spawn(join(binDirectory, "postgres"), ["-D", data, "-k", directory, "-c", "listen_addresses="], {
      cwd: directory,
      stdio: "ignore",
      ...asServerUser(),
    });
    const client = await connect(server, directory);
    try {
      return (await client.query(query)).rows;
    } finally {
      await client.end();
    }
  } finally {
    if (server && server.exitCode === null) {
      const closed = event(server, "close");
      server.kill("SIGQUIT");
      await closed;
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One setting a line, so that a diff between two releases reads setting by setting. */
const print = (settings) => `[\n${settings.map((setting) => JSON.stringify(setting)).join(",\n")}\n]\n`;

async function main() {
  const folder = join(import.meta.dirname, "..", "provider", "postgresql", "settings-catalog");
  mkdirSync(folder, { recursive: true });
  for (const major of majors) {
    const { binDirectory, version } = await obtainEmbedded(major, console.log);
    const settings = (await readSettings(binDirectory)).map(withValuesOfAllBuilds);
    writeFileSync(join(folder, `${major}.json`), print(settings));
    console.log(`${major}.json: ${settings.length} settings of PostgreSQL ${version}`);
  }
}

if (process.argv[1] === import.meta.filename) await main();
