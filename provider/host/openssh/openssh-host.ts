import { type Become, methodOf, wayTo } from "../become";
import { boot, FramedShell } from "../framed-shell";
import { ShellHost, type Transport } from "../shell-host";
import { nameOf } from "../ssh/login";
import { refusedShell } from "../ssh/refused-shell";
import { persist, Shared } from "../ssh/shared";
import { remoteCommand, shells, whoever } from "../ssh/ssh-host";
import { type OpensshArgs, seconds } from "./login";
import { Master } from "./master";

/** A machine that the system's ssh gets to. Nothing is connected before the first command. */
export class OpensshHost extends ShellHost {
  constructor(args: OpensshArgs, become: Become = {}) {
    super(opensshTransport(args, become));
  }
}

/** One connection for all who go the same way, in this process. */
const masters = new Shared<Master>();

function opensshTransport(args: OpensshArgs, become: Become): Transport {
  const name = nameOf(args);
  return {
    name,
    login: args.user ?? whoever,
    shells,
    async open(wanted, aside) {
      const key = `${keyOf(args)} ${aside}`;
      const master = await masters.get(key, () => persist(args.retryFor, () => Master.open(args)));
      const { login } = master;
      const user = wanted === whoever ? login : wanted;
      const who = { name: login, isRoot: login === "root" };
      const way = wayTo(user, who, become, boot);
      const method = user === login ? undefined : methodOf(who, become);
      const refused = refusedShell({ host: name, login, user, method });
      const process = master.run(remoteCommand(way));
      return FramedShell.open(name, process, way, refused, 3 * seconds(args).connectTimeout);
    },
  };
}

/** What makes a connection the same. */
function keyOf(args: OpensshArgs): string {
  const { host, port, user, configFile } = args;
  return JSON.stringify([host, port, user, configFile, seconds(args)]);
}
