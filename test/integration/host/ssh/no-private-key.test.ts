import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type Refusal, readPrivateKey, refusedKey } from "../../../../provider/host/ssh/private-key";
import { kindOf, madeKeys, passphrase } from "./made-keys";

const { run, read, keygen, openssl, note } = madeKeys();

const field = (value: string | Buffer) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
};

const armoured = (blob: Buffer) =>
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${blob.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`;

/** What ssh-keygen leaves in the clear of a key. That of a security key takes one to be made. */
function header(algorithm: string): string {
  const parts = [field("none"), field("none"), field(""), Buffer.from([0, 0, 0, 1]), field(field(algorithm))];
  return armoured(Buffer.concat([Buffer.from("openssh-key-v1\0"), ...parts]));
}

function certificate(): string {
  keygen("authority", "ed25519");
  keygen("user", "ed25519");
  run("ssh-keygen", "-q", "-s", "authority", "-I", "canary", "-n", "user", "user.pub");
  return read("user-cert.pub");
}

const withoutLines = (text: string) => text.replace(/\n(.{60,}\n){5}/, "\n");
const putty = (kind: string) => `PuTTY-User-Key-File-${kind}\r\nEncryption: none\r\nComment: canary\r\n`;
const ecdsa = keygen("ecdsa", "ecdsa");
const rsa = keygen("rsa", "rsa", "", "-b", "2048");
const rsaPem = keygen("rsa-pem", "rsa", "", "-b", "2048", "-m", "PEM");
const publicIn = (format: string) => run("ssh-keygen", "-e", "-m", format, "-f", "rsa").toString();

const texts: readonly (readonly [name: string, Refusal, text: string])[] = [
  ["a .pub file", "publicKey", read("ecdsa.pub")],
  ["a .pub file of a security key", "publicKey", "sk-ssh-ed25519@openssh.com AAAAGnNr canary"],
  ["a public key of RFC 4716", "publicKey", publicIn("RFC4716")],
  ["a public key of PKCS#8", "publicKey", publicIn("PKCS8")],
  ["a public key of PKCS#1", "publicKey", publicIn("PEM")],
  ["a certificate", "certificate", certificate()],
  ["a certificate of X.509", "certificate", "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----"],
  ["the key of a security key", "hardware", header("sk-ecdsa-sha2-nistp256@openssh.com")],
  ["a key of a kind that nobody knows", "algorithm", header("ssh-canary")],
  ["a key of DSA", "algorithm", openssl("dsa", "dsaparam", "-genkey", "1024")],
  ["a key of Ed448", "algorithm", openssl("ed448", "genpkey", "-algorithm", "ED448")],
  ["a key of secp256k1", "algorithm", openssl("k1", "ecparam", "-name", "secp256k1", "-genkey", "-noout")],
  ["a key of PuTTY's version 3", "putty", putty("3: ssh-rsa")],
  ["a key of PuTTY that is not RSA", "putty", putty("2: ssh-ed25519")],
  ["a key of PuTTY that is cut off", "unreadable", putty("2: ssh-rsa")],
  ["a key that is cut off", "unreadable", ecdsa.slice(0, 200)],
  ["a key whose first lines are missing", "unreadable", withoutLines(rsa)],
  ["a PEM whose first lines are missing", "unreadable", withoutLines(rsaPem)],
  ["a key that ends early", "unreadable", header("ssh-ed25519")],
  ["a key of nothing", "unreadable", armoured(Buffer.from("openssh-key-v1\0"))],
  ["another text in the place of a key", "unreadable", armoured(Buffer.from("canary ".repeat(20)))],
  ["a path", "unreadable", "/home/canary/.ssh/id_ed25519"],
  ["nothing", "unreadable", ""],
  ["bytes that are no text", "unreadable", Buffer.from([...Array(512).keys()]).toString()],
];

describe("what is no key to log in with is called by its name", () => {
  test.each(texts)("%s: %s", (name, refusal, text) => {
    const result = readPrivateKey(text);
    note({ text: name, result: kindOf(result) });
    expect([result, readPrivateKey(text, passphrase)]).toEqual([refusal, refusal]);
  });

  test("a cipher that ssh2 cannot undo, whatever the passphrase", () => {
    const text = keygen("chacha", "ed25519", passphrase, "-Z", "chacha20-poly1305@openssh.com");
    expect([undefined, passphrase, "wrong"].map((given) => readPrivateKey(text, given))).toEqual(
      Array(3).fill("cipher"),
    );
  });

  test("a cipher that OpenSSL has given up", () => {
    const legacy = ["-provider", "legacy", "-provider", "default", "-passout", `pass:${passphrase}`];
    const text = openssl("md5", "pkcs8", "-topk8", "-in", "rsa-pem", "-v1", "PBE-MD5-DES", ...legacy);
    expect([readPrivateKey(text), readPrivateKey(text, passphrase)]).toEqual(["passphraseNeeded", "cipher"]);
  });

  test("another passphrase, even where what comes out looks like the end of a text, as of 256 one does", () => {
    const text = openssl(
      "many",
      "genpkey",
      "-algorithm",
      "ED25519",
      "-aes256",
      "-pass",
      `pass:${passphrase}`,
    );
    const results = new Set(
      Array.from({ length: 800 }, (_, index) => readPrivateKey(text, `wrong ${index}`)),
    );
    expect([...results]).toEqual(["passphraseWrong"]);
  });
});

test("no error shows anything of the text or the passphrase", () => {
  const encrypted = ["RFC4716", "PEM", "PKCS8"].map((format) =>
    keygen(`encrypted ${format}`, "ecdsa", passphrase, "-m", format),
  );
  const errors = [...texts.map(([, , text]) => text), ...encrypted].flatMap((text) =>
    [undefined, "another canary"].map((given) => {
      const refusal = readPrivateKey(text, given);
      if (typeof refusal !== "string") throw new Error("a key after all");
      return { text, error: refusedKey("db1", "key of $KEY", refusal) };
    }),
  );
  expect(errors.length).toBe(54);
  for (const { text, error } of errors) {
    expect(error).toMatchObject({ name: "ConnectionError", host: "db1", phase: "auth", retryable: false });
    expect(error.message).toMatch(/^db1: the key of \$KEY (is|cannot) .+\n.+\.$/);
    const shown = `${inspect(error, { showHidden: true, depth: 9 })} ${JSON.stringify(error)} ${error.stack}`;
    const parts = text.split(/\s+/).filter((part) => part.length > 20 && !part.includes("/.ssh/"));
    expect(["canary", ...parts].filter((part) => shown.includes(part))).toEqual([]);
  }
});
