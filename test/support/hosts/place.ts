/** Where a booted system is: its own files, network and control groups on this machine, and what removes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cable, guard } from "../ssh/guard";
import { addressOf, claimNetwork, makeFolder, networkName } from "../ssh/place";
import { program } from "../ssh/programs";

export interface SystemPlace {
  readonly name: string;
  readonly address: string;
  /** Keys, known_hosts and the like; no file of the system. */
  readonly folder: string;
  /** The path of the system's files, in the guard's namespace of mounts. */
  readonly root: string;
  /** The path by which the tests see them. */
  readonly seen: string;
  /** Nothing that was its own may be touched from then on: numbers and names are given again. */
  readonly ended: boolean;
  /** The start of a command that runs another one where the system's files are mounted. */
  readonly enter: readonly string[];
  /** One group of its processes, a folder for each hierarchy of control groups. The first can be killed as a whole. */
  groups(name: string): string[];
  dispose(): Promise<void>;
}

/**
 * The folder is $1, the name of the host's network $2, the addresses of both ends of its cable $3 and $4, the base
 * system $5, and the rest are hierarchies of control groups, where all processes of the host are in the one of its name.
 */
const system = `
folder=$1 network=$2 here=$3 there=$4 base=$5 outer=
shift 5
${cable}
remove_groups() {
  find "$1/$network" -depth -type d -exec rmdir {} +
}
clean() {
  for top in "$@"; do
    [ ! -e "$top/$network/cgroup.kill" ] || echo 1 >"$top/$network/cgroup.kill"
  done
  for top in "$@"; do
    [ -e "$top/$network" ] || continue
    tries=500
    until remove_groups "$top" 2>/dev/null; do
      tries=$((tries - 1))
      if [ $tries = 0 ]; then remove_groups "$top"; break; fi
      sleep 0.02
    done
  done
  umount -l "$folder/root" "$folder/disk" 2>/dev/null
  pull_out
  rm -rf "$folder"
}
overlay() {
  mkdir -p "$folder/disk/upper" "$folder/disk/work"
  mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/disk/upper,workdir=$folder/disk/work" "$folder/root" 2>/dev/null
}
mkdir "$folder/root" "$folder/disk"
# Where the folder is on an overlay itself, as in a container, no overlay can write there.
overlay || {
  mount -t tmpfs tmpfs "$folder/disk"
  overlay || { cp -a --reflink=auto "$base/." "$folder/root"; }
}
# What systemd-nspawn notes of its systems is of no use to anybody else. The folder is the machine's, once it is there.
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
for top in "$@"; do mkdir "$top/$network"; done
plug_in`;

/** A folder that holds a copy of the base system, whatever can be the cheapest here. */
export async function systemPlace(obtain: () => Promise<string>): Promise<SystemPlace> {
  for (const needed of ["systemd-nspawn", "ip", "ss", "unshare", "nsenter", "mount"] as const)
    program(needed);
  const base = await obtain();
  const hierarchies = controlGroups();
  const index = await claimNetwork();
  const [name, address] = [networkName(index), addressOf(index, 2)];
  const folder = await makeFolder();
  const args = [folder, name, address, addressOf(index, 1), base, ...hierarchies];
  const holder = await guard(system, args, true);
  const root = join(folder, "root");
  return {
    ...{ name, address, folder, root },
    seen: `/proc/${holder.pid}/root${root}`,
    enter: [program("nsenter"), `--mount=/proc/${holder.pid}/ns/mnt`, "--"],
    get ended() {
      return holder.ended;
    },
    groups: (group) => hierarchies.map((top) => join(top, name, group)),
    dispose: holder.dispose,
  };
}

/** The one of version 2, and of version 1 the one that systemd-nspawn uses too where a machine still has it. */
function controlGroups(): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const of = (isWanted: (type?: string, options?: string) => boolean) =>
    mounts.filter(([, , type, options]) => isWanted(type, options)).flatMap(([, path = ""]) => path);
  const [unified] = of((type) => type === "cgroup2");
  if (unified === undefined)
    throw new Error("no control groups of version 2 are mounted, which systemd needs");
  return [unified, ...of((type, options) => type === "cgroup" && /\bname=systemd\b/.test(options ?? ""))];
}
