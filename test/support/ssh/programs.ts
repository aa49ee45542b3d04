/** Programs that the test kit starts; one that is missing fails a test with the name of its Debian package. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const packages = {
  sshd: "openssh-server",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  "ssh-agent": "openssh-client",
  "ssh-add": "openssh-client",
  ip: "iproute2",
  ss: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  runuser: "util-linux",
  mount: "mount",
  "systemd-nspawn": "systemd-container",
  chpasswd: "passwd",
  sudo: "sudo",
  doas: "opendoas",
  sh: "dash",
  rm: "coreutils",
  dash: "dash",
  bash: "bash",
  zsh: "zsh",
  fish: "fish",
  csh: "csh",
} as const;

/** As root's; `sbin` is not in everybody's PATH. */
export const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The absolute path of a program. */
export function program(name: keyof typeof packages, path = searchPath): string {
  const found = path
    .split(":")
    .map((folder) => join(folder, name))
    .find(isExecutable);
  if (found === undefined)
    throw new Error(`${name} is missing: install the Debian package ${packages[name]}`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
