import { ConnectionError } from "../../errors";

/** How far a login came. */
export interface LoginAttempt {
  readonly user: string;
  /** Nothing before the host was trusted. */
  readonly tried: readonly Tried[];
  /** What the server said it takes. */
  readonly offered: readonly string[];
  /** What it last had to say to whoever logs in. */
  readonly banner: string;
}

export interface Tried {
  /** As SSH calls it. */
  readonly method: string;
  /** As messages call it, as in "key of ~/.ssh/deploy". */
  readonly name: string;
}

/** Who is asked again and again locks the login, so nobody is. */
export function refusedLogin(
  host: string,
  { user, tried, offered }: Omit<LoginAttempt, "banner">,
  cause: unknown,
  lastWords?: string,
): ConnectionError {
  const names = tried.map(({ name }) => name).join(", ");
  const takes = offered.length > 0 ? [`it takes ${offered.join(", ")}`] : [];
  const how = [`tried ${names}`, ...takes, ...(lastWords ? [lastWords] : [])].join("; ");
  return new ConnectionError(`${host} refuses the login ${user} (auth: ${how})`, {
    host,
    phase: "auth",
    cause,
    hint: `${remedyOf(user, tried, offered)} It is not tried again.`,
  });
}

/**
 * It ended without a word in the protocol: a network that broke, a host that boots (pam_nologin) or an account that may
 * not log in look alike, so it may be tried again.
 */
export function closedLogin(
  host: string,
  { user, tried, banner }: LoginAttempt,
  cause: unknown,
): ConnectionError {
  const words = banner.replace(/\s+/g, " ").trim().replace(/\.$/, "").slice(0, 200);
  const how = [`tried ${tried.map(({ name }) => name).join(", ")}`, ...(words ? [words] : [])].join("; ");
  return new ConnectionError(`${host} closed the connection while ${user} logged in (auth: ${how})`, {
    host,
    phase: "auth",
    retryable: true,
    cause,
    hint: `It is booting, or going down, or ${user} may not log in there: see the log of its sshd.`,
  });
}

/** What to look at when it was refused. */
const looks: readonly (readonly [name: RegExp, look: string])[] = [
  [/^key /, "its authorized_keys has the public half of the key"],
  [/^agent/, "the agent holds a key (ssh-add -l) which its authorized_keys has"],
  [/^password /, "the password is the right one"],
];

const wants: Readonly<Record<string, string>> = {
  publickey: "a key (`privateKeyFile` or `agent`)",
  password: "a password (`passwordEnv`)",
};

function remedyOf(user: string, tried: readonly Tried[], offered: readonly string[]): string {
  const wanted = offered.flatMap((method) => wants[method] ?? []);
  if (wanted.length > 0 && !tried.some(({ method }) => offered.includes(method))) {
    return `It wants ${wanted.join(" or ")}.`;
  }
  const found = looks.filter(([pattern]) => tried.some(({ name }) => pattern.test(name)));
  const all = [`${user} is a user there who may log in`, ...found.map(([, look]) => look)];
  return `See that ${all.join(", and that ")}.`;
}
