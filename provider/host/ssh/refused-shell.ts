import { ConnectionError } from "../../errors";

/** Who was to get a shell, and how. */
export interface ShellWish {
  readonly host: string;
  readonly login: string;
  readonly user: string;
  /** Undefined: the login's own shell. */
  readonly method: string | undefined;
}

/** In the words of who refused; one that ends without a word may come up a little later. */
export function refusedShell({ host, login, user, method }: ShellWish) {
  return (words: string, isSilent = false): ConnectionError => {
    const what =
      method === undefined
        ? `the login shell of ${login} runs no commands: ${words}`
        : `${login} cannot become ${user} by ${method}: ${words.replace(new RegExp(`^${method}: `), "")}`;
    const [, hint = ""] = hints.find(([pattern]) => pattern.test(what)) ?? [];
    return new ConnectionError(`${host}: ${what}`, {
      host,
      phase: "become",
      retryable: isSilent,
      hint: hint.replaceAll("LOGIN", login).replaceAll("OWNER", user),
    });
  };
}

/** What to do about it, first match. */
const hints: readonly (readonly [what: RegExp, hint: string])[] = [
  [
    /^the login shell .*expired/is,
    "Set a new password for LOGIN there (passwd), or lift its expiry (chage).",
  ],
  [
    /^the login shell .*something else reads/s,
    "What LOGIN runs at a login (.bashrc, ForceCommand) reads standard input: let it do so at a terminal only.",
  ],
  [
    /^the login shell/,
    "Give LOGIN a shell (chsh), see that what it runs at a login (.bashrc, ForceCommand) lets commands through, or log in as another user.",
  ],
  [
    /^(?!root )\S+ cannot become \S+ by runuser/,
    "runuser is for root alone: log in as root, or declare another `become.method`.",
  ],
  [/must have a tty/, "sudoers wants a terminal: add `Defaults:LOGIN !requiretty` there."],
  [
    /by doas: .*(Authentication required|Operation not permitted)/i,
    "Allow it without a password, for which doas asks at a terminal alone: doas.conf `permit nopass LOGIN as OWNER`.",
  ],
  [
    /by su: .*password is required/,
    "su wants the password of OWNER: declare `become.passwordEnv` or `become.password`.",
  ],
  [
    /password is required|no password was provided/i,
    "Allow it without a password (sudoers: `LOGIN ALL=(OWNER) NOPASSWD: ALL`), or declare `become.passwordEnv` or `become.password`.",
  ],
  [
    /by su: .*authentication failure/i,
    "See that the password of `become` is that of OWNER. It is not tried again.",
  ],
  [
    /password was refused|incorrect password|authentication failure|try again/i,
    "See that the password of `become` is that of LOGIN, whom sudo asks. It is not tried again.",
  ],
  [/not allowed|may not run|not in the sudoers/i, "Allow it: sudoers `LOGIN ALL=(OWNER) NOPASSWD: ALL`."],
  [/not found|No such file/i, "It is not on the host: install it, or declare another `become.method`."],
  [/(?:)/, "Declare another `become.method`, or another owner."],
];
