import { userInfo } from "node:os";
import { type Become, methodOf, type Way, wayTo } from "../become";
import { boot, FramedShell, type Process } from "../framed-shell";
import { quote } from "../shell";
import { ShellHost, type Transport } from "../shell-host";
import { configured } from "./configured";
import type { Connection } from "./connection";
import { connectionTo } from "./connections";
import { nameOf, type SshArgs } from "./login";
import { refusedShell } from "./refused-shell";

/** A machine that answers over SSH. Nothing is connected before the first command. */
export class SshHost extends ShellHost {
  constructor(args: SshArgs, become: Become = {}) {
    super(sshTransport(args, become));
  }
}

/** sshd's MaxSessions is 10 unless it is told otherwise; one that ends counts for a moment yet. */
export const shells = 9;

/** Whom to log in as says the configuration, which is read at use. */
export const whoever = "";

function sshTransport(args: SshArgs, become: Become): Transport {
  const name = nameOf(args);
  return {
    name,
    login: args.user ?? (args.configFile === undefined ? userInfo().username : whoever),
    shells,
    async open(wanted, aside) {
      const to = await configured(args);
      const login = to.user ?? userInfo().username;
      const user = wanted === whoever ? login : wanted;
      const who = { name: login, isRoot: login === "root" };
      const way = wayTo(user, who, become, boot);
      const connection = await connectionTo(to, aside);
      const method = user === login ? undefined : methodOf(who, become);
      const refused = refusedShell({ host: name, login, user, method });
      const channel = await start(connection, remoteCommand(way));
      return FramedShell.open(
        name,
        channel,
        way,
        refused,
        3 * (args.connectTimeout ?? to.configured?.connectTimeout ?? 10),
      );
    },
  };
}

/** For the login shell. The words need no quoting in any but for the last, which has no quote in it. */
export function remoteCommand({ argv: [program = "", ...words] }: Way): string {
  const quoted = words.map((word) => (/^[\w=/.,:@$-]+$/.test(word) ? word : quote(word)));
  return ["exec", program, ...quoted].join(" ");
}

async function start(connection: Connection, command: string): Promise<Process> {
  let isBusy = false;
  const busy = (is: boolean) => {
    if (is === isBusy) return;
    isBusy = is;
    connection.use(is);
  };
  busy(true);
  const channel = await connection.exec(command).catch((error: unknown) => {
    busy(false);
    throw error;
  });
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    end: () => channel.close(),
    busy,
    failure: () => connection.lost,
  };
}
