import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParsedKey, utils } from "ssh2";
import { describe, expect, test } from "vitest";
import { writeOpenSsh } from "../../../../provider/host/ssh/openssh-key";
import { readPrivateKey } from "../../../../provider/host/ssh/private-key";
import { kindOf, madeKeys, passphrase, said, withoutComment } from "./made-keys";

const { run, read, write, keygen, openssl, publicHalfOf, note } = madeKeys();

/** It opens, alone when it is not encrypted, else by its passphrase only, and is the private half of the public key. */
function expectKey(name: string, text: string, publicHalf: string, secret: string | undefined) {
  const [key, without, wrong] = [secret, undefined, "wrong"].map((given) => readPrivateKey(text, given));
  if (!key || !without || !wrong) throw new Error("three were read");
  note({
    key: name,
    opened: kindOf(key),
    "without passphrase": kindOf(without),
    "with another": kindOf(wrong),
  });
  expect(said(key)).toBe(publicHalf);
  expect([without, wrong].map(said)).toEqual(
    secret === undefined ? [publicHalf, publicHalf] : ["passphraseNeeded", "passphraseWrong"],
  );
  expect(signs(key as ParsedKey, publicHalf)).toBe(true);
}

/** As in a login: RSA with SHA-2, since servers take no SHA-1. */
function signs(key: ParsedKey, publicHalf: string): boolean {
  const other = utils.parseKey(publicHalf);
  if (other instanceof Error) throw other;
  const data = Buffer.from("session");
  const algorithm = key.type === "ssh-rsa" ? "sha512" : undefined;
  return other.verify(data, key.sign(data, algorithm), algorithm);
}

describe("a key of ssh-keygen is read", () => {
  const kinds = ["rsa 2048", "ecdsa 256", "ecdsa 384", "ecdsa 521", "ed25519 256"];
  const all = kinds.flatMap((kind) =>
    ["RFC4716", "PEM", "PKCS8"].flatMap((format) =>
      [undefined, passphrase].map((secret) => ({ kind, format, secret, as: secret ? "encrypted" : "plain" })),
    ),
  );

  test.each(all)("$kind, $format, $as", ({ kind, format, secret, as }) => {
    const name = `ssh-keygen ${kind} -m ${format} ${as}`;
    const [type = "", bits = ""] = kind.split(" ");
    const text = keygen(name, type, secret, "-b", bits, "-m", format);
    expectKey(name, text, withoutComment(read(`${name}.pub`)), secret);
  });

  test.each(["aes256-ctr", "aes128-cbc", "3des-cbc", "aes256-gcm@openssh.com"])(
    "encrypted by %s",
    (cipher) => {
      const name = `ssh-keygen ed25519 -Z ${cipher}`;
      const text = keygen(name, "ed25519", passphrase, "-Z", cipher);
      expectKey(name, text, withoutComment(read(`${name}.pub`)), passphrase);
    },
  );
});

