/** How to get to a machine by the system's `ssh`: what the property `host.openssh` says. */
export interface OpensshArgs {
  /** As ssh takes it on its command line: a name, an address, or a `Host` of the configuration. */
  readonly host: string;
  /** Default of all below: what the configuration says. */
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  /** In place of ~/.ssh/config and /etc/ssh/ssh_config, as with `ssh -F`. */
  readonly configFile?: string | undefined;
  /** Seconds until one attempt to connect has failed; default 10. */
  readonly connectTimeout?: number | undefined;
  /** Seconds for which a host that does not answer is tried again; default 30. */
  readonly retryFor?: number | undefined;
  /** Seconds between signs of life; after three without answer the connection is lost. Default 10. */
  readonly keepAlive?: number | undefined;
}

export const seconds = ({ connectTimeout = 10, keepAlive = 10 }: OpensshArgs) => ({
  connectTimeout,
  keepAlive,
});
