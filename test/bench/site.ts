/** Where the instances of a run lie: one host that answers over SSH, reached by everybody through the same login. */
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Properties } from "../../provider/schema/check";
import { findInstalled, majors, type Server } from "../../scripts/setup/postgresql.mjs";
import { editAsOwner, freePort, ownedDirectory, serverUser } from "../support/servers";
import { type TestHost, testHost } from "../support/ssh/host";
import type { Login } from "../support/ssh/interface";
import { type Target, tcpProxy } from "../support/ssh/proxy";

/** All that makes an instance one of its own. */
export interface Spot {
  readonly name: string;
  readonly port: number;
  readonly data: string;
}

export interface Site {
  readonly host: TestHost;
  /** Ours goes without SSH. */
  readonly local: boolean;
  readonly owner: string;
  readonly programs: Server;
  /** Of the owner; the instances and their sockets lie in it. */
  readonly folder: string;
  /** For `ssh -F`: the host is called `target`, and `kept` where a connection stays for the next command. */
  readonly sshConfig: string;
  /** Words before a command on the host that make it run as the owner. */
  readonly asOwner: string;
  /** The input `host` of ours. Each number is a way of its own, with a connection of its own. */
  access(way: number): Properties;
  /** The same host, so many milliseconds of a round trip away. `close` ends the distance alone. */
  away(milliseconds: number): Promise<Site>;
  spot(name: string): Promise<Spot>;
  /** Ends the server and removes its data, without waiting for anything that a run would measure. */
  clear(...spots: readonly Spot[]): Promise<void>;
  close(): Promise<void>;
}

/** A login that may become the owner by sudo; without root the login is the owner. */
export async function openSite({ local }: { local: boolean }): Promise<Site> {
  const programs = clientPrograms();
  const directory = await ownedDirectory();
  const host = await testHost();
  const close = async () => {
    await host.dispose();
    await directory.dispose();
  };
  try {
    const owner = serverUser() ?? userInfo().username;
    const login = host.isolated ? await host.login("deploy", { sudo: "nopasswd" }) : await host.login(owner);
    const near: Site = {
      ...{ host, local, owner, programs, close },
      ...(await reached(host, local, login, { host: host.address, port: host.port }, host.knownHosts)),
      folder: directory.path,
      asOwner: host.isolated ? `sudo -n -u ${owner}` : "",
      spot: async (name) => ({ name, port: await freePort(), data: join(directory.path, name) }),
      async clear(...spots) {
        await editAsOwner(clearScript, ...spots.map(({ data }) => data));
      },
      async away(milliseconds) {
        const proxy = await tcpProxy({ host: host.address, port: host.port }, { latency: milliseconds / 2 });
        const at = { host: proxy.host, port: proxy.port };
        const way = await reached(host, local, login, at, await host.knownHostsFor(at));
        return { ...near, ...way, close: () => proxy.close() };
      },
    };
    return near;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everybody's server is the same, and pglift wants the client programs too, which the embedded ones lack. */
function clientPrograms(): Server {
  for (const major of majors) {
    const found = findInstalled(major);
    if (found) return found;
  }
  throw new Error(
    "PostgreSQL is not installed: the benchmark needs one with psql, as in Debian's postgresql",
  );
}

/** Written to disk here, or the next run's own sync would pay for it. What is beside a directory belongs to it. */
const clearScript = `for data; do
  kill -QUIT "$(head -n 1 "$data/postmaster.pid" 2>/dev/null)" 2>/dev/null || :
done
for data; do
  while [ -e "$data/postmaster.pid" ]; do sleep 0.02; done
  rm -rf "$data" "$data".*
done
sync`;

type Way = Pick<Site, "access" | "sshConfig">;

async function reached(
  host: TestHost,
  local: boolean,
  login: Login,
  at: Target,
  knownHosts: string,
): Promise<Way> {
  const sshConfig = join(host.folder, `ssh_config_${at.port}`);
  await writeFile(sshConfig, printSshConfig({ ...at, ...login, knownHosts, folder: host.folder }));
  const ssh = { ...at, user: login.name, privateKeyFile: login.keyFile, knownHosts: [knownHosts] };
  return {
    sshConfig,
    access: (way) => (local ? { local: {} } : { ssh: { ...ssh, connectTimeout: 10 + (way % 500) } }),
  };
}

interface SshConfig extends Target, Login {
  readonly knownHosts: string;
  readonly folder: string;
}

const printSshConfig = (it: SshConfig) => `Host target kept
  HostName ${it.host}
  Port ${it.port}
  User ${it.name}
  IdentityFile ${it.keyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${it.knownHosts}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
Host kept
  ControlMaster auto
  ControlPersist 60
  ControlPath ${it.folder}/kept-%C
`;
