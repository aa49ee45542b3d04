/** Pairs of keys, and what a client is told of a host's. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { program } from "./programs";

export const keyTypes = ["ed25519", "ecdsa", "rsa"] as const;
export type KeyType = (typeof keyTypes)[number];

const hostKeyFile = (folder: string, type: KeyType) => join(folder, `host_${type}`);

export const hostKeyFiles = (folder: string) => keyTypes.map((type) => hostKeyFile(folder, type));

/** Without a passphrase; the public half is at `.pub`. */
export async function makeKey(path: string, type: KeyType): Promise<void> {
  await Promise.all([path, `${path}.pub`].map((file) => rm(file, { force: true })));
  // The least that OpenSSH takes: a longer one takes longer to make than all the rest of a host.
  const size = type === "rsa" ? ["-b", "1024"] : [];
  await promisify(execFile)(program("ssh-keygen"), [
    "-q",
    "-t",
    type,
    ...size,
    "-N",
    "",
    "-C",
    "",
    "-f",
    path,
  ]);
}

export async function makeHostKeys(folder: string): Promise<void> {
  await Promise.all(keyTypes.map((type) => makeKey(hostKeyFile(folder, type), type)));
}

/** As in known_hosts: algorithm and key. */
export function hostKey(folder: string, type: KeyType): string {
  const [algorithm, key] = readFileSync(`${hostKeyFile(folder, type)}.pub`, "latin1")
    .trim()
    .split(" ");
  return `${algorithm} ${key}`;
}

export interface Way {
  readonly host: string;
  readonly port: number;
}

/** Writes a known_hosts file with all keys of the host for this way to it. */
export async function writeKnownHosts(folder: string, { host, port }: Way, path: string): Promise<string> {
  const pattern = port === 22 ? host : `[${host}]:${port}`;
  await writeFile(path, keyTypes.map((type) => `${pattern} ${hostKey(folder, type)}\n`).join(""));
  return path;
}
