/**
 * Public keys as SSH sends them and files hold them: RFC 4253 (6.6), RFC 5656, RFC 8709; `sk-`: OpenSSH's PROTOCOL.u2f.
 */
import { createHash } from "node:crypto";
import type { ServerHostKeyAlgorithm } from "ssh2";

export interface PublicKey {
  /** As in "ssh-ed25519"; of RSA keys always "ssh-rsa", however they sign. */
  readonly type: string;
  /** What goes over the wire: two keys are the same when these bytes are. */
  readonly blob: Buffer;
}

/**
 * The bytes that each field after the type has at least. OpenSSH takes no RSA key below 1024 bits and, since its
 * version 10, none of type ssh-dss.
 */
const fieldSizes: ReadonlyMap<string, readonly number[]> = new Map([
  ["ssh-ed25519", [32]],
  ["ecdsa-sha2-nistp256", [8, 65]],
  ["ecdsa-sha2-nistp384", [8, 97]],
  ["ecdsa-sha2-nistp521", [8, 133]],
  ["ssh-rsa", [1, 129]],
  ["sk-ssh-ed25519@openssh.com", [32, 0]],
  ["sk-ecdsa-sha2-nistp256@openssh.com", [8, 65, 0]],
]);

/** The signatures that are good enough, OpenSSH's favourite first, and the type of key that makes each: no SHA-1. */
const signers = [
  ["ssh-ed25519", "ssh-ed25519"],
  ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"],
  ["ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"],
  ["ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"],
  ["rsa-sha2-512", "ssh-rsa"],
  ["rsa-sha2-256", "ssh-rsa"],
] as const satisfies readonly (readonly [ServerHostKeyAlgorithm, string])[];

/** All of them, those of the given types of key first. */
export function signatureAlgorithms(preferred: readonly string[]): ServerHostKeyAlgorithm[] {
  const known = signers.filter(([, type]) => preferred.includes(type));
  return [...new Set([...known, ...signers].map(([algorithm]) => algorithm))];
}

/** Undefined: cut off, too short, or of a type that is not known here. */
export function readPublicKey(blob: Buffer): PublicKey | undefined {
  const [first, ...rest] = fieldsOf(blob) ?? [];
  const type = first?.toString("latin1") ?? "";
  const sizes = fieldSizes.get(type);
  const whole = sizes?.length === rest.length && rest.every((field, i) => field.length >= (sizes[i] ?? 0));
  return whole ? { type, blob } : undefined;
}

/** As in a .pub file; the type may also be that of the signature, as in "rsa-sha2-512". */
export function parsePublicKey(type: string, base64: string): PublicKey | undefined {
  const blob = Buffer.from(base64, "base64");
  if (blob.toString("base64") !== base64) return undefined;
  const key = readPublicKey(blob);
  const isItsSignature = signers.some(([algorithm, signer]) => algorithm === type && signer === key?.type);
  return type === key?.type || isItsSignature ? key : undefined;
}

/** As OpenSSH prints it. */
/** As in a .pub file, without its comment. */
export const printPublicKey = ({ type, blob }: PublicKey): string => `${type} ${blob.toString("base64")}`;

export const fingerprint = ({ blob }: PublicKey): string =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;

/** Each field is preceded by its size; undefined where the last one is cut off. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
