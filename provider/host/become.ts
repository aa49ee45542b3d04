import { UnsupportedError } from "../errors";

/** How to become another user on a host. */
export interface Become {
  /** `runuser` needs root; `sudo` and `su` may want a password; `none` runs everything as the login. */
  readonly method?: "runuser" | "sudo" | "doas" | "su" | "none" | undefined;
  readonly password?: string | undefined;
  /** Name of an environment variable, read at use; it wins over a password. */
  readonly passwordEnv?: string | undefined;
}

/** Who is logged in. */
export interface Login {
  readonly name: string;
  readonly isRoot: boolean;
}

/** An argv that ends in a shell which reads its program from standard input, and how it asks for a password. */
export interface Way {
  readonly argv: readonly string[];
  /** What it prints when it wants one; undefined: it never does. */
  readonly prompt?: RegExp;
  readonly password?: string;
}

export type Method = NonNullable<Become["method"]>;

/** Words of an argv that need no quoting in any login shell, but for the last. */
type Entry = (user: string, boot: string, password: string | undefined) => Way;

/** sudo shows a prompt of ours, so that nothing else is taken for one. */
const sudoPrompt = "pginstance-password:";

const methods: { readonly [M in Method]: Entry } = {
  none: (_user, boot) => ({ argv: ["sh", "-c", boot] }),
  runuser: (user, boot) => ({ argv: ["runuser", "-u", user, "--", "sh", "-c", boot] }),
  sudo: (user, boot, password) =>
    password === undefined
      ? { argv: ["sudo", "-n", "-u", user, "--", "sh", "-c", boot] }
      : {
          argv: ["sudo", "-S", "-p", sudoPrompt, "-u", user, "--", "sh", "-c", boot],
          prompt: new RegExp(sudoPrompt),
          password,
        },
  // It asks at a terminal alone, where nobody would answer.
  doas: (user, boot) => ({ argv: ["doas", "-n", "-u", user, "sh", "-c", boot] }),
  su: (user, boot, password) => ({
    argv: ["env", "LC_ALL=C", "su", "-s", "/bin/sh", user, "-c", boot],
    prompt: /assword: *$/,
    password,
  }),
};

/**
 * The way to a shell of a user.
 * @param boot what `sh -c` gets; without single quotes, backslashes and `!`, so that every login shell passes it on
 */
export function wayTo(
  user: string | undefined,
  login: Login,
  become: Become,
  boot: string,
  environment: NodeJS.ProcessEnv = process.env,
): Way {
  if (user === undefined || user === login.name) return methods.none("", boot, undefined);
  return methods[methodOf(login, become)](user, boot, passwordOf(become, environment));
}

export function methodOf(login: Login, become: Become): Method {
  return become.method ?? (login.isRoot ? "runuser" : "sudo");
}

function passwordOf(become: Become, environment: NodeJS.ProcessEnv): string | undefined {
  const { passwordEnv: name } = become;
  if (name === undefined) return environment.PGINSTANCE_BECOME_PASSWORD || become.password;
  const named = environment[name];
  if (named) return named;
  throw new UnsupportedError(
    `become: the environment variable ${name}, named by become.passwordEnv, is not set`,
    {
      hint: "It is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
    },
  );
}
