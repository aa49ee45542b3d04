/** What ssh is told: by a configuration of ours that comes before the user's, and on its command lines. */
import { type OpensshArgs, seconds } from "./login";

/**
 * Of each option ssh takes the first value it meets, and it hands its configuration on to the ssh of each jump. So what
 * stands here holds for every machine of the way, whatever the user's files say: nobody is asked, no host key that is
 * unknown or has changed passes, nothing is forwarded, and nothing runs here.
 */
export function configuration(args: OpensshArgs, files: readonly string[]): string {
  const { connectTimeout, keepAlive } = seconds(args);
  return [
    "BatchMode yes",
    "StrictHostKeyChecking yes",
    "ClearAllForwardings yes",
    "ForwardAgent no",
    "ForwardX11 no",
    "Tunnel no",
    "PermitLocalCommand no",
    "RemoteCommand none",
    "RequestTTY no",
    "LogLevel INFO",
    `ConnectTimeout ${connectTimeout}`,
    `ServerAliveInterval ${keepAlive}`,
    "ServerAliveCountMax 3",
    ...files.map((file) => `Include ${file}`),
    "",
  ].join("\n");
}

/** The words of ssh that lead to the host; nothing behind `--` is an option. */
const wayTo = ({ host, port, user }: OpensshArgs): string[] => [
  ...(port === undefined ? [] : ["-p", String(port)]),
  ...(user === undefined ? [] : ["-l", user]),
  "--",
  host,
];

/**
 * The one connection of all shells, and whatever of it has to go: it ends with its standard input, which is a pipe of
 * this process, so that even SIGKILL of this process ends it. First it says how ssh understands its configuration. A
 * master that the user has opened by hand (ControlPath), maybe with a password, is used in place of one of ours, and stays.
 */
const guard = `folder=$1; shift
trap 'rm -rf "$folder"' EXIT
exec 3<&0 </dev/null
understood=$(ssh -G "$@") || exit
printf '%s\\n\\n' "$understood"
theirs=$(printf '%s\\n' "$understood" | sed -n 's/^controlpath //p')
if [ -S "$theirs" ] && ssh -S "$theirs" -O check "$@" 2>/dev/null; then
  ln -s "$theirs" "$folder/socket"
  exec >/dev/null
  read -r word <&3
  exit
fi
ssh -M -N -S "$folder/socket" -o ControlPersist=no "$@" 3<&- >/dev/null &
master=$!
{ read -r word; kill "$master"; } <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&- >/dev/null
wait "$master"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"`;

export const masterOf = (args: OpensshArgs, folder: string): string[] => [
  ...["sh", "-c", guard, "pginstance", folder, "-F", `${folder}/configuration`],
  ...wayTo(args),
];

/** Over the connection at that socket, and over no other: without it ssh would make one of its own. */
const over = (folder: string) => ["ssh", "-F", "none", "-S", `${folder}/socket`];

export const clientOf = ({ host }: OpensshArgs, folder: string, command: string): string[] => [
  ...over(folder),
  ...["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-T", "-e", "none"],
  ...["--", host, command],
];

export const checkOf = ({ host }: OpensshArgs, folder: string): string[] => [
  ...over(folder),
  ...["-O", "check", "--", host],
];
