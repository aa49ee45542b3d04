/** What is in a known_hosts file: ssh-keygen is asked the same, name by name. */
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { filedAs, isFor, parseKnownHosts } from "../../../../provider/host/ssh/known-hosts";
import { fingerprint, parsePublicKey } from "../../../../provider/host/ssh/public-key";
import { publicKey, rsa as rsaOf } from "../../../support/public-keys";
import { keysOfSshKeygen } from "./keys";

const keys = keysOfSshKeygen();
const file = join(keys.directory, "known_hosts");
let compared = 0;
afterAll(() => {
  keys.remove();
  console.log(`known_hosts: ${compared} times a line and a name, each as ssh-keygen has it`);
});

const ed25519 = keys.pair("ed25519", "ed25519");
const rsa = keys.pair("rsa", "rsa", 2048);
const ecdsa = [256, 384, 521].map((bits) => keys.pair(`ecdsa${bits}`, "ecdsa", bits));
const good = [ed25519, rsa, keys.pair("other", "ed25519"), keys.pair("small", "rsa", 1024), ...ecdsa];

const [type = "", base64 = ""] = ed25519.split(" ");
const [, rsaBase64 = ""] = rsa.split(" ");
const odd = [
  // Right, though nobody would expect it.
  ...[`rsa-sha2-512 ${rsaBase64}`, `rsa-sha2-256 ${rsaBase64}`, rsaOf(128)],
  ...[publicKey("sk-ssh-ed25519@openssh.com", Buffer.alloc(32, 1), "ssh:"), `${ed25519} #`],
  // Wrong.
  ...[`ssh-rsa ${base64}`, `${type} ${rsaBase64}`, `rsa-sha2-512 ${base64}`, `SSH-ED25519 ${base64}`],
  ...[
    `unknown ${base64}`,
    base64,
    type,
    `${type} `,
    `${type} #${base64}`,
    "1024 35 12345",
    publicKey("unknown", "x"),
  ],
  ...[
    `${ed25519}=`,
    `${ed25519}AAAA`,
    `${ed25519}#`,
    ed25519.slice(0, -4),
    ed25519.slice(0, -1),
    publicKey(type),
  ],
  ...[publicKey(type, Buffer.alloc(31)), publicKey(type, Buffer.alloc(32), ""), rsaOf(127)],
  ...[publicKey("ssh-rsa", "\x03"), ...ecdsa.map((line) => line.replace(/=*$/, "").slice(0, -1))],
];

const names = ["h", "x", "db1", "db1.example.com", "db10.example.com", "10.0.0.1", "::1", "fe80::1"].flatMap(
  (host) => [22, 2222, 22022].flatMap((port) => filedAs(host, port).slice(0, 1)),
);
const hash = (name: string, salt = Buffer.alloc(20, name)) =>
  `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
const hashes = [
  ...names.map((name) => hash(name)),
  ...[
    hash("H"),
    `${hash("h")},x`,
    `x,${hash("h")}`,
    `!${hash("h")}`,
    hash("h", Buffer.alloc(19)),
    "|1|x|y",
    "|",
  ],
  ...[hash("h").replace("|1|", "|2|"), hash("h").slice(0, -1), `${hash("h")}=`, `${hash("h")}|`],
];
const patterns = [
  ...[
    ...names,
    "H",
    "DB1.Example.COM",
    "[H]:2222",
    "[h]:22",
    "*",
    "**",
    "?",
    "db?.example.com",
    "*.example.com",
  ],
  ...["*.EXAMPLE.*", "[*]:2222", "[*]:*", "*:*", "d*1*.com", "db[1].example.com", "10.0.0.?", "10.0.0.0/24"],
  ...["@x", ".*", "h.", "h$", "(h)", "\\h", "^h", "|h", "h#", "é", "*é", "", " "],
];

const lists = fc
  .array(fc.tuple(fc.constantFrom("", "", "", "!", "!!"), fc.constantFrom(...patterns)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((list) => list.map((parts) => parts.join("")).join(","));
const lines = fc
  .tuple(
    fc.constantFrom("", "", "", "", "", " ", "\t ", "#"),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant("") },
      { weight: 2, arbitrary: fc.constantFrom("@revoked ", "@cert-authority ", "@revoked  \t") },
      {
        weight: 1,
        arbitrary: fc.constantFrom("@Revoked ", "@x ", "@ ", "@@revoked ", "@revoked @cert-authority "),
      },
    ),
    fc.oneof({ weight: 3, arbitrary: lists }, { weight: 1, arbitrary: fc.constantFrom(...hashes) }),
    fc.constantFrom(" ", " ", "\t", " \t "),
    fc.oneof(fc.constantFrom(...good), fc.constantFrom(...odd)),
    fc.constantFrom("", "", " comment", " # comment", "\t@revoked", "\r", " comment\r", "\v", "\f\r", " "),
  )
  .map((parts) => parts.join(""));

/** Each as "line marker fingerprint". */
function theirs(name: string): string[] {
  try {
    const args = ["-l", "-F", name, "-f", file];
    const output = execFileSync("ssh-keygen", args, { encoding: "utf8", stdio: "pipe" });
    const found = output.matchAll(/^# Host .* found: line (\d+) (\w*)\n.* (SHA256:\S{43})/gm);
    return [...found].map(([, line, marker, key]) => `${line} ${marker} ${key}`);
  } catch (error) {
    const { status, stdout, stderr } = error as { status?: number; stdout?: string; stderr?: string };
    if (status === 1 && stdout === "" && stderr === "") return [];
    throw error;
  }
}

const words = { "@revoked": "REVOKED", "@cert-authority": "CA" };
const ours = (name: string) =>
  parseKnownHosts(readFileSync(file, "utf8"), file)
    .filter((entry) => isFor(entry, name))
    .map(({ line, marker, key }) => `${line} ${marker ? words[marker] : ""} ${fingerprint(key)}`);

/** How often a line was found. */
function compare(content: string): number {
  writeFileSync(file, content);
  const found = names.map((name) => {
    const expected = theirs(name);
    expect(ours(name), name).toEqual(expected);
    return expected.length;
  });
  compared += names.length * content.split("\n").length;
  return found.reduce((sum, count) => sum + count);
}

it.each([1, 2, 3, 4])("the same lines are found among right, odd and broken ones (%i)", (seed) => {
  expect(compare(fc.sample(lines, { numRuns: 1000, seed }).join("\n"))).toBeGreaterThan(500);
});

it("the same lines are found where ssh-keygen has hashed the names", () => {
  writeFileSync(file, names.map((name, i) => `${name} ${good[i % good.length]}\n`).join(""));
  execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "pipe" });
  const content = readFileSync(file, "utf8");
  expect(content.match(/^\|1\|/gm)).toHaveLength(names.length);
  expect(compare(content)).toBe(names.length);
});

it("a key has the same fingerprint", () => {
  for (const line of good) {
    writeFileSync(file, `${line}\n`);
    const [type = "", base64 = ""] = line.split(" ");
    const key = parsePublicKey(type, base64);
    const printed = execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" });
    expect(printed.split(" ")[1]).toBe(key && fingerprint(key));
  }
});
