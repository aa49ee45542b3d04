/** Whether a host is the one that is meant: by the key declared for it, or by what the files of known hosts say. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { ConnectionError } from "../../errors";
import { take } from "./accepted-keys";
import { type Answer, filedAs, type KnownHost, knownTypes, lookUp, parseKnownHosts } from "./known-hosts";
import { type Hop, nameOf, type SshArgs } from "./login";
import {
  fingerprint,
  type PublicKey,
  parsePublicKey,
  printPublicKey,
  readPublicKey,
  signatureAlgorithms,
} from "./public-key";

export interface HostKeyPolicy {
  /** For ssh2's `algorithms.serverHostKey`: types that are known for the host first, so that it offers one of them. */
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** Why the key is refused; undefined when it is the host's. ssh2 asks again at each renewal of the session's keys. */
  judge(blob: Buffer): ConnectionError | undefined;
}

export type HostKeyArgs = Pick<Hop, "host" | "port" | "hostKey" | "isAccepted" | "configured"> &
  Pick<SshArgs, "knownHosts" | "hostKeyPolicy">;

/** A key that is marked as revoked is refused even where it is declared, so the files are read then too. */
export async function hostKeyPolicy(args: HostKeyArgs): Promise<HostKeyPolicy> {
  const { host, port = 22 } = args;
  const refuse = refusal(args);
  const pin = args.hostKey === undefined ? undefined : parsePin(args.hostKey, refuse);
  const files = filesOf(args);
  const known = (await Promise.all(files.map((file) => read(file, refuse)))).flat();
  // What somebody made known since counts before what was taken when nobody knew.
  const [declared, accepted] = args.isAccepted ? [undefined, pin] : [pin, undefined];
  const types =
    declared?.type === undefined
      ? [...knownTypes(known, host, port), ...(accepted?.type ? [accepted.type] : [])]
      : [declared.type];
  return {
    algorithms: signatureAlgorithms(types),
    judge(blob) {
      const offered = readPublicKey(blob);
      if (!offered) return refuse(unreadable);
      const answer = lookUp(known, host, port, blob);
      const only = (pin: Pin, otherwise: typeof notDeclared) =>
        fingerprint(offered) === pin.fingerprint ? undefined : refuse(otherwise(pin, offered));
      if (declared && answer.verdict !== "revoked") return only(declared, notDeclared);
      if (answer.verdict === "unknown" && args.hostKeyPolicy === "accept-new") {
        return only(accepted ?? parsePin(take(args, printPublicKey(offered)), refuse), notAccepted);
      }
      const reason = reasons[answer.verdict]({
        ...answer,
        offered,
        args,
        files: files.map(({ path }) => path),
      });
      return reason && refuse(reason);
    },
  };
}

interface Reason {
  readonly what: string;
  readonly hint: string;
  /** To copy, so on a line of its own. */
  readonly remedy?: string;
  readonly cause?: unknown;
}
type Refuse = (reason: Reason) => ConnectionError;

function refusal({ host, port = 22 }: HostKeyArgs): Refuse {
  const endpoint = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return ({ what, hint, remedy, cause }) =>
    new ConnectionError(`${endpoint}: ${what}`, {
      host: nameOf({ host, port }),
      phase: "hostKey",
      hint: [`${hint} Nothing was sent.`, ...(remedy ? [remedy] : [])].join("\n"),
      cause,
    });
}

interface Pin {
  /** Unknown where only the fingerprint is declared. */
  readonly type?: string;
  readonly fingerprint: string;
}

function parsePin(hostKey: string, refuse: Refuse): Pin {
  const [first = "", base64 = ""] = hostKey.trim().split(/\s+/);
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(first)) return { fingerprint: first.replace(/=$/, "") };
  const key = parsePublicKey(first, base64);
  if (key) return { type: key.type, fingerprint: fingerprint(key) };
  throw refuse({
    what: "hostKey is not a public key.",
    hint: 'It is what a .pub file of the host holds ("ssh-ed25519 AAAA..."), or the fingerprint of that ("SHA256:...").',
  });
}

interface KnownHostsFile {
  readonly path: string;
  /** Nobody asked for this very file. */
  readonly optional: boolean;
}

