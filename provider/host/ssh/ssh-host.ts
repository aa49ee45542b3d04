import { userInfo } from "node:os";
import { ConnectionError } from "../../errors";
import { type Become, methodOf, wayTo } from "../become";
import { boot, FramedShell, type Process } from "../framed-shell";
import { quote } from "../shell";
import { ShellHost, type Transport } from "../shell-host";
import type { Connection } from "./connection";
import { connectionTo } from "./connections";
import { nameOf, type SshArgs } from "./login";

/** A machine that answers over SSH. Nothing is connected before the first command. */
export class SshHost extends ShellHost {
  constructor(args: SshArgs, become: Become = {}) {
    super(sshTransport(args, become));
  }
}

/** sshd's MaxSessions is 10 unless it is told otherwise; some of them are left to others. */
const shells = 8;

function sshTransport(args: SshArgs, become: Become): Transport {
  const name = nameOf(args);
  const login = args.user ?? userInfo().username;
  return {
    name,
    login,
    shells,
    async open(user) {
      const who = { name: login, isRoot: login === "root" };
      const way = wayTo(user, who, become, boot);
      const connection = await connectionTo(args);
      // The words need no quoting in any login shell but for the last, which has no quote in it.
      const [program = "", ...words] = way.argv;
      const command = [
        "exec",
        program,
        ...words.map((word) => (/^[\w=/.,:@$-]+$/.test(word) ? word : quote(word))),
      ];
      const method = user === login ? undefined : methodOf(who, become);
      const refused = (words: string) => refusal(name, login, user, method, words);
      const channel = await start(connection, command.join(" "));
      return FramedShell.open(name, channel, way, refused, 3 * (args.connectTimeout ?? 10));
    },
  };
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

function refusal(
  host: string,
  login: string,
  user: string,
  method: string | undefined,
  words: string,
): Error {
  const [what, [, hint = ""] = []] =
    method === undefined
      ? [`the login shell of ${login} runs no commands`, shellHints.find(([pattern]) => pattern.test(words))]
      : [`${login} cannot become ${user} by ${method}`, becomeHints.find(([pattern]) => pattern.test(words))];
  return new ConnectionError(`${host}: ${what}: ${words}`, {
    host,
    phase: "become",
    hint: hint.replaceAll("LOGIN", login).replaceAll("OWNER", user),
  });
}

type Hints = readonly (readonly [words: RegExp, hint: string])[];

/** What the words of a login shell mean for whoever reads them. */
const shellHints: Hints = [
  [/expired/i, "Set a new password for LOGIN there (passwd), or lift its expiry (chage)."],
  [
    /\d{4}umask/,
    "What LOGIN runs at a login (.bashrc or the like) reads the commands that are meant for the shell.",
  ],
  [
    /(?:)/,
    "Give LOGIN a shell (chsh), see that what it runs at a login (.bashrc, ForceCommand) lets commands through, or log in as another user.",
  ],
];

/** What the words of sudo and su mean. */
const becomeHints: Hints = [
  [/tty/i, "sudoers wants a terminal: add `Defaults:LOGIN !requiretty` there."],
  [
    /password is required|no password was provided/i,
    "Allow it without a password (sudoers: `LOGIN ALL=(OWNER) NOPASSWD: ALL`), or declare `become.password` or `passwordEnv`.",
  ],
  [
    /password was refused|incorrect password|authentication failure|try again/i,
    "See that the password of `become` is the right one.",
  ],
  [/not allowed|may not run|not in the sudoers/i, "Allow it: sudoers `LOGIN ALL=(OWNER) NOPASSWD: ALL`."],
  [/not found|No such file/i, "It is not on the host: install it, or declare another `become.method`."],
  [/(?:)/, "Declare another `become.method`, or another owner."],
];
