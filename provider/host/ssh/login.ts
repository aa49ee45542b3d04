/** How to get to a machine by SSH: what the property `host.ssh` says, defaults included where they need no file. */

/** Secrets themselves. What is only referred to (see Means) wins over them. */
export interface Secrets {
  /** Text of a private key, in any format that OpenSSH writes or reads. */
  readonly privateKey?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
}

/** Where credentials are found at use, so that no state holds them. */
export interface Means {
  /** True: the agent of SSH_AUTH_SOCK; a path: the agent at that socket; false: none. */
  readonly agent?: boolean | string | undefined;
  /** Read where the provider runs; `~/` is the home there. */
  readonly privateKeyFile?: string | undefined;
  /** Names of environment variables. */
  readonly privateKeyEnv?: string | undefined;
  readonly passphraseEnv?: string | undefined;
  readonly passwordEnv?: string | undefined;
}

/** What a configuration of ssh says of a machine, as far as the program does not. */
export interface Configured {
  /** Where it is. */
  readonly host: string;
  readonly port: number;
  /** Its name in the files of known hosts, in place of where it is. */
  readonly alias: string | undefined;
  /** In place of the usual ones. */
  readonly identityFiles: readonly string[] | undefined;
  /** False: none; undefined: the usual one. */
  readonly agent: string | false | undefined;
  /** In place of the usual ones; they may be missing. */
  readonly userKnownHosts: readonly string[] | undefined;
  readonly globalKnownHosts: readonly string[] | undefined;
  readonly connectTimeout: number | undefined;
  readonly keepAlive: number | undefined;
}

/** One machine on the way. */
export interface Hop extends Means {
  readonly host: string;
  /** Default: 22. */
  readonly port?: number | undefined;
  /** Default: the user that runs Pulumi. */
  readonly user?: string | undefined;
  /** The one key that is accepted, as in a .pub file ("ssh-ed25519 AAAA...") or as a fingerprint ("SHA256:..."). */
  readonly hostKey?: string | undefined;
  /** It was not declared, but taken at the first contact. */
  readonly isAccepted?: boolean | undefined;
  /** Where there is a configuration. */
  readonly configured?: Configured | undefined;
}

/** How long is waited, for each way by SSH. */
export interface Limits {
  /** Seconds until one attempt to connect has failed; default 10. */
  readonly connectTimeout?: number | undefined;
  /** Seconds for which a host that does not answer is tried again; default 30. */
  readonly retryFor?: number | undefined;
  /** Seconds between signs of life; after three without answer the connection is lost. Default 10. */
  readonly keepAlive?: number | undefined;
}

export interface SshArgs extends Hop, Secrets, Limits {
  /** Machines to pass, in order; each is verified by its own host key, and used to reach the next. */
  readonly jump?: readonly Hop[] | undefined;
  /** By the `host` of a jump; outside the list, since one secret in a list would hide all of it. */
  readonly jumpCredentials?: Readonly<Record<string, Secrets>> | undefined;
  /** Files in the format of known_hosts. Default: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts. */
  readonly knownHosts?: readonly string[] | undefined;
  /** Of a host that nobody knows: "strict", which is the default, refuses it; "accept-new" takes its key and keeps it. */
  readonly hostKeyPolicy?: "strict" | "accept-new" | undefined;
  /** A configuration of ssh, read at use, for what is not said here. */
  readonly configFile?: string | undefined;
}

/** Where a machine is. */
export const endpointOf = ({ host, port = 22, configured }: Hop) => configured ?? { host, port };

/** What the files of known hosts call it. */
export function knownAs(hop: Hop): { readonly host: string; readonly port: number } {
  const { host, port } = endpointOf(hop);
  const { alias } = hop.configured ?? {};
  return alias === undefined ? { host, port } : { host: alias, port: 22 };
}

/** "db1.example.com", with the port where it is not the usual one. */
export function nameOf({ host, port = 22 }: Pick<Hop, "host" | "port">): string {
  return port === 22 ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
