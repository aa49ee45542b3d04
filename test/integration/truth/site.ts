/** Where the instance of many cases lives: a folder, ports, and the words of a program made real there. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Properties } from "../../../provider/schema/check";
import type { Observation } from "../../../provider/server/observe";
import { handles, owner, place } from "../../support/instances";
import { isAlive } from "../../support/processes";
import { completePrograms, editAsOwner, type Major } from "../../support/servers";
import { password, placeOfComplete, primary } from "../../support/standby";
import type { Lane } from "./cases";

export interface Site {
  readonly major: Major;
  readonly data: string;
  readonly bin: string;
  /** For each of the generator's ports a real one, and one more. */
  readonly ports: readonly number[];
  /** The program as it reads here. */
  settle(program: Properties): Properties;
  sql(text: string): Promise<unknown>;
  observe(): Promise<Observation>;
  /** Its id, while it lives. */
  postmaster(): Promise<number | undefined>;
  dispose(): Promise<void>;
}

const portsOfPrograms = [5432, 5433, 6000];

/** 17 and 18 are there with all programs; of 14 there are three. */
export const hasAllPrograms = (lane: Lane): lane is "17" | "18" => lane === "17" || lane === "18";

/** Little enough that its standby may have less, as much and more. */
const ofPrimary = {
  max_connections: 60,
  max_locks_per_transaction: 50,
  max_wal_senders: 8,
  max_worker_processes: 8,
};

/** They lie idle for minutes: below those that the system gives to whoever asks for any. */
async function reservedPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const probe = createServer().listen(port);
    const isFree = await once(probe, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    ports.add(port);
  }
  return [...ports];
}

export async function openSite(lane: Lane): Promise<Site> {
  const leader = lane === "standby" ? await primary({ settings: ofPrimary }) : undefined;
  const at = lane === "standby" ? await placeOfComplete("main") : await place(lane);
  const bin = hasAllPrograms(lane) ? await completePrograms(lane) : at.target.binDirectory;
  const major = at.target.version;
  const data = at.target.dataDirectory;
  const ports = await reservedPorts(portsOfPrograms.length + 1);
  await editAsOwner('mkdir -p "$1/run/a" "$1/run/b" "$1/srv"', at.folder.path);
  // Not every build has TLS, and with it that method.
  const settle = (value: unknown): unknown =>
    typeof value === "string"
      ? value
          .replace(/^cert$/, "scram-sha-256")
          .replace(/^\/srv\/pg\/data/, data)
          .replace(/^\/(srv|run|ssd|nvme|hdd)\b/, `${at.folder.path}$&`)
      : value;
  const base = {
    __urn: "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::main",
    version: major,
    dataDirectory: data,
    binDirectory: bin,
    owner,
    deletionProtection: false,
    serviceManager: "pg_ctl",
  };
  return {
    ...handles({ ...at.target, binDirectory: bin }),
    major,
    data,
    bin,
    ports,
    settle(program) {
      const real = JSON.parse(JSON.stringify(program), (_, value) => settle(value)) as Properties;
      const own = leader && {
        standby: { ...(real.standby as Properties), primary: leader.conninfo, password },
      };
      return { ...base, ...real, ...own, port: ports[portsOfPrograms.indexOf(Number(program.port))] };
    },
    async postmaster() {
      const pid = Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8").catch(() => ""), 10);
      return pid > 0 && isAlive(pid) ? pid : undefined;
    },
    async dispose() {
      await at.folder.dispose();
      await leader?.folder.dispose();
    },
  };
}
