/**
 * A small system as Alpine is one: musl with a PostgreSQL 17 that is linked with it, and busybox as every program; no
 * bash, perl or python, no util-linux, no init. Starts on Node 20.
 *
 * What reaches it from outside are this machine's programs with their own libraries: sshd, doas and psql. Debian's
 * busybox has no flock; the one of toybox, whose options are the same, is in its place.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDirectory, once } from "./cache.mjs";
import { obtainComplete } from "./complete.mjs";
import { environment, mustRun, timed } from "./run.mjs";

const loader = "/lib/ld-musl-x86_64.so.1";

/** Program and Debian package. */
const needed = {
  "/usr/bin/busybox": "busybox-static",
  "/usr/bin/toybox": "toybox",
  "/usr/sbin/sshd": "openssh-server",
  "/usr/bin/doas": "opendoas",
  [loader]: "musl",
};

const artifact = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64-alpine:17.5.0";
const copyArtifact = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy";

const script = fileURLToPath(new URL("busybox.sh", import.meta.url));
const recipe = createHash("sha256")
  .update(JSON.stringify({ needed, artifact }))
  .update(readFileSync(script))
  .update(readFileSync("/etc/os-release"))
  .digest("hex")
  .slice(0, 16);

/** The folder of the system, which is read only: a host writes into its own. */
export async function obtainBusybox(say = () => {}) {
  if (process.getuid?.() !== 0 || process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("only root can make a system with busybox, on Linux and x86-64");
  }
  for (const [program, from] of Object.entries(needed)) {
    if (!existsSync(program)) throw new Error(`${program} is missing: install the Debian package ${from}`);
  }
  const psql = join(await obtainComplete("17", say), "psql");
  const directory = join(cacheDirectory(), `busybox-${recipe}`);
  await once(directory, (temporary) =>
    timed(say, "Making a system of busybox and musl", async () => {
      const env = environment({ LC_ALL: "C.UTF-8" });
      const copy = ["-q", "-B", copyArtifact, `-Dartifact=${artifact}`, `-DoutputDirectory=${temporary}`];
      await mustRun("mvn", copy, { env, cwd: temporary, limit: 600_000 });
      await mustRun("sh", ["-eu", script, temporary, psql, loader], { env, cwd: temporary, limit: 120_000 });
    }),
  );
  return join(directory, "system");
}
