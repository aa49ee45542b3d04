/** A booted Debian 13: systemd as process 1, sshd at port 22, Debian's own PostgreSQL 17 at 5432, a network of its own. */
import { readFileSync } from "node:fs";
import { copyFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { obtainDebian } from "../../../scripts/setup/debian.mjs";
import { processesWith } from "../processes";
import type { LoginOptions, Mark, TestHost } from "../ssh/interface";
import { hostKey, keyTypes, makeHostKeys, writeKnownHosts } from "../ssh/keys";
import { logged } from "../ssh/sshd";
import { makeLogin } from "./login";
import { Machine } from "./machine";
import { type SystemPlace, systemPlace } from "./place";

/** As a light host has it. */
type Known = Pick<
  TestHost,
  "name" | "address" | "port" | "folder" | "knownHosts" | "knownHostsFor" | "hostKey"
>;
type Logged = Pick<TestHost, "log" | "mark" | "handshakes" | "channels" | "refusals">;

export type SystemLoginOptions = Pick<LoginOptions, "shell" | "password" | "sudo" | "groups">;

export interface BootedHost extends Known, Logged {
  /** The path by which the tests see the system's files. */
  readonly root: string;
  /** Made by useradd, with a home below /home and bash; or one that the system has, such as root or postgres. */
  login(name: string, options?: SystemLoginOptions): ReturnType<TestHost["login"]>;
  /** A command inside, as root unless told, that belongs to no unit. */
  run: TestHost["run"];
  /** A shell script as a user whose own systemd it can ask; trimmed, whatever its exit code. */
  runOwn(user: string, script: string, ...args: readonly string[]): Promise<string>;
  processes: TestHost["processes"];
  /** Whether that user's systemd is there from boot to shutdown, logged in or not; resolves when it is, or is no more. */
  linger(user: string, on: boolean): Promise<void>;
  /** `systemctl reboot`; resolves when the system has booted again. */
  reboot(): Promise<void>;
  /**
   * Ends every process at once, does `meanwhile`, and boots again. Who is connected hears nothing, and who connects
   * meanwhile waits. Files are as they were, synced or not.
   */
  powerCut(meanwhile?: () => Promise<unknown>): Promise<void>;
  /** Nothing of it is left, as when the tests' process is killed. */
  dispose(): Promise<void>;
}

/** Boots in some seconds; for root only. Call `dispose` at its end. */
export async function bootedHost(): Promise<BootedHost> {
  const place = await systemPlace(obtainDebian);
  try {
    return await boot(place);
  } catch (error) {
    await place.dispose();
    throw error;
  }
}

async function boot(place: SystemPlace): Promise<BootedHost> {
  const { name, address, folder, seen: root } = place;
  const knownHosts = join(folder, "known_hosts");
  await makeHostKeys(folder);
  await writeKnownHosts(folder, { host: address, port: 22 }, knownHosts);
  await configure(place);
  const machine = new Machine(place);
  await machine.on();
  const logFile = join(root, "var", "log", "sshd.log");
  const log = async (since: Mark = 0) => (await readFile(logFile)).subarray(since).toString();
  const counted = (what: RegExp) => async (since?: Mark) => (await log(since)).match(what)?.length ?? 0;
  return {
    ...{ name, address, folder, root, knownHosts, log, port: 22 },
    knownHostsFor: (way) => writeKnownHosts(folder, way, `${knownHosts}_${way.host}_${way.port}`),
    hostKey: (type = "ed25519") => hostKey(folder, type),
    mark: async () => (await stat(logFile)).size,
    handshakes: counted(logged.handshakes),
    channels: counted(logged.channels),
    refusals: counted(logged.refusals),
    login: (login, options = {}) => makeLogin(machine, folder, login, options),
    run: (argv, options) => machine.run(argv, options),
    async runOwn(user, script, ...args) {
      const whole = `export XDG_RUNTIME_DIR="/run/user/$(id -u)"; ${script}`;
      return (await machine.run(["sh", "-c", whole, "sh", ...args], { user })).stdout.trim();
    },
    async linger(user, on) {
      const [whether, then] = on ? ["enable", "start"] : ["disable", "stop"];
      const { code, stderr } = await machine.run(["sh", "-c", lingering, "sh", user, whether, then]);
      if (code !== 0) throw new Error(`loginctl ${whether}-linger ${user}: ${stderr}`);
    },
    processes: () => processesWith("").filter(({ pid }) => groupsOf(pid).includes(`/${name}/`)),
    reboot: () => machine.reboot(),
    async powerCut(meanwhile = async () => undefined) {
      await machine.cut();
      await meanwhile();
      await machine.on();
    },
    dispose: () => place.dispose(),
  };
}

/** logind listens to nobody who is outside of every unit. */
const lingering = 'systemd-run -q --wait loginctl "$2-linger" "$1" && systemctl "$3" "user@$(id -u "$1")"';

/** Empty when it has ended meanwhile. */
function groupsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "latin1");
  } catch {
    return "";
  }
}

/** What is said before the first boot: who it is, and how sshd behaves for the sake of tests. */
async function configure({ name, address, folder, seen }: SystemPlace): Promise<void> {
  const etc = (...names: readonly string[]) => join(seen, "etc", ...names);
  const sshd = ["LogLevel DEBUG1", "UseDNS no", "PermitRootLogin prohibit-password"];
  // Some refused logins in a row would make the tests' address wait.
  sshd.push("PerSourcePenalties no");
  await writeFile(etc("ssh", "sshd_config.d", "tests.conf"), `${sshd.join("\n")}\n`);
  await writeFile(etc("default", "ssh"), "SSHD_OPTS='-E /var/log/sshd.log'\n");
  await writeFile(etc("hostname"), `${name}\n`);
  await writeFile(etc("hosts"), `127.0.0.1 localhost\n${address} ${name}\n`);
  for (const type of keyTypes) {
    const own = etc("ssh", `ssh_host_${type}_key`);
    await copyFile(join(folder, `host_${type}`), own);
    await copyFile(join(folder, `host_${type}.pub`), `${own}.pub`);
  }
}