function filesOf({ knownHosts, configured }: HostKeyArgs): KnownHostsFile[] {
  const inHome = (path: string) => (path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(path));
  const { userKnownHosts = usualFiles.user, globalKnownHosts = usualFiles.global } = configured ?? {};
  return (knownHosts ?? [...userKnownHosts, ...globalKnownHosts]).map((path) => ({
    path: inHome(path),
    optional: knownHosts === undefined,
  }));
}

/** Those of ssh_config(5). */
const usualFiles = {
  user: ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"],
  global: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
} as const;

async function read({ path, optional }: KnownHostsFile, refuse: Refuse): Promise<KnownHost[]> {
  try {
    return parseKnownHosts(await readFile(path, "utf8"), path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (optional && (code === "ENOENT" || code === "ENOTDIR")) return [];
    throw refuse({
      what: `cannot read ${path}: ${message}.`,
      hint: "It says which key is the host's, or that one is revoked: make it readable, or correct knownHosts.",
      cause,
    });
  }
}

interface Situation extends Answer {
  readonly offered: PublicKey;
  readonly args: HostKeyArgs;
  readonly files: readonly string[];
}

const reasons: Record<Answer["verdict"], (situation: Situation) => Reason | undefined> = {
  match: () => undefined,
  changed: ({ lines, offered }) => ({
    what: `host key changed. ${lines.map(has).join(", ")}, the host offered ${shown(offered)}.`,
    hint: `${suspicion} correct ${lines.length > 1 ? "those lines" : "that line"}.`,
  }),
  revoked: ({ lines, offered }) => ({
    what: `host key revoked. The host offered ${shown(offered)}, revoked by ${lines.map(place).join(", ")}.`,
    hint: "Whoever has that key can pose as the host: give the host a new one, then make the new one known.",
  }),
  caOnly: (situation) => ({
    what: `host key not known. The host offered ${shown(situation.offered)}, and the files have only an authority for it: ${situation.lines.map(place).join(", ")}.`,
    hint: `Certificates of hosts are not checked here, so the key itself has to be known. ${comparison(situation.offered)}`,
    remedy: acceptance(situation),
  }),
  unknown: (situation) => ({
    what: `host key not known. The host offered ${shown(situation.offered)}, and ${searched(situation.files)}.`,
    hint: comparison(situation.offered),
    remedy: acceptance(situation),
  }),
};

const notDeclared = (pin: Pin, offered: PublicKey): Reason => ({
  what: `host key is not the declared one. hostKey is ${pin.fingerprint}${pin.type ? ` (${pin.type})` : ""}, the host offered ${shown(offered)}.`,
  hint: `${suspicion} correct hostKey.${pin.type ? "" : " A host has several keys: declare the whole key, and it is asked for that one."}`,
});

const notAccepted = (pin: Pin, offered: PublicKey): Reason => ({
  what: `host key changed. At the first contact it was ${pin.fingerprint}, the host offered ${shown(offered)}.`,
  hint: `${suspicion} make the new key known, or declare it as hostKey.`,
});

const unreadable: Reason = {
  what: "the host offered no key that can be read.",
  hint: "It is broken, too short, or of a type that is not supported.",
};

const suspicion = "Someone may be in the way, or the host was reinstalled; then";
const place = ({ file, line }: KnownHost) => `${file}:${line}`;
const shown = (key: PublicKey) => `${fingerprint(key)} (${key.type})`;
const searched = (files: readonly string[]) =>
  files.length > 0 ? `no key of the host is in ${files.join(", ")}` : "knownHosts names no file";
const has = (line: KnownHost) => `${place(line)} has ${shown(line.key)}`;

function comparison({ type }: PublicKey): string {
  const [kind] = /ed25519|ecdsa|rsa/.exec(type) ?? [];
  return `Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_${kind}_key.pub), then make it known or declare it as hostKey.`;
}

/** The very key that was offered: another scan might meet another host. */
function acceptance({ offered, args: { host, port = 22 }, files: [file] }: Situation): string {
  const key = printPublicKey(offered);
  return file === undefined
    ? `hostKey: "${key}"`
    : `echo ${quoted(`${filedAs(host, port)[0]} ${key}`)} >> ${quoted(file)}`;
}

const quoted = (word: string) => (/^[\w/.-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
