/** OpenSSH's own format of private keys, as its file PROTOCOL.key describes it. */
import type { JsonWebKey } from "node:crypto";

const magic = "openssh-key-v1\0";

/** What is in the clear: cipher, how its key is derived, options of that, how many keys there are, the public key. */
export function openSshHeader(blob: Buffer): { cipher: string; algorithm: string } | undefined {
  if (blob.toString("latin1", 0, magic.length) !== magic) return undefined;
  const after = (at: number) => at + 4 + blob.readUInt32BE(at);
  const field = (at: number) => blob.toString("latin1", at + 4, after(at));
  try {
    const publicKey = after(after(after(magic.length))) + 4;
    return { cipher: field(magic.length), algorithm: field(publicKey + 4) };
  } catch {
    return undefined;
  }
}

/** An Ed25519 key, not encrypted. */
export function writeOpenSsh({ x = "", d = "" }: JsonWebKey): Buffer {
  const algorithm = Buffer.from("ssh-ed25519");
  const publicHalf = Buffer.from(x, "base64url");
  const seed = Buffer.from(d, "base64url");
  const none = Buffer.from("none");
  const empty = Buffer.alloc(0);
  const secret = [
    Buffer.alloc(8), // Twice the same number, by which the reader knows that it has decrypted.
    fields(algorithm, publicHalf, Buffer.concat([seed, publicHalf]), empty),
    Buffer.from([1, 2, 3, 4, 5]), // Fills the last block of eight bytes.
  ];
  return Buffer.concat([
    Buffer.from(magic),
    fields(none, none, empty),
    Buffer.from([0, 0, 0, 1]),
    fields(fields(algorithm, publicHalf), Buffer.concat(secret)),
  ]);
}

/** Each with its length before it. */
function fields(...values: readonly Buffer[]): Buffer {
  const length = ({ length: bytes }: Buffer) => Buffer.from([bytes >>> 24, bytes >>> 16, bytes >>> 8, bytes]);
  return Buffer.concat(values.flatMap((value) => [length(value), value]));
}
