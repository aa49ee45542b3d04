/** Where a host's processes run: in namespaces of its own as root, else on the loopback of the machine. */
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { processesWith, type Seen } from "../processes";
import { freePort } from "../servers";
import { type Guard, guard, loopback, namespaces } from "./guard";
import { program, searchPath } from "./programs";

export interface Place {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly isolated: boolean;
  readonly folder: string;
  /** The path by which the tests see its /etc. */
  readonly etc: string;
  /** The first of 32 that no other host of the machine gives to a login or group. */
  readonly firstId: number;
  /** The start of a command that runs another one there. */
  readonly enter: readonly string[];
  processes(): Seen[];
  dispose(): Promise<void>;
}

/** Has a network whose other end is this machine, or another place of this kind. */
export async function namespacePlace(outer?: string): Promise<Place> {
  for (const needed of ["ip", "unshare", "nsenter", "mount"] as const) program(needed);
  const index = await claimNetwork();
  const folder = await makeFolder();
  const name = networkName(index);
  const address = addressOf(index, 2);
  const holder = await guard(namespaces, [folder, name, address, addressOf(index, 1), outer ?? ""], true);
  const namespaceOf = (pid: number) => readlinkSync(`/proc/${pid}/ns/mnt`);
  const own = namespaceOf(holder.pid);
  return {
    ...{ name, address, folder, port: 22, isolated: true, firstId: 20_000 + index * 32 },
    etc: `/proc/${holder.pid}/root/etc`,
    enter: [program("nsenter"), `--mount=/proc/${holder.pid}/ns/mnt`, `--net=/run/netns/${name}`, "--"],
    processes: () => living((pid) => namespaceOf(pid) === own, holder),
    dispose: holder.dispose,
  };
}

export async function loopbackPlace(): Promise<Place> {
  const [folder, port] = await Promise.all([makeFolder(), freePort()]);
  const holder = await guard(loopback, [folder], false);
  const sshd = () => Number(readFileSync(join(folder, "sshd.pid"), "utf8"));
  return {
    ...{ name: `127.0.0.1:${port}`, address: "127.0.0.1", folder, port, isolated: false, firstId: 0 },
    etc: "/etc",
    enter: [],
    processes: () => living((pid) => lineage(pid).includes(sshd()), holder),
    dispose: holder.dispose,
  };
}

/** Short: paths of sockets below it may have 107 bytes. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pgi-"));
  await chmod(folder, 0o755);
  return folder;
}

export const networkName = (index: number) => `pgi${index}`;

/** Networks of four addresses in the range that RFC 2544 keeps for tests. */
export const addressOf = (index: number, end: 1 | 2) => `198.18.${index >> 6}.${(index & 63) * 4 + end}`;

/** Of two who want the same name one fails, in this process or another, so a name is a claim on its addresses too. */
export async function claimNetwork(): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const index = randomInt(1024);
    try {
      await promisify(execFile)(program("ip"), ["netns", "add", networkName(index)], {
        env: { PATH: searchPath },
      });
      return index;
    } catch (error) {
      if (attempt === 50 || !String(error).includes("File exists")) throw error;
    }
  }
}

function living(isOurs: (pid: number) => boolean, holder: Guard): Seen[] {
  if (holder.ended) return [];
  return processesWith("").filter(({ pid }) => {
    try {
      return pid !== holder.pid && isOurs(pid);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

/** A process and those above it. */
function lineage(pid: number): number[] {
  const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? 0);
  return [pid, ...(parent > 1 ? lineage(parent) : [])];
}
