/**
 * known_hosts: which key is whose. The format is in sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; what it leaves open is as
 * hostkeys_foreach() in OpenSSH's hostfile.c has it, but that a tab may follow a marker too.
 */
import { createHmac } from "node:crypto";
import { type PublicKey, parsePublicKey } from "./public-key";

export interface KnownHost {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly marker?: Marker;
  /** Patterns with commas, or one hashed name. */
  readonly names: string;
  readonly key: PublicKey;
}

const markers = ["@revoked", "@cert-authority"] as const;
export type Marker = (typeof markers)[number];

/** The lines that say something. Those that are broken say nothing, as with OpenSSH: no key becomes known by them. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((content, index) => {
    const fields = content.replace(/^[ \t]+/, "").split(/[ \t]+/);
    const [first = ""] = fields;
    const marker = markers.find((known) => known === first);
    const [names = "", type = "", base64 = ""] = marker ? fields.slice(1) : fields;
    const key = parsePublicKey(type, base64.replace(/[\r\v\f]/g, ""));
    const isEntry = key && !first.startsWith("#") && !names.startsWith("@");
    return isEntry ? [{ file, line: index + 1, marker, names, key }] : [];
  });
}

/** The names that a host has in the files. The one without the port counts while no key is known for that port. */
export function filedAs(host: string, port: number): string[] {
  const name = host.toLowerCase();
  return port === 22 ? [name] : [`[${name}]:${port}`, name];
}

export function isFor({ names }: KnownHost, name: string): boolean {
  if (names.startsWith("|")) return isHashOf(names, name);
  const matched = names
    .toLowerCase()
    .split(",")
    .filter((pattern) => matches(pattern.replace(/^!/, ""), name));
  return matched.length > 0 && !matched.some((pattern) => pattern.startsWith("!"));
}

export type Verdict = "revoked" | "match" | "changed" | "caOnly" | "unknown";

export interface Answer {
  readonly verdict: Verdict;
  /** What says so. */
  readonly lines: readonly KnownHost[];
}

/** What the files say of the key that a host offers. A revoked key is so even where another line has it. */
export function lookUp(known: readonly KnownHost[], host: string, port: number, offered: Buffer): Answer {
  const names = filedAs(host, port);
  const marked = (marker: Marker) =>
    known.filter((line) => line.marker === marker && names.some((name) => isFor(line, name)));
  const [own = [], portless = []] = names.map((name) => plainLines(known, name));
  const isOffered = ({ key }: KnownHost) => key.blob.equals(offered);
  const answers: readonly Answer[] = [
    { verdict: "revoked", lines: marked("@revoked").filter(isOffered) },
    { verdict: "match", lines: own.filter(isOffered) },
    { verdict: "changed", lines: own },
    { verdict: "match", lines: portless.filter(isOffered) },
    { verdict: "caOnly", lines: marked("@cert-authority") },
  ];
  return answers.find(({ lines }) => lines.length > 0) ?? { verdict: "unknown", lines: [] };
}

/** The types of the keys that are known for a host: what to ask it for first. */
export function knownTypes(known: readonly KnownHost[], host: string, port: number): string[] {
  const lines = filedAs(host, port).map((name) => plainLines(known, name));
  return (lines.find(({ length }) => length > 0) ?? []).map(({ key }) => key.type);
}

const plainLines = (known: readonly KnownHost[], name: string) =>
  known.filter((line) => line.marker === undefined && isFor(line, name));

/** `*`: any characters, none too; `?`: one. */
export function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(name);
}

/** `|1|salt|hash`: the HMAC-SHA1 of the name, both in base64. */
function isHashOf(hashed: string, name: string): boolean {
  const salt = Buffer.from(hashed.split("|")[2] ?? "", "base64");
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return salt.length === 20 && hashed === `|1|${salt.toString("base64")}|${hash}`;
}
