/** What a careful person would write without any tool: the scripts beside this file. */
import { join } from "node:path";
import { execute, peersFolder } from "../execute";
import type { Means } from "../means";
import type { Site, Spot } from "../site";

export interface Raw extends Required<Means> {
  createMany(spots: readonly Spot[], width: number): Promise<unknown>;
  /** In one script. */
  readMany(spots: readonly Spot[]): Promise<unknown>;
  restart(spot: Spot): Promise<unknown>;
}

/** `kept`: over a connection that stays, as ControlMaster of OpenSSH does it. */
export function raw(site: Site, kept = false): Raw {
  const sshHost = kept ? "kept" : "target";
  const env = { SSH_CONFIG: site.sshConfig, SSH_HOST: sshHost, AS_OWNER: site.asOwner };
  const script = (name: string, args: readonly string[], input?: string) =>
    execute(join(peersFolder, `raw-${name}.sh`), args, { env, input });
  const place = ({ data, port }: Spot) => [site.programs.binDirectory, data, String(port), site.folder];
  return {
    name: kept ? "raw, connection kept" : "raw",
    create: (spot) => script("create", place(spot)),
    createMany: (spots, width) => {
      const lines = spots.map((spot) => `${place(spot).join(" ")}\n`);
      return script("create-many", [String(width)], lines.join(""));
    },
    readMany: (spots) => script("read", spots.flatMap(place)),
    configure: (spot, value) => script("configure", [...place(spot), "work_mem", value]),
    read: (spot) => script("read", place(spot)),
    restart: (spot) => script("restart", place(spot).slice(0, 2)),
    connect: async () => {
      if (kept) await execute("ssh", ["-F", site.sshConfig, sshHost, "true"]);
    },
    async disconnect() {
      if (kept) await execute("ssh", ["-F", site.sshConfig, "-O", "exit", sshHost]).catch(() => undefined);
    },
  };
}
