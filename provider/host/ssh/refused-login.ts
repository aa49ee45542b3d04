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
  /** The prompts that nobody here can answer. */
  readonly asked: readonly string[];
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
  { user, tried, offered, asked }: Omit<LoginAttempt, "banner">,
  cause: unknown,
  lastWords?: string,
): ConnectionError {
  const names = tried.map(({ name }) => name).join(", ");
  const takes = offered.length > 0 ? [`it takes ${offered.join(", ")}`] : [];
  const asks = asked.length > 0 ? [`it asks ${asked.map(shown).join(", ")}`] : [];
  const how = [`tried ${names}`, ...takes, ...asks, ...(lastWords ? [lastWords] : [])].join("; ");
  return new ConnectionError(`${host} refuses the login ${user} (auth: ${how})`, {
    host,
    phase: "auth",
    cause,
    hint: `${asked.length > 0 ? answers : remedyOf(user, tried, offered)} It is not tried again.`,
  });
}

const oneLine = (words: string) => words.replace(/\s+/g, " ").trim().slice(0, 200);
const shown = (prompt: string) => JSON.stringify(oneLine(prompt));

/** What can be answered, and the way out. */
const answers =
  "One prompt that does not echo is answered, with the password; a second factor or a new password is not given: let this login in there by a key, or by a password alone (AuthenticationMethods, and the PAM of sshd).";

/**
 * It ended without a word in the protocol: a network that broke, a host that boots (pam_nologin) or an account that may
 * not log in look alike, so it may be tried again.
 */
export function closedLogin(
  host: string,
  { user, tried, banner }: LoginAttempt,
  cause: unknown,
): ConnectionError {
  const words = oneLine(banner).replace(/\.$/, "");
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
  "keyboard-interactive": "a password (`passwordEnv`)",
};

function remedyOf(user: string, tried: readonly Tried[], offered: readonly string[]): string {
  const wanted = new Set(offered.flatMap((method) => wants[method] ?? []));
  if (wanted.size > 0 && !tried.some(({ method }) => offered.includes(method))) {
    const isMore =
      offered.includes("keyboard-interactive") && tried.some(({ method }) => method === "password");
    return isMore ? answers : `It wants ${[...wanted].join(" or ")}.`;
  }
  const found = looks.filter(([pattern]) => tried.some(({ name }) => pattern.test(name)));
  const all = [`${user} is a user there who may log in`, ...found.map(([, look]) => look)];
  return `See that ${all.join(", and that ")}.`;
}
