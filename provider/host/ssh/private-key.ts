/** Private keys, whoever wrote them, as ssh2 accepts them. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import type { ParsedKey } from "ssh2";
import { ConnectionError } from "../../errors";
import { library } from "./library";
import { openSshHeader, writeOpenSsh } from "./openssh-key";

/** Why a text is no key to log in with: what is said of it, and what to do. No word of it comes from the text. */
const refusals = {
  publicKey: ["is a public key", "Give the private one: its file has the same name without .pub."],
  certificate: [
    "is a certificate, which this transport does not support",
    "Give the private key, and list its public half in authorized_keys on the host.",
  ],
  passphraseNeeded: [
    "is encrypted, and there is no passphrase for it",
    "Name its variable by `passphraseEnv`, set PGINSTANCE_SSH_PASSPHRASE, or add the key to an agent and declare `agent: true`.",
  ],
  passphraseWrong: [
    "cannot be decrypted: the passphrase is another one, or the text is damaged",
    "See whether it opens the key: ssh-keygen -y -f FILE.",
  ],
  hardware: [
    "is that of a security key (FIDO), which this transport does not support, not by an agent either",
    "Make a key for this purpose: ssh-keygen -t ed25519.",
  ],
  cipher: [
    "is encrypted by a cipher that this transport does not support",
    "Encrypt it anew: ssh-keygen -p -Z aes256-ctr -f FILE.",
  ],
  algorithm: [
    "is of a kind that this transport does not support",
    "It can be Ed25519, ECDSA (nistp256, nistp384, nistp521) or RSA: ssh-keygen -t ed25519.",
  ],
  putty: [
    "is in a format of PuTTY that this transport does not read",
    "Export it in that of OpenSSH: puttygen FILE -O private-openssh-new -o NEW.",
  ],
  unreadable: [
    "cannot be read as a private key",
    "All of its text is needed, from -----BEGIN to the last -----, as ssh-keygen wrote it.",
  ],
} as const;

export type Refusal = keyof typeof refusals;

/** To follow the name of the key, as in "is a public key". */
export function reasonOf(refusal: Refusal): string {
  return refusals[refusal][0];
}

export function refusedKey(host: string, key: string, refusal: Refusal): ConnectionError {
  const [reason, hint] = refusals[refusal];
  return new ConnectionError(`${host}: the ${key} ${reason}`, { host, phase: "auth", hint });
}

/**
 * In OpenSSH's format, in any of OpenSSL's (PKCS#1, SEC 1, PKCS#8), or an RSA key of PuTTY's version 2. Lines may end
 * as in Windows, or in the letters `\n` as in some environment variables; what stands around the key is ignored.
 */
export function readPrivateKey(text: string, passphrase?: string): ParsedKey | Refusal {
  const trimmed = text.trim();
  const lines = trimmed.includes("\n") ? trimmed : trimmed.replaceAll("\\r", "").replaceAll("\\n", "\n");
  const [, label, body] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----(.+?)-----END \1-----/s.exec(lines) ?? [];
  if (label !== undefined && body !== undefined) {
    const read = label.startsWith("OPENSSH") ? readOpenSsh : readPem;
    return read(label, body, passphrase || undefined);
  }
  const putty = lines.indexOf("PuTTY-User-Key-File-");
  if (putty >= 0) return readPutty(lines.slice(putty), passphrase || undefined);
  return others.find(([pattern]) => pattern.test(lines))?.[1] ?? "unreadable";
}

const others: readonly (readonly [RegExp, Refusal])[] = [
  [/-cert-v\d+@openssh\.com |BEGIN CERTIFICATE/, "certificate"],
  [/BEGIN [A-Z0-9 ]*PUBLIC KEY|^(ssh|ecdsa|sk)-\S+ AAAA/m, "publicKey"],
];

/** By OpenSSL: ssh2 reads no PKCS#8 at all, and of the others takes no cipher but its own. */
function readPem(label: string, body: string, passphrase?: string): ParsedKey | Refusal {
  const lines = body.split(/[\r\n]+/).map((line) => line.trim());
  const headers = lines.filter((line) => line.includes(":"));
  const data = lines.filter((line) => !line.includes(":")).join("");
  const encrypted = `${label} ${headers}`.includes("ENCRYPTED");
  if (encrypted && passphrase === undefined) return "passphraseNeeded";
  try {
    const key = createPrivateKey({ key: armoured(label, data, headers), passphrase });
    const written = writers[key.asymmetricKeyType ?? ""]?.(key);
    return written === undefined ? "algorithm" : parsed(written, "algorithm");
  } catch (error) {
    if (!encrypted) return "unreadable";
    return (error as NodeJS.ErrnoException).code === "ERR_OSSL_EVP_UNSUPPORTED"
      ? "cipher"
      : "passphraseWrong";
  }
}

/** For each kind of key the format in which ssh2 reads it. */
const writers: Readonly<Record<string, (key: KeyObject) => string>> = {
  rsa: (key) => key.export({ type: "pkcs1", format: "pem" }).toString(),
  ec: (key) => key.export({ type: "sec1", format: "pem" }).toString(),
  ed25519: (key) =>
    armoured("OPENSSH PRIVATE KEY", writeOpenSsh(key.export({ format: "jwk" })).toString("base64")),
};

const algorithms = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521))$/;

/** Those that ssh2 really decrypts: it starts with chacha20-poly1305, too, and fails. */
const ciphers = /^(none|3des-cbc|aes(128|192|256)-(cbc|ctr)|aes(128|256)-gcm@openssh\.com)$/;

function readOpenSsh(label: string, body: string, passphrase?: string): ParsedKey | Refusal {
  const header = openSshHeader(Buffer.from(body, "base64"));
  if (!header) return "unreadable";
  if (header.algorithm.startsWith("sk-")) return "hardware";
  if (!algorithms.test(header.algorithm)) return "algorithm";
  if (!ciphers.test(header.cipher)) return "cipher";
  return decrypted(armoured(label, body), header.cipher, passphrase);
}

function readPutty(text: string, passphrase?: string): ParsedKey | Refusal {
  const cipher = /^PuTTY-User-Key-File-2: ssh-rsa\s+Encryption: (\S+)/.exec(text)?.[1];
  return cipher === undefined ? "putty" : decrypted(text, cipher, passphrase);
}

function decrypted(text: string, cipher: string, passphrase?: string): ParsedKey | Refusal {
  if (cipher === "none") return parsed(text, "unreadable");
  return passphrase === undefined ? "passphraseNeeded" : parsed(text, "passphraseWrong", passphrase);
}

/** What ssh2 says of a text ends here, since it quotes it. */
function parsed(text: string, otherwise: Refusal, passphrase?: string): ParsedKey | Refusal {
  try {
    const key = library().utils.parseKey(text, passphrase);
    return key instanceof Error || !key?.isPrivateKey() ? otherwise : key;
  } catch {
    return otherwise;
  }
}

function armoured(label: string, data: string, headers: readonly string[] = []): string {
  const lines = data.replace(/\s/g, "").match(/.{1,64}/g) ?? [];
  const before = headers.length > 0 ? [...headers, ""] : [];
  return [`-----BEGIN ${label}-----`, ...before, ...lines, `-----END ${label}-----`, ""].join("\n");
}
