import { ConnectionError, type ConnectionPhase } from "../../errors";
import { closedLogin, type LoginAttempt, refusedLogin } from "./refused-login";

/** What the network and ssh2 say, in our terms: how far it came, and what to do. */

interface Reason {
  readonly phase: ConnectionPhase;
  readonly retryable: boolean;
  readonly words: string;
  readonly remedy: string;
}

const connect = (words: string, remedy: string, retryable = true): Reason => ({
  phase: "connect",
  retryable,
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

/** As sshd says that its configuration, not the network, is in the way. */
const forbidden = 1;

/** What sshd says of a connection that it was to make for a jump. */
export function notForwarded(
  host: string,
  jump: string,
  cause: Error & { reason?: string | number },
): ConnectionError {
  const words = cause.message.replace(/^\(SSH\) (Channel open failure: )?/, "");
  const reason =
    cause.reason === forbidden
      ? connect(
          `${jump} may not connect there: ${words}`,
          `See AllowTcpForwarding and PermitOpen in the sshd_config of ${jump}, and what its authorized_keys says of the key.`,
          false,
        )
      : connect(
          `${jump} cannot connect there: ${words}`,
          `See that ${host} is up and listens on that port, and that ${jump} knows a way there.`,
        );
  return unreachable(host, reason, cause);
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

/** How far it came. */
export interface Attempt extends LoginAttempt {
  /** What the other side said first. */
  readonly greeting: string;
  /** The limit. */
  readonly seconds: number;
}

/** What ssh2 says, in our terms. An SSH server that ends it on purpose gives a reason, which comes as a number. */
export function explain(
  host: string,
  error: NodeJS.ErrnoException & { level?: string },
  attempt: Attempt,
): ConnectionError {
  const { code, level, message } = error;
  const { greeting, seconds, tried } = attempt;
  if (tried.length === 0 && greeting !== "" && !/^SSH-(2\.0|1\.99)-/m.test(greeting)) {
    const line = JSON.stringify(greeting.split(/[\r\n]/)[0]?.slice(0, 80));
    return unreachable(host, connect(`no SSH answer, but ${line}`, isSshd), error);
  }
  if (level === "client-authentication") return refusedLogin(host, attempt, error);
  if (level === "client-timeout") {
    return unreachable(host, connect(`no SSH answer within ${seconds} s`, isSshd), error);
  }
  if (typeof code === "string") return explainDial(host, error);
  if (tried.length > 0) {
    return code === undefined
      ? closedLogin(host, attempt, error)
      : refusedLogin(host, attempt, error, message);
  }
  if (/no matching|protocol version|not supported/i.test(message)) {
    return unreachable(host, connect(message.replace(/^Handshake failed: /, ""), hasCommon, false), error);
  }
  const isSilent = greeting === "" && /lost before handshake|closed/.test(message);
  return unreachable(host, connect(isSilent ? "closed without an SSH answer" : message, isSshd), error);
}
