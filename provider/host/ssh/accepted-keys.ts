/**
 * Keys of hosts that nobody knew and the program lets pass at the first contact (`hostKeyPolicy: "accept-new"`). From then
 * on each is as good as a declared `hostKey`: within this process by this memory, later by what the state keeps.
 */
import { type Hop, nameOf, type SshArgs } from "./login";

/** Each as in a .pub file, by the name of its host, the port with it where that is not 22. */
export type AcceptedKeys = Readonly<Record<string, string>>;

const taken = new Map<string, string>();

/** @returns the key that was taken there before; the first one counts */
export function take(hop: Pick<Hop, "host" | "port">, key: string): string {
  const name = nameOf(hop);
  const before = taken.get(name);
  if (before === undefined) taken.set(name, key);
  return before ?? key;
}

/** The way with the keys that were taken on it. */
export function withAccepted(args: SshArgs, keys: AcceptedKeys): SshArgs {
  if (args.hostKeyPolicy !== "accept-new") return args;
  const pinned = <H extends Hop>(hop: H): H => {
    const key = keys[nameOf(hop)];
    return hop.hostKey !== undefined || key === undefined ? hop : { ...hop, hostKey: key, isAccepted: true };
  };
  return { ...pinned(args), ...(args.jump && { jump: args.jump.map(pinned) }) };
}

/** What the state has to keep of a way: nothing of a host whose key is declared, or known otherwise. */
export function acceptedOn(args: SshArgs, before: AcceptedKeys): AcceptedKeys {
  if (args.hostKeyPolicy !== "accept-new") return {};
  const kept = undeclared(args).flatMap((name) => {
    const key = before[name] ?? taken.get(name);
    return key === undefined ? [] : [[name, key] as const];
  });
  return Object.fromEntries(kept);
}

/** Hosts of a way that may be met for the first time. */
export function firstContacts(args: SshArgs, keys: AcceptedKeys): string[] {
  return args.hostKeyPolicy === "accept-new" ? undeclared(args).filter((name) => !(name in keys)) : [];
}

const undeclared = (args: SshArgs): string[] =>
  [...(args.jump ?? []), args].filter(({ hostKey }) => hostKey === undefined).map(nameOf);
