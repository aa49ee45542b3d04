/** Public keys that are right in form and belong to nobody: "ssh-ed25519 AAAA...". */

export function publicKey(type: string, ...fields: readonly (string | Buffer)[]): string {
  const sized = [type, ...fields].flatMap((field) => {
    const bytes = Buffer.from(field);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return [size, bytes];
  });
  return `${type} ${Buffer.concat(sized).toString("base64")}`;
}

export const ed25519 = (fill: number) => publicKey("ssh-ed25519", Buffer.alloc(32, fill));
export const ecdsa = (fill: number) =>
  publicKey("ecdsa-sha2-nistp256", "nistp256", Buffer.concat([Buffer.from([4]), Buffer.alloc(64, fill)]));
/** 1024 bits and more have their first one set, which takes a zero before it. */
export const rsa = (bytes: number) =>
  publicKey("ssh-rsa", "\x03", Buffer.concat([Buffer.alloc(1), Buffer.alloc(bytes, 0xa5)]));

export const blobOf = (key: string): Buffer => Buffer.from(key.split(" ")[1] ?? "", "base64");
