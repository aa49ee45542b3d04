/** Ansible core with pipelining, from this machine: the playbooks beside this file, of builtin modules alone. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Python } from "../../../scripts/setup/python.mjs";
import { execute, peersFolder } from "../execute";
import type { Means } from "../means";
import type { Site, Spot } from "../site";

export const ansiblePackages = ["ansible-core>=2.15"];

export async function ansible(site: Site, { python }: Python): Promise<Means> {
  const folder = join(site.host.folder, "ansible");
  const connections = join(folder, "cp");
  await mkdir(connections, { recursive: true });
  const env = {
    ANSIBLE_CONFIG: join(peersFolder, "ansible", "ansible.cfg"),
    ANSIBLE_HOME: folder,
    // Its default, and the way to the host.
    ANSIBLE_SSH_ARGS: `-F ${site.sshConfig} -C -o ControlMaster=auto -o ControlPersist=60s`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: connections,
    LC_ALL: "C.UTF-8",
  };
  const play = (name: string, spot: Spot, more = {}) => {
    const variables = {
      ...{ bin: site.programs.binDirectory, data: spot.data, port: spot.port, sockets: site.folder },
      ...{ owner: site.owner, owner_needs_sudo: site.asOwner !== "", ...more },
    };
    const file = join(peersFolder, "ansible", `${name}.yml`);
    const args = ["-i", "target,", "-e", JSON.stringify(variables), file];
    return execute(python, ["-m", "ansible", "playbook", ...args], { env });
  };
  return {
    name: "ansible",
    create: (spot) => play("create", spot),
    configure: (spot, value) => play("configure", spot, { setting: "work_mem", value }),
    async disconnect() {
      for (const name of await readdir(connections)) {
        const way = ["-F", site.sshConfig, "-o", `ControlPath=${join(connections, name)}`];
        await execute("ssh", [...way, "-O", "exit", "target"]).catch(() => undefined);
      }
    },
  };
}
