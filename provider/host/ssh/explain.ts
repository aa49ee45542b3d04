import { ConnectionError, type ConnectionPhase } from "../../errors";
import type { Authentication } from "./means";

/** What the network and ssh2 say, in our terms: how far it came, and what to do. */

const reasons: Readonly<Record<string, [phase: ConnectionPhase, retryable: boolean, words: string]>> = {
  ENOTFOUND: ["resolve", false, "no such host name"],
  EAI_AGAIN: ["resolve", true, "the name service does not answer"],
  ECONNREFUSED: ["connect", true, "connection refused: nothing listens there"],
  EHOSTUNREACH: ["connect", true, "no route to the host"],
  ENETUNREACH: ["connect", true, "no route to the network"],
  ETIMEDOUT: ["connect", true, "timed out"],
  ECONNRESET: ["connect", true, "connection reset"],
};

/** Why there is no TCP connection. */
export function explainDial(host: string, cause: NodeJS.ErrnoException): ConnectionError {
  const [phase, retryable, words] = reasons[cause.code ?? ""] ?? ["connect", true, cause.message];
  return unreachable(host, phase, words, retryable, cause);
}

export function unreachable(
  host: string,
  phase: ConnectionPhase,
  words: string,
  retryable = true,
  cause?: unknown,
): ConnectionError {
  return new ConnectionError(`cannot reach ${host} (${phase}: ${words})`, {
    host,
    phase,
    retryable,
    cause,
    hint: "The state is unchanged: unreachable does not mean gone.",
  });
}

export function lostBy(host: string, words: string): ConnectionError {
  const silent = /keepalive/i.test(words);
  return new ConnectionError(
    `the connection to ${host} was lost: ${silent ? "no sign of life any more" : words}`,
    {
      host,
      phase: "lost",
      retryable: true,
      hint: "What runs there goes on. Run `pulumi up` again: it looks at the host and goes on from there.",
    },
  );
}

/** What ssh2 says, in our terms. */
export function explain(
  host: string,
  error: NodeJS.ErrnoException & { level?: string },
  { user, tried }: Authentication,
  offered: readonly string[],
  seconds: number,
): ConnectionError {
  if (error.level === "client-authentication") {
    const takes = offered.length > 0 ? `; it takes ${offered.join(", ")}` : "";
    return new ConnectionError(
      `${host} refuses the login ${user} (auth: tried ${tried.join(", ")}${takes})`,
      {
        host,
        phase: "auth",
        cause: error,
        hint: `See that ${user} is a user there who may log in, and that the key is in its authorized_keys. It is not tried again.`,
      },
    );
  }
  if (error.level === "client-timeout") {
    return unreachable(host, "connect", `no SSH answer within ${seconds * 2} s`, true, error);
  }
  if (error.code !== undefined) return explainDial(host, error);
  const hopeless = /no matching|protocol version|not supported/i.test(error.message);
  return unreachable(host, "connect", error.message, !hopeless, error);
}
