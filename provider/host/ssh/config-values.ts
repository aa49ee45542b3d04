/** What the lines of a configuration of ssh mean: numbers, times, paths with tokens, jumps. */
import { homedir, hostname, userInfo } from "node:os";
import { at, type Entry } from "./config-file";
import { expanded } from "./credentials";
import type { Hop } from "./login";

/** What stands behind the tokens of ssh_config(5). */
export interface Names {
  /** As the program has it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly alias?: string | undefined;
}

const tokens: Readonly<Record<string, (names: Names) => string | number>> = {
  "%": () => "%",
  d: () => homedir(),
  h: ({ host }) => host,
  i: () => userInfo().uid,
  k: ({ alias, name }) => alias ?? name,
  L: () => hostname().split(".")[0] ?? "",
  l: () => hostname(),
  n: ({ name }) => name,
  p: ({ port }) => port,
  r: ({ user }) => user ?? userInfo().username,
  u: () => userInfo().username,
};

/** Tokens and `${VARIABLE}`s replaced. */
function filledIn(entry: Entry, word: string, names: Names): string {
  return word
    .replace(/\$\{([^}]*)\}/g, (_, variable: string) => {
      const value = process.env[variable];
      if (value === undefined) throw at(entry, `the environment variable ${variable} is not set`);
      return value;
    })
    .replace(/%(.?)/g, (token, letter: string) => {
      const value = tokens[letter];
      if (!value) throw at(entry, `${token} is not read here`);
      return String(value(names));
    });
}

/** Absolute; those that are `none` are none. */
export function pathsOf(entry: Entry, names: Names): string[] {
  const named = entry.words.filter((word) => word.toLowerCase() !== "none");
  return named.map((word) => expanded(filledIn(entry, word, names), process.env));
}

/** Undefined: the one of SSH_AUTH_SOCK; false: none. */
export function agentOf(entry: Entry | undefined, names: Names): string | false | undefined {
  const [word = "SSH_AUTH_SOCK"] = entry?.words ?? [];
  if (!entry || word === "SSH_AUTH_SOCK") return undefined;
  if (word.toLowerCase() === "none") return false;
  if (!word.startsWith("$") || word.startsWith("${")) return pathsOf(entry, names)[0];
  const socket = process.env[word.slice(1)];
  if (!socket) throw at(entry, `the environment variable ${word.slice(1)} is not set`);
  return socket;
}

export function portOf(entry: Entry | undefined): number | undefined {
  if (!entry) return undefined;
  const [word = ""] = entry.words;
  const port = /^\d+$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65535) throw at(entry, `${JSON.stringify(word)} is no port`);
  return port;
}

const units: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Of "30", "30s" or "1m30s"; 0 and `none` leave it to the default. */
export function secondsOf(entry: Entry | undefined): number | undefined {
  if (!entry) return undefined;
  const [word = ""] = entry.words;
  if (word.toLowerCase() === "none") return undefined;
  if (!/^(\d+[smhdw]?)+$/i.test(word)) throw at(entry, `${JSON.stringify(word)} is no time`);
  const parts = [...word.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)];
  const seconds = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? 1), 0);
  return seconds || undefined;
}

/** Those of ProxyJump, in order. @throws where another way is meant */
export function jumpsOf(entry: Entry | undefined, names: Names): Hop[] {
  const [word = "none"] = entry?.words ?? [];
  if (!entry || word.toLowerCase() === "none") return [];
  if (entry.keyword !== "proxyjump") throw at(entry, "ProxyCommand is not for the transport ssh");
  return filledIn(entry, word, names)
    .split(",")
    .map((jump) => {
      const [, user, inBrackets, plain, port] =
        /^(?:ssh:\/\/)?(?:([^\s@]+)@)?(?:\[([^\]\s]+)\]|([^:@[\]/\s]+))(?::(\d+))?\/?$/.exec(jump.trim()) ??
        [];
      const host = inBrackets ?? plain;
      if (host === undefined) throw at(entry, `${JSON.stringify(jump)} is no jump, as in "jump@bastion:22"`);
      return { host, ...(user !== undefined && { user }), ...(port !== undefined && { port: Number(port) }) };
    });
}
