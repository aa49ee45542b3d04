/** Debian 13 with systemd, sshd and PostgreSQL 17: what the tests' full hosts boot, each its own copy. Starts on Node 20. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheDirectory, once } from "./cache.mjs";
import { environment, run, timed } from "./run.mjs";

/** As root only: to make it, and to boot it. */
export const bootsHosts = process.getuid?.() === 0;

/** Program and Debian package. */
const needed = { debootstrap: "debootstrap", "systemd-nspawn": "systemd-container", unshare: "util-linux" };

const packages = [
  ...["systemd", "systemd-sysv", "dbus", "libpam-systemd", "procps", "iproute2"],
  ...["openssh-server", "sudo", "postgresql"],
];

/** What it mounts and starts is there for itself alone, and gone with it however it ends. */
const install = [
  ...["unshare", "--mount-proc", "--propagation", "private", "--pid", "--fork", "--kill-child"],
  ...["debootstrap", "--variant=minbase", `--include=${packages.join(",")}`, "trixie"],
];

/** Leaves out what each host has of its own, what came from this machine, and what nobody reads. */
const strip = `
rm -f "$1/etc/hostname"
: >"$1/etc/resolv.conf"
rm -f "$1"/etc/ssh/ssh_host_* "$1/var/lib/dbus/machine-id"
ln -s /etc/machine-id "$1/var/lib/dbus/machine-id"
: >"$1/etc/machine-id"
rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/journal/*`;

/** Another recipe is another folder. */
const recipe = createHash("sha256").update(JSON.stringify({ install, strip })).digest("hex").slice(0, 16);
const prefix = "debian-13-";

/** The folder of the system, which is read only: a host writes into its own. */
export async function obtainDebian(say = () => {}) {
  if (!bootsHosts) throw new Error("only root can make and boot a Debian system");
  for (const [program, from] of Object.entries(needed)) {
    if (!isOnPath(program)) throw new Error(`${program} is missing: install the Debian package ${from}`);
  }
  const directory = join(cacheDirectory(), `${prefix}${recipe}`);
  await once(directory, async (temporary) => {
    await removeUnused();
    await timed(say, "Installing a Debian system that boots (about a minute, once)", () =>
      make(join(temporary, "system")),
    );
  });
  await utimes(directory, new Date(), new Date());
  return join(directory, "system");
}

async function make(directory) {
  const [program, ...args] = [...install, directory];
  // The locale becomes that of Debian's own cluster.
  const env = environment({ LANG: "C.UTF-8", LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" });
  const { code, stdout, stderr } = await run(program, args, { env, limit: 900_000 });
  // A cluster that could not be made is no failure of its package.
  const clusterIsThere = existsSync(join(directory, "etc", "postgresql", "17", "main", "postgresql.conf"));
  if (code !== 0 || !clusterIsThere) {
    const logs = await Promise.all(logsOf(directory).map((path) => readFile(path, "utf8").catch(() => "")));
    const end = [stdout, stderr, ...logs].join("\n").trim().split("\n").slice(-25).join("\n");
    throw new Error(`\`${[program, ...args].join(" ")}\` failed (exit code ${code}):\n${end}`);
  }
  const stripped = await run("sh", ["-euc", strip, "sh", directory]);
  if (stripped.code !== 0) throw new Error(`the new Debian system could not be stripped: ${stripped.stderr}`);
}

/** Where debootstrap writes while it works, and leaves it in the end. */
const logsOf = (directory) =>
  ["debootstrap/debootstrap.log", "var/log/bootstrap.log"].map((name) => join(directory, name));

/** Those of other recipes, and of runs that were killed: nobody has used them for some days. */
async function removeUnused() {
  for (const name of await readdir(cacheDirectory())) {
    if (!name.startsWith(prefix)) continue;
    const found = await stat(join(cacheDirectory(), name)).catch(() => undefined);
    const days = found ? (Date.now() - found.mtimeMs) / (24 * 60 * 60 * 1000) : 0;
    if (days > 3) await rm(join(cacheDirectory(), name), { recursive: true, force: true });
  }
}

const isOnPath = (program) =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin"].some((folder) =>
    existsSync(join(folder, program)),
  );
