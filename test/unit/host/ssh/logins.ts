/** A home with keys and an agent, each of which tells where it was found. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ParsedKey } from "ssh2";
import { afterAll, beforeAll } from "vitest";
import type { Authentication } from "../../../../provider/host/ssh/means";

export type Environment = Readonly<Record<string, string>>;

export const home = mkdtempSync(join(tmpdir(), "logins-"));
/** Answers, which is all that is asked of it before a login. */
export const socket = join(home, "agent");

const agent = createServer((connection) => connection.end());
beforeAll(() => new Promise<void>((resolve) => agent.listen(socket, resolve)));
afterAll(() => {
  agent.close();
  rmSync(home, { recursive: true });
});

const names = new Map<string, string>();

/** The text of a new key, known by a name from now on. */
export function keyNamed(name: string, passphrase?: string): string {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  names.set(publicKey.export({ format: "jwk" }).x ?? "", name);
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return privateKey.export({ format: "pem", type: "pkcs8", ...cipher }).toString();
}

/** A file of the home; its path as a declaration has it. */
export function fileOf(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  return `~/${name}`;
}

/** What ssh finds by itself is these files and no others. */
export function identities(texts: Readonly<Record<string, string>>): void {
  rmSync(join(home, ".ssh"), { recursive: true, force: true });
  mkdirSync(join(home, ".ssh"));
  for (const [file, text] of Object.entries(texts)) fileOf(join(".ssh", file), text);
}

/** Of each method the key's name, the agent's socket or the password. */
export function contents({ methods }: Authentication): unknown[] {
  return methods.map((method) => {
    if (method.type === "password") return method.password;
    if (method.type === "agent") return method.agent;
    if (method.type !== "publickey") return method.type;
    const blob = (method.key as ParsedKey).getPublicSSH();
    return names.get(blob.subarray(-32).toString("base64url"));
  });
}
