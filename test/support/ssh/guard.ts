/** The process that holds what a host has made on this machine, and removes it however the tests end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { program, searchPath } from "./programs";

export interface Guard {
  readonly pid: number;
  /** What named the host then, its process or its namespace, may by now be somebody else's. */
  readonly ended: boolean;
  /** The end of its input is the word to clean up, so the death of the tests' process is one too. */
  dispose(): Promise<void>;
}

/** The folder is $1; ends sshd. */
export const loopback = `
clean() {
  [ ! -e "$1/sshd.pid" ] || kill "$(cat "$1/sshd.pid")" 2>/dev/null
  rm -rf "$1"
}`;

/** The cable between the host's network and this machine, or another host's network. */
export const cable = `
outside() {
  if [ -n "$outer" ]; then ip -n "$outer" "$@"; else ip "$@"; fi
}
plug_in() {
  outside link add "$network" type veth peer name eth0 netns "$network"
  outside addr add "$there/30" dev "$network"
  outside link set "$network" up
  ip -n "$network" link set lo up
  ip -n "$network" addr add "$here/30" dev eth0
  ip -n "$network" link set eth0 up
}
pull_out() {
  outside link del "$network" 2>/dev/null
  ip netns del "$network"
}`;

/**
 * The folder is $1, the name of the host's network $2, the addresses of both ends of its cable $3 and $4, the network
 * of the other end $5, empty for the machine's. A process is the host's while it is in its mount namespace.
 */
export const namespaces = `
folder=$1 network=$2 here=$3 there=$4 outer=$5
${cable}
end_processes() {
  none=true
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    if [ "$pid" != $$ ] && [ "$process/ns/mnt" -ef "/proc/$$/ns/mnt" ]; then
      none=false
      kill -KILL "$pid" 2>/dev/null
    fi
  done
  $none
}
clean() {
  until end_processes; do sleep 0.02; done
  [ -z "$outer" ] || ip route del unreachable "$here/32" 2>/dev/null
  pull_out
  rm -rf "$folder"
}
set_up() {
  mkdir "$folder/etc" "$folder/etc.work"
  # Where the folder is on an overlay itself, as in a container, only a copy does.
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$folder/etc,workdir=$folder/etc.work" /etc 2>/dev/null || {
    cp -a /etc/. "$folder/etc"
    mount --bind "$folder/etc" /etc
  }
  # sshd and PAM write of every login there.
  for record in wtmp btmp lastlog; do
    [ -e "/var/log/$record" ] || continue
    : >"$folder/$record"
    mount --bind "$folder/$record" "/var/log/$record"
  done
  # Shared by every sshd of the machine, so nobody can know whether it may be removed again.
  mkdir -p /run/sshd
  # Else packets for a host behind another would leave the machine by its default route.
  [ -z "$outer" ] || ip route add unreachable "$here/32"
  plug_in
}
set_up`;

/** Starts one of the scripts above, in a mount namespace of its own when told; resolves when all is there. */
export async function guard(script: string, args: readonly string[], unshared: boolean): Promise<Guard> {
  const shell = [
    "/bin/sh",
    "-ec",
    `trap 'set +e; clean "$@"' EXIT; trap exit HUP INT TERM\n${script}\necho ready\nread -r word || :`,
    "guard",
  ];
  const argv = [...(unshared ? [program("unshare"), "--mount", "--propagation", "private"] : []), ...shell];
  const [command = "", ...rest] = [...argv, ...args];
  // Detached: Ctrl-C in a terminal would end it before it can clean up.
  const child = spawn(command, rest, { cwd: "/", env: { PATH: searchPath }, detached: true });
  const complaints = text(child.stderr);
  const closed = once(child, "close");
  const ready = await Promise.race([once(child.stdout, "data").then(() => true), closed.then(() => false)]);
  if (!ready) throw new Error(`the host could not be made: ${await complaints}`);
  return {
    pid: child.pid as number,
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    async dispose() {
      child.stdin.end();
      await closed;
      if ((await complaints) !== "") throw new Error(`the host left something: ${await complaints}`);
    },
  };
}
