/** What a host for tests offers, and what it can be asked for. */
import type { Seen } from "../processes";
import type { KeyType, Way } from "./keys";

/** A moment in sshd's log; what is counted since then leaves out what was before. */
export type Mark = number;

export interface TestHostOptions {
  /** Reachable from inside that host only, not from this machine; as root only. */
  readonly behind?: TestHost;
  /** Lines of sshd_config, as for `configure`. */
  readonly configure?: readonly string[];
  /** What is counted from the log needs DEBUG1, the default. */
  readonly logLevel?: string;
}

export interface LoginOptions {
  /** /bin/sh unless told. */
  readonly shell?: string;
  /** Lets the login in by password too, beside its key. */
  readonly password?: string;
  /** "none" unless told; "password" asks for the login's own; or lines of sudoers as they are. */
  readonly sudo?: "none" | "nopasswd" | "password" | readonly string[];
  /** What doas.conf permits it, as in "nopass" or "persist"; nothing unless told. */
  readonly doas?: string;
  /** The text of .profile, .bashrc and what other shells have in their place. */
  readonly rc?: string;
  /** More groups; those that are missing are made. */
  readonly groups?: readonly string[];
}

export interface Login {
  readonly name: string;
  readonly home: string;
  /** An ed25519 private key that is authorised for it, readable by the tests' user; its public half is at `.pub`. */
  readonly keyFile: string;
  readonly password?: string;
}

export interface Result {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Root, or whoever runs the tests, unless told. */
  readonly user?: string;
  readonly input?: string;
}

export interface TestHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Has its own network, /etc and logins. Without root there is only the tests' own user, on a loopback port. */
  readonly isolated: boolean;
  readonly folder: string;
  /** Path of a known_hosts file with all its host keys as they are now, for its address. */
  readonly knownHosts: string;
  /** A known_hosts file for another way to it, such as a proxy. */
  knownHostsFor(way: Way): Promise<string>;
  /** As known_hosts has it: `ssh-ed25519 AAAA...`. */
  hostKey(type?: KeyType): string;
  /** Makes the login, or opens one that the machine has, such as root, with a home in the host's folder. */
  login(name: string, options?: LoginOptions): Promise<Login>;
  /** One more public key for a login: a line of authorized_keys. */
  authorise(name: string, publicKey: string): Promise<void>;
  log(since?: Mark): Promise<string>;
  mark(): Promise<Mark>;
  /** Connections whose first key exchange was done. */
  handshakes(since?: Mark): Promise<number>;
  /** Session channels that were opened: one for every command, shell or subsystem. */
  channels(since?: Mark): Promise<number>;
  /** Keys and passwords that were refused. */
  refusals(since?: Mark): Promise<number>;
  /** Lines that go before the rest of sshd_config and win, in place of those of the call before; sshd listens again at its end. */
  configure(lines: readonly string[]): Promise<void>;
  /** From now on `knownHosts` has the new ones; copy it before to keep what a client knew. */
  replaceHostKeys(): Promise<void>;
  /** A command on the host without SSH. */
  run(argv: readonly string[], options?: RunOptions): Promise<Result>;
  /** Those of its processes that are alive: sshd, its sessions, and what these have started. */
  processes(): Seen[];
  /** Ends sshd and cuts its connections; commands of the sessions are left to themselves. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Ends every process of the host; nothing of it is left. */
  dispose(): Promise<void>;
}
