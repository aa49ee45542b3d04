/** A host of its own that answers over SSH: sshd with its own address, logins and keys on this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { end } from "../processes";
import type { Mark, Result, RunOptions, TestHost, TestHostOptions } from "./interface";
import { hostKey, makeHostKeys, writeKnownHosts } from "./keys";
import { Logins } from "./logins";
import { loopbackPlace, namespacePlace, type Place } from "./place";
import { program, searchPath } from "./programs";
import { logged, Sshd } from "./sshd";

export type * from "./interface";

/** Boots in less than a second. Call `dispose` at its end. */
export async function testHost(options: TestHostOptions = {}): Promise<TestHost> {
  for (const needed of ["sshd", "ssh", "ssh-keygen"] as const) program(needed);
  const place = await (process.getuid?.() === 0 ? namespacePlace(options.behind?.name) : loopbackPlace());
  try {
    return await boot(place, options);
  } catch (error) {
    await place.dispose();
    throw error;
  }
}

async function boot(place: Place, options: TestHostOptions): Promise<TestHost> {
  const { name, address, port, isolated, folder } = place;
  if (options.behind && !isolated) throw new Error("only root can make a host behind another");
  const run = (argv: readonly string[], given?: RunOptions) => runIn(place, argv, given);
  const sshd = new Sshd(place, options.logLevel ?? "DEBUG1");
  const logins = new Logins(place, run);
  const knownHosts = join(folder, "known_hosts");
  const newHostKeys = async () => {
    await makeHostKeys(folder);
    await writeKnownHosts(folder, { host: address, port }, knownHosts);
  };
  await Promise.all([newHostKeys(), logins.prepare()]);
  await sshd.write(options.configure ?? []);
  await sshd.start();
  const counted = (what: RegExp) => async (since?: Mark) => (await sshd.log(since)).match(what)?.length ?? 0;
  return {
    ...{ name, address, port, isolated, folder, knownHosts, run },
    knownHostsFor: (way) => writeKnownHosts(folder, way, `${knownHosts}_${way.host}_${way.port}`),
    hostKey: (type = "ed25519") => hostKey(folder, type),
    login: (login, given = {}) => logins.make(login, given),
    authorise: (login, publicKey) => logins.authorise(login, publicKey),
    log: (since) => sshd.log(since),
    mark: () => sshd.mark(),
    handshakes: counted(logged.handshakes),
    channels: counted(logged.channels),
    refusals: counted(logged.refusals),
    async configure(lines) {
      await sshd.write(lines);
      await sshd.reload();
    },
    async replaceHostKeys() {
      await newHostKeys();
      await sshd.reload();
    },
    processes: () => place.processes(),
    stop: () => sshd.stop(),
    start: () => sshd.start(),
    async dispose() {
      const running = place.processes();
      await sshd.stop();
      for (const { pid } of running) end(pid);
      await place.dispose();
    },
  };
}

async function runIn(
  place: Place,
  argv: readonly string[],
  { user, input = "" }: RunOptions = {},
): Promise<Result> {
  const asUser = user === undefined ? [] : [program("runuser"), "-u", user, "--"];
  const [command = "", ...rest] = [...place.enter, ...asUser, ...argv];
  const child = spawn(command, rest, { cwd: "/", env: { PATH: searchPath } });
  child.stdin.on("error", () => {}); // It has ended without reading all.
  child.stdin.end(input);
  const ended = once(child, "close");
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code: code as number | null, stdout, stderr };
}
