import type { Limits } from "../ssh/login";

/** How to get to a machine by the system's `ssh`: what the property `host.openssh` says. */
export interface OpensshArgs extends Limits {
  /** As ssh takes it on its command line: a name, an address, or a `Host` of the configuration. */
  readonly host: string;
  /** Default of all below: what the configuration says. */
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  /** In place of ~/.ssh/config and /etc/ssh/ssh_config, as with `ssh -F`. */
  readonly configFile?: string | undefined;
}

export const seconds = ({ connectTimeout = 10, keepAlive = 10 }: OpensshArgs) => ({
  connectTimeout,
  keepAlive,
});
