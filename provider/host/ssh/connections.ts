import { createHash } from "node:crypto";
import { Connection } from "./connection";
import type { Hop, Means, SshArgs } from "./login";
import { authenticationOf, jumpAuthenticationOf } from "./means";
import { persist, Shared } from "./shared";

/** One connection a host and login, whoever asks for it, in this process. */
const connections = new Shared<Connection>();

/**
 * The open connection to a host, or a new one.
 * @param aside the one beside it; where there are jumps, both go through the same
 * @throws ConnectionError
 */
export function connectionTo(args: SshArgs, aside = false): Promise<Connection> {
  return reach(args, [...(args.jump ?? []), args], aside);
}

function reach(args: SshArgs, hops: readonly Hop[], aside = false): Promise<Connection> {
  return connections.get(`${keyOf(args, hops)} ${aside}`, () =>
    persist(args.retryFor, () => attempt(args, hops)),
  );
}

/**
 * What makes a connection the same: the way there, and what it is made with. A digest, since there are secrets in it.
 */
function keyOf(args: SshArgs, hops: readonly Hop[]): string {
  const { knownHosts, hostKeyPolicy, connectTimeout, keepAlive, jumpCredentials } = args;
  const { privateKey, passphrase, password } = args;
  const way = hops.map(({ host, port, user, hostKey, configured, ...own }) => {
    return { host, port, user, hostKey, configured, means: meansOf(own) };
  });
  const settings = { knownHosts, hostKeyPolicy, connectTimeout, keepAlive, jumpCredentials };
  const parts = [way, settings, meansOf(args), { privateKey, passphrase, password }];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function meansOf({ agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv }: Means): Means {
  return { agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv };
}

async function attempt(args: SshArgs, hops: readonly Hop[]): Promise<Connection> {
  const hop = hops.at(-1) ?? args;
  const before = hops.slice(0, -1);
  const via = before.length > 0 ? await reach(args, before) : undefined;
  const authenticate = () =>
    hop === args
      ? authenticationOf(args, args, process.env)
      : jumpAuthenticationOf(hop, args.jumpCredentials?.[hop.host], args, process.env);
  return Connection.open({ hop, settings: args, authenticate, via });
}
