/** postmaster.pid: its lines are the LOCK_FILE_LINE_ constants of src/include/utils/pidfile.h, one a line, in order. */

export interface PostmasterPid {
  /** Negative: a single-user backend, which is no server. */
  readonly pid: number;
  readonly dataDirectory: string;
  /** Seconds since 1970. */
  readonly startTime: number;
  readonly port: number;
  /** The first one; empty without Unix-domain sockets. */
  readonly socketDirectory: string;
  /** The first one, `*` for all; empty without TCP/IP. */
  readonly listenAddress: string;
  /** `standby`: up, but without hot standby; a hot one is `ready`. Empty: not yet known. */
  readonly status: "starting" | "stopping" | "ready" | "standby" | "";
}

const statuses = ["starting", "stopping", "ready", "standby"] as const;

/**
 * What the server wrote, `undefined` when it is no such file. The server writes it step by step: what is not there yet
 * is 0 or empty.
 */
export function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const [pid = "", dataDirectory = "", startTime, port, socketDirectory = "", listenAddress = "", , status] =
    text.split("\n");
  if (!/^-?[1-9][0-9]{0,9}$/.test(pid.trim())) return undefined;
  return {
    pid: Number(pid),
    dataDirectory,
    startTime: natural(startTime),
    port: natural(port),
    socketDirectory,
    listenAddress,
    status: statuses.find((known) => known === status?.trim()) ?? "",
  };
}

const natural = (text = "") => (/^[0-9]{1,15}$/.test(text.trim()) ? Number(text) : 0);
