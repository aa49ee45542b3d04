import { userInfo } from "node:os";
import { UnsupportedError } from "../errors";
import { type Become, methodOf, wayTo } from "./become";
import { start } from "./child";
import { boot, FramedShell } from "./framed-shell";
import { thisMachine } from "./host";
import { ShellHost, type Transport } from "./shell-host";

/** This machine. */
export class LocalHost extends ShellHost {
  constructor(become: Become = {}) {
    super(localTransport(become));
  }
}

function localTransport(become: Become): Transport {
  const { username, uid } = userInfo();
  const login = { name: username, isRoot: uid === 0 };
  const name = thisMachine;
  return {
    name,
    login: username,
    shells: 32,
    open(user) {
      const way = wayTo(user, login, become, boot);
      const refused = (words: string) =>
        new UnsupportedError(
          `become: cannot run as ${user} on ${name} by ${methodOf(login, become)}: ${words}`,
          {
            hint: `Allow ${username} to become ${user}, or declare another owner or another way in \`become\`.`,
          },
        );
      return FramedShell.open(name, start(way.argv, { PATH: process.env.PATH ?? "" }), way, refused);
    },
  };
}
