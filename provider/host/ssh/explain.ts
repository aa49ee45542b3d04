import { ConnectionError, type ConnectionPhase } from "../../errors";
import { closedLogin, type LoginAttempt, refusedLogin } from "./refused-login";

/** What the network and ssh2 say, in our terms: how far it came, and what to do. */

interface Reason {
  readonly phase: ConnectionPhase;
  readonly retryable: boolean;
  readonly words: string;
  readonly remedy: string;
}

const connect = (words: string, remedy: string): Reason => ({
  phase: "connect",
  retryable: true,
  words,
  remedy,
});
const isUp = "See that the host is up, and that nothing between it and where Pulumi runs is in the way.";
const hasCommon = "See what its sshd_config says of Ciphers, KexAlgorithms, MACs and HostKeyAlgorithms.";
const isSshd = "See that it is sshd that listens there, and that it is not too busy to let anybody in.";

const reasons: Readonly<Record<string, Reason>> = {
  ENOTFOUND: {
    phase: "resolve",
    retryable: false,
    words: "no such host name",
    remedy: "See that the name is right, and known where Pulumi runs.",
  },
  EAI_AGAIN: {
    phase: "resolve",
    retryable: true,
    words: "the name service does not answer",
    remedy: "See that names can be looked up where Pulumi runs.",
  },
  ECONNREFUSED: connect(
    "connection refused: nothing listens there",
    "See that sshd runs there, and listens on that port.",
  ),
  EHOSTUNREACH: connect("no route to the host", isUp),
  ENETUNREACH: connect("no route to the network", isUp),
  ETIMEDOUT: connect("timed out", isUp),
  ECONNRESET: connect("connection reset", isSshd),
};

/** Why there is no TCP connection. */
export function explainDial(host: string, cause: NodeJS.ErrnoException): ConnectionError {
  return unreachable(host, reasons[cause.code ?? ""] ?? connect(cause.message, isUp), cause);
}

export function timedOut(host: string, seconds: number): ConnectionError {
  return unreachable(host, connect(`timed out after ${seconds} s`, isUp));
}

/** What sshd says of a connection that it was to make for a jump. */
export function notForwarded(host: string, jump: string, { message }: Error): ConnectionError {
  const words = message.replace(/^\(SSH\) /, "");
  const remedy = `See that ${host} is up, that ${jump} has a way there, and that its sshd has AllowTcpForwarding.`;
  return unreachable(host, connect(`${jump} cannot connect there: ${words}`, remedy));
}

function unreachable(
  host: string,
  { phase, retryable, words, remedy }: Reason,
  cause?: unknown,
): ConnectionError {
  return new ConnectionError(`cannot reach ${host} (${phase}: ${words})`, {
    host,
    phase,
    retryable,
    cause,
    hint: `${remedy} The state is unchanged: unreachable does not mean gone.`,
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

/** What ssh2 says, in our terms. An SSH server that ends it on purpose gives a reason, which comes as a number. */
export function explain(
  host: string,
  error: NodeJS.ErrnoException & { level?: string },
  attempt: LoginAttempt,
  seconds: number,
): ConnectionError {
  const { code, level, message } = error;
  if (level === "client-authentication") return refusedLogin(host, attempt, error);
  if (level === "client-timeout") {
    return unreachable(host, connect(`no SSH answer within ${seconds} s`, isSshd), error);
  }
  if (typeof code === "string") return explainDial(host, error);
  if (attempt.tried.length > 0) {
    return code === undefined
      ? closedLogin(host, attempt, error)
      : refusedLogin(host, attempt, error, message);
  }
  const isHopeless = /no matching|protocol version|not supported/i.test(message);
  const reason = isHopeless ? { ...connect(message, hasCommon), retryable: false } : connect(message, isSshd);
  return unreachable(host, reason, error);
}