describe("a key of openssl is read", () => {
  const kinds = {
    rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ec: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ed25519: ["-algorithm", "ED25519"],
  };
  const secret = ["-passout", `pass:${passphrase}`];
  const formats: Record<string, readonly [readonly (keyof typeof kinds)[], ...command: string[]]> = {
    "PKCS#8": [["rsa", "ec", "ed25519"], "pkcs8", "-topk8", "-nocrypt"],
    "PKCS#8, AES": [["rsa", "ec", "ed25519"], "pkcs8", "-topk8", "-v2", "aes-256-cbc", ...secret],
    "PKCS#8, scrypt": [["ed25519"], "pkcs8", "-topk8", "-scrypt", ...secret],
    "PKCS#8, 3DES": [["rsa"], "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", ...secret],
    "PKCS#1": [["rsa"], "rsa", "-traditional"],
    "PKCS#1, Camellia": [["rsa"], "rsa", "-traditional", "-camellia256", ...secret],
    "SEC 1": [["ec"], "ec"],
    "SEC 1, 3DES": [["ec"], "ec", "-des3", ...secret],
  };
  const all = Object.entries(formats).flatMap(([format, [of, command = "", ...words]]) =>
    of.map((kind) => ({ kind, format, command, words })),
  );

  test.each(all)("$kind, $format", ({ kind, format, command, words }) => {
    const name = `openssl ${kind} ${format}`.replaceAll("#", "");
    openssl(`${name} source`, "genpkey", ...kinds[kind]);
    const text = openssl(name, command, "-in", `${name} source`, ...words);
    const publicHalf = kind === "ed25519" ? ed25519Half(`${name} source`) : publicHalfOf(`${name} source`);
    expectKey(name, text, publicHalf, words.includes("-passout") ? passphrase : undefined);
  });

  /** ssh-keygen before OpenSSH 9.6 does not read these; in DER the last bytes are the public half. */
  function ed25519Half(file: string): string {
    const der = run("openssl", "pkey", "-in", file, "-pubout", "-outform", "DER");
    const blob = Buffer.concat([Buffer.from("\0\0\0\vssh-ed25519\0\0\0 "), der.subarray(-32)]);
    return `ssh-ed25519 ${blob.toString("base64")}`;
  }

  test("EC, after its parameters", () => {
    const text = openssl("parameters", "ecparam", "-name", "prime256v1", "-genkey");
    expectKey("openssl ecparam -genkey", text, publicHalfOf("parameters"), undefined);
  });
});

describe("a key of PuTTY is read", () => {
  /** The ones by which ssh2 tests itself. */
  test.each([
    ["ppk_rsa", undefined],
    ["ppk_rsa_enc", "node.js"],
  ])("RSA, version 2: %s", (file, secret) => {
    const text = readFileSync(join(require.resolve("ssh2"), "../../test/fixtures/keyParser", file), "utf8");
    const lines = /Public-Lines: \d+\s+([\s\S]+?)\s+Private-Lines/.exec(text)?.[1] ?? "";
    expectKey(`PuTTY 2 ${file}`, text, `ssh-rsa ${lines.replace(/\s/g, "")}`, secret);
  });
});

describe("the text of a key may have", () => {
  const texts = [
    keygen("text", "ed25519"),
    keygen("text-pem", "rsa", passphrase, "-b", "2048", "-m", "PEM"),
    keygen("text-pkcs8", "ecdsa", passphrase, "-m", "PKCS8"),
  ];
  const halves = ["text", "text-pem", "text-pkcs8"].map((file) => withoutComment(read(`${file}.pub`)));

  test.each<[string, (text: string) => string]>([
    ["line ends of Windows", (text) => text.replaceAll("\n", "\r\n")],
    ["no newline at its end", (text) => text.trimEnd()],
    ["the letters \\n for newlines", (text) => text.replaceAll("\n", "\\n")],
    ["the letters \\r\\n for newlines", (text) => text.replaceAll("\n", "\\r\\n")],
    ["the letters \\n, and a newline at its end", (text) => `${text.replaceAll("\n", "\\n")}\n`],
    ["a byte order mark", (text) => `\ufeff${text}`],
    ["lines that are indented", (text) => text.replaceAll("\n", "\n    ")],
    ["other words around it", (text) => `Key Attributes\n  friendlyName: x\n${text}the end\n`],
  ])("%s", (_, change) => {
    expect(texts.map((text) => said(readPrivateKey(change(text), passphrase)))).toEqual(halves);
  });

  test("blanks for newlines, as `echo $KEY` makes them, where it has no headers", () => {
    const [plain = "", , pkcs8 = ""] = texts.map((text) => text.replaceAll("\n", " "));
    expect([plain, pkcs8].map((text) => said(readPrivateKey(text, passphrase)))).toEqual([
      halves[0],
      halves[2],
    ]);
  });
});

test("an Ed25519 key that is written anew is one for ssh-keygen, too", () => {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const data = writeOpenSsh(jwk).toString("base64").replace(/.{70}/g, "$&\n");
  const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${data}\n-----END OPENSSH PRIVATE KEY-----\n`;
  write("written", text);
  expect(publicHalfOf("written")).toBe(said(readPrivateKey(text)));
});
