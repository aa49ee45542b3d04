import { InstanceStateError } from "../errors";
import type { Host } from "../host/host";
import { sectionFunction, sections } from "../host/shell";

/**
 * Two servers at one port would let clients reach the wrong one, and PostgreSQL starts with a mere warning when only
 * one of several addresses is taken.
 * @param owner looks first, who has a shell already; the login is asked for a process that only it may see
 * @param outside the host without a session, which knows no login
 * @throws InstanceStateError naming who listens
 */
export async function requireFreePort(
  host: Host,
  port: number,
  owner: string,
  outside = host,
): Promise<void> {
  const holder = await findPortHolder(host, port, owner, outside);
  if (holder === undefined) return;
  throw new InstanceStateError(`port: ${port} on ${host.name} is in use by ${holder}`, {
    hint: "Declare another port, or stop what listens there. Nothing was changed.",
  });
}

/** Who listens at a port; undefined: nobody. */
export async function findPortHolder(
  host: Host,
  port: number,
  owner: string,
  outside = host,
): Promise<string | undefined> {
  const seen = await holderOf(host, port, owner);
  if (seen === undefined) return undefined;
  return seen || (await holderOf(outside, port)) || "a process that the login may not see";
}

/** Empty when somebody listens whom that user may not see; undefined when nobody does. */
async function holderOf(host: Host, port: number, user?: string): Promise<string | undefined> {
  const output = sections();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const result = await host.run({ name: "port", script, args: [output.nonce, hex, String(port)], user });
  const parts = output.parse(result.stdout);
  const isTaken = parts.get("taken")?.toString("utf8").trim() === "taken";
  return isTaken ? (parts.get("holder")?.toString("utf8").trim().replace(/\s+/g, " ") ?? "") : undefined;
}

/** Linux tells in /proc who listens (state 0A), and on which inode; elsewhere lsof does. */
const script = `${sectionFunction}
hex=$1 port=$2
if [ -r /proc/net/tcp ]; then
  inodes=$(awk -v p=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { print $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [ -n "$inodes" ] || exit 0
  section taken; echo taken
  section holder
  for inode in $inodes; do
    pid=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v s="socket:[$inode]" '/^\\/proc/ { split($0, at, "/") } $NF == s { print at[3]; exit }')
    [ -n "$pid" ] || continue
    ps -o args= -p "$pid" 2>/dev/null || tr '\\0' ' ' <"/proc/$pid/cmdline"
    echo " (process $pid of $(stat -c %U "/proc/$pid"))"
    break
  done
else
  who=$(lsof -nP -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | tail -n +2 | head -n 1)
  [ -n "$who" ] || exit 0
  section taken; echo taken
  section holder; echo "$who"
fi
exit 0
`;
