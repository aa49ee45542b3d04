/**
 * Every error class of the package. A message says what failed, where, in the server's own words, and what to do next;
 * fields carry the same for programs. Secrets never reach either.
 */

export interface ErrorDetails {
  /** What the reader can do about it; printed as the last line. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class ProviderError extends Error {
  readonly code: string;
  readonly hint?: string;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(details.hint ? `${message}\n${details.hint}` : message, { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
  }
}

/** An error that has nothing of its own but its code. */
function plain(code: string) {
  return class extends ProviderError {
    constructor(message: string, details?: ErrorDetails) {
      super(code, message, details);
    }
  };
}

export interface InputFailure {
  /** The property's path, as in `settings.work_mem`; empty where naming it would make Pulumi print a secret. */
  readonly property: string;
  readonly reason: string;
}

/** What `check` found wrong with the declaration: all of it at once. */
export class InvalidInputsError extends ProviderError {
  constructor(readonly failures: readonly InputFailure[]) {
    super(
      "invalid-inputs",
      failures.map((f) => (f.property ? `${f.property}: ${f.reason}` : f.reason)).join("\n"),
    );
  }
}

/** The server refused a setting, or a value cannot be what the setting needs. */
export class SettingsError extends plain("settings") {}

/** A configuration file that PostgreSQL itself would not read. */
export class FileSyntaxError extends ProviderError {
  constructor(
    readonly path: string,
    readonly line: number,
    message: string,
    details?: ErrorDetails,
  ) {
    super("file-syntax", `${path}:${line}: ${message}`, details);
  }
}

export interface CommandFailure extends ErrorDetails {
  /** What ran, without secrets. */
  readonly command: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly timedOut?: boolean;
  /** The last lines of the server's log, when the command was to start one. */
  readonly logTail?: string;
}

export class CommandError extends ProviderError {
  readonly command: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly logTail?: string;

  constructor(message: string, failure: CommandFailure) {
    super("command", message, failure);
    this.command = failure.command;
    this.exitCode = failure.exitCode;
    this.signal = failure.signal;
    this.stdout = failure.stdout ?? "";
    this.stderr = failure.stderr ?? "";
    this.timedOut = failure.timedOut ?? false;
    this.logTail = failure.logTail;
  }
}

/** How far the way to a host went. */
export type ConnectionPhase = "resolve" | "connect" | "hostKey" | "auth" | "become" | "lost";

export interface ConnectionFailure extends ErrorDetails {
  /** As messages call it, as in "db1.example.com:2222". */
  readonly host: string;
  readonly phase: ConnectionPhase;
  /** Whether the same may succeed a little later: a host that boots. Never a refused authentication. */
  readonly retryable?: boolean;
}

/** The host cannot be reached, is not the one that is known, or does not let us in. Unreachable is never "absent". */
export class ConnectionError extends ProviderError {
  readonly host: string;
  readonly phase: ConnectionPhase;
  readonly retryable: boolean;

  constructor(message: string, failure: ConnectionFailure) {
    super("connection", message, failure);
    this.host = failure.host;
    this.phase = failure.phase;
    this.retryable = failure.retryable ?? false;
  }
}

export interface QueryFailure extends ErrorDetails {
  readonly sqlstate?: string;
  readonly detail?: string;
  /** The statement, without secrets. */
  readonly statement?: string;
}

export class QueryError extends ProviderError {
  readonly sqlstate?: string;
  readonly detail?: string;
  readonly statement?: string;

  constructor(message: string, failure: QueryFailure = {}) {
    super("query", message, failure);
    this.sqlstate = failure.sqlstate;
    this.detail = failure.detail;
    this.statement = failure.statement;
  }
}

export class InstanceNotFoundError extends plain("instance-not-found") {}

/** Something stands where the instance should be, and it is not ours. It was not touched. */
export class InstanceExistsError extends plain("instance-exists") {}

/** The instance is not in a state in which the operation makes sense, or not the one that was approved. */
export class InstanceStateError extends plain("instance-state") {}

/** A standby takes no change of its own: what was asked for is its primary's to do. */
export class InstanceReadOnlyError extends plain("instance-read-only") {}

export class InvalidVersionError extends plain("invalid-version") {}

/** Another session is changing the instance. */
export class LockedError extends ProviderError {
  constructor(
    readonly holder: string,
    message: string,
    details?: ErrorDetails,
  ) {
    super("locked", message, details);
  }
}

/** The host lacks something that the operation needs. */
export class UnsupportedError extends plain("unsupported") {}

/** A limit passed while the host was still at work. Nothing was stopped or put back. */
export class WaitTimeoutError extends ProviderError {
  constructor(
    readonly awaited: string,
    readonly limitSeconds: number,
    readonly lastSeen: string,
    details?: ErrorDetails,
  ) {
    super("wait-timeout", `${awaited}: not within ${limitSeconds} s (last seen: ${lastSeen})`, details);
  }
}
