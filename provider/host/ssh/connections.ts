import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError } from "../../errors";
import { Connection } from "./connection";
import type { Hop, Means, SshArgs } from "./login";
import { authenticationOf, jumpAuthenticationOf } from "./means";

/** One connection a host and login, whoever asks for it, in this process. */
const open = new Map<string, Promise<Connection>>();

/** A refusal is not asked for again by each of a hundred resources: sshd counts them. */
const refusedFor = 30_000;

/** The open connection to a host, or a new one. @throws ConnectionError */
export function connectionTo(args: SshArgs): Promise<Connection> {
  return reach(args, [...(args.jump ?? []), args]);
}

async function reach(args: SshArgs, hops: readonly Hop[]): Promise<Connection> {
  const key = keyOf(args, hops);
  const known = open.get(key);
  const connection = await known;
  if (connection && connection.lost === undefined) return connection;
  if (known !== undefined && open.get(key) === known) open.delete(key);
  const made = open.get(key) ?? persist(args, hops);
  open.set(key, made);
  made.catch(() => setTimeout(() => forget(key, made), refusedFor).unref());
  made.catch((error: unknown) => {
    const refused = error instanceof ConnectionError && error.phase === "auth" && !error.retryable;
    if (!refused) forget(key, made);
  });
  return made;
}

function forget(key: string, made: Promise<Connection>): void {
  if (open.get(key) === made) open.delete(key);
}

/**
 * What makes a connection the same: the way there, and what it is made with. A digest, since there are secrets in it.
 */
function keyOf(args: SshArgs, hops: readonly Hop[]): string {
  const { knownHosts, hostKeyPolicy, connectTimeout, keepAlive, jumpCredentials } = args;
  const { privateKey, passphrase, password } = args;
  const way = hops.map(({ host, port, user, hostKey, ...own }) => ({
    host,
    port,
    user,
    hostKey,
    means: meansOf(own),
  }));
  const settings = { knownHosts, hostKeyPolicy, connectTimeout, keepAlive, jumpCredentials };
  const parts = [way, settings, meansOf(args), { privateKey, passphrase, password }];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function meansOf({ agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv }: Means): Means {
  return { agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv };
}

const retryFor = 30;
/** Milliseconds between attempts: doubled each time up to the last, and each shortened at random. */
const pauses = { first: 500, last: 5000 };

/** Tries again while the host may be booting; never after it has refused us. */
async function persist(args: SshArgs, hops: readonly Hop[]): Promise<Connection> {
  const end = performance.now() + (args.retryFor ?? retryFor) * 1000;
  for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.last)) {
    try {
      return await attempt(args, hops);
    } catch (error) {
      const wait = pause * (0.5 + Math.random() / 2);
      const hopeful = error instanceof ConnectionError && error.retryable && performance.now() + wait < end;
      if (!hopeful) throw error;
      await sleep(wait);
    }
  }
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
