/** Whom to trust: ssh meets a real server with the same known_hosts, and has to come to the same verdict. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Server } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostKeyPolicy } from "../../../../provider/host/ssh/host-key";
import { keysOfSshKeygen } from "./keys";

const keys = keysOfSshKeygen();
const file = join(keys.directory, "known_hosts");
const own = keys.pair("own", "ed25519");
const other = keys.pair("other", "ed25519");
const rsa = keys.pair("rsa", "rsa", 2048);
const ecdsa = keys.pair("ecdsa", "ecdsa", 384);
const blob = Buffer.from(own.split(" ")[1] ?? "", "base64");

const server = new Server({ hostKeys: [readFileSync(join(keys.directory, "own"))] }, (client) => {
  client.on("authentication", (attempt) => attempt.reject()).on("error", () => undefined);
});
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
let compared = 0;
afterAll(() => {
  server.close();
  keys.remove();
  console.log(`known_hosts: ${compared} verdicts, each as ssh has it`);
});

/** In ssh's words; who is let in to authenticate has been trusted. */
const verdicts = {
  match: /: Permission denied/,
  revoked: /REVOKED HOST KEY DETECTED/,
  changed: /HOST IDENTIFICATION HAS CHANGED/,
  unknown: /No .* host key is known/,
};
const nothing = ["IdentityFile=none", "IdentityAgent=none", "PreferredAuthentications=none"];

async function theirs(port: number) {
  const relay = `const s = require("net").connect(${(server.address() as AddressInfo).port}, "127.0.0.1"); process.stdin.pipe(s).pipe(process.stdout)`;
  const options = [
    ...[
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      `UserKnownHostsFile=${file}`,
      "GlobalKnownHostsFile=none",
    ],
    ...[`ProxyCommand='${process.execPath}' -e '${relay}'`, ...nothing],
  ].flatMap((option) => ["-o", option]);
  const said = await new Promise<string>((resolve, reject) => {
    execFile("ssh", ["-vv", "-F", "none", ...options, "-p", `${port}`, "Db1", "true"], (error, _, stderr) =>
      typeof error?.code === "number" ? resolve(stderr) : reject(error ?? new Error("ssh was let in")),
    );
  });
  const verdict = Object.entries(verdicts).find(([, words]) => words.test(said))?.[0] ?? said;
  return { verdict, order: /^debug2: host key algorithms: (.*)$/m.exec(said)?.[1]?.split(",") ?? [] };
}

const messages = {
  revoked: /host key revoked/,
  changed: /host key changed/,
  unknown: /host key not known/,
};

async function ours(port: number) {
  const { algorithms, judge } = await hostKeyPolicy({ host: "Db1", port, knownHosts: [file] });
  const message = judge(blob)?.message;
  const verdict = Object.entries(messages).find(([, words]) => words.test(message ?? ""))?.[0] ?? message;
  return { verdict: verdict ?? "match", order: algorithms };
}

const sameOrder = [
  ["the key", [`db1 ${own}`], 22],
  ["the key, of a host in capitals", [`DB1 ${own}`], 22],
  ["the key, for the port", [`[db1]:2222 ${own}`], 2222],
  ["the key, for the port that needs none", [`[db1]:22 ${own}`], 22],
  ["the key, for another port", [`[db1]:2222 ${own}`], 2223],
  ["the key, without the port", [`db1 ${own}`], 2222],
  ["another key", [`db1 ${other}`], 22],
  ["another key, for the port", [`[db1]:2222 ${other}`], 2222],
  ["another key, without the port", [`db1 ${other}`], 2222],
  ["another key for the port, the key without", [`[db1]:2222 ${other}`, `db1 ${own}`], 2222],
  ["the key after another one", [`db1 ${other}`, `db1 ${own}`], 22],
  ["the key of another host", [`db2 ${own}`], 22],
  ["keys of other types", [`db1 ${rsa}`, `db1 ${ecdsa}`], 22],
  ["keys of other types, for the port", [`[db1]:2222 ${rsa}`, `[db1]:2222 ${ecdsa}`], 2222],
  ["nothing", [], 22],
  ["nothing, for a port", [], 2222],
  ["a pattern", [`d*?1 ${own}`], 22],
  ["a pattern that excludes the host", [`*,!db1 ${own}`], 22],
  ["a pattern for everything, on a port", [`* ${own}`], 2222],
  ["the revoked key", [`@revoked db1 ${own}`], 22],
  ["the revoked key, which another line has", [`db1 ${own}`, `@revoked * ${own}`], 22],
  ["the revoked key, without the port", [`@revoked db1 ${own}`, `db1 ${own}`], 2222],
  ["another one revoked", [`db1 ${own}`, `@revoked * ${other}`], 22],
  ["only another one revoked", [`@revoked * ${other}`], 22],
  ["an authority", [`@cert-authority * ${other}`], 22],
  ["an authority with the very key", [`@cert-authority * ${own}`], 22],
  ["an authority and another key", [`@cert-authority * ${own}`, `db1 ${other}`], 22],
  ["an authority and the key", [`@cert-authority * ${other}`, `db1 ${own}`], 22],
  ["a broken line", [`db1 ${own.slice(0, -4)}`], 22],
  ["Windows' line ends", [`db2 ${rsa}\r`, `db1 ${own}\r`], 22],
] as const satisfies [string, string[], number][];

describe("ssh has the same verdict, and asks for the same types of key first, where known_hosts has", () => {
  it.each(sameOrder)("%s", async (_, lines, port) => {
    writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
    const [expected, found] = [await theirs(port), await ours(port)];
    const order = expected.order.filter((algorithm) => found.order.some((known) => known === algorithm));
    expect(found).toEqual({ verdict: expected.verdict, order });
    compared += 1;
  });
});

describe("other than ssh", () => {
  it("we ask for every known type first, also beside the favourite one, also without the port", async () => {
    writeFileSync(file, `db1 ${rsa}\ndb1 ${own}\n`);
    const preferred = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"];
    for (const port of [22, 2222]) {
      expect((await ours(port)).order.slice(0, 3)).toEqual(preferred);
      expect((await theirs(port)).order.slice(0, 3)).not.toEqual(preferred);
    }
  });

  it("we refuse a key on any port when it is revoked for the host", async () => {
    writeFileSync(file, `@revoked db1 ${own}\n[db1]:2222 ${own}\n`);
    expect((await ours(2222)).verdict).toBe("revoked");
    expect((await theirs(2222)).verdict).toBe("match");
  });

  it("we take a tab after a marker as what it was meant to be", async () => {
    writeFileSync(file, `@revoked\tdb1 ${own}\ndb1 ${own}\n`);
    expect((await ours(22)).verdict).toBe("revoked");
    expect((await theirs(22)).verdict).toBe("match");
  });
});
