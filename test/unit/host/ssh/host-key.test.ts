import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { PassThrough } from "node:stream";
import { Client, type ServerHostKeyAlgorithm } from "ssh2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError } from "../../../../provider/errors";
import { type HostKeyArgs, hostKeyPolicy } from "../../../../provider/host/ssh/host-key";
import { blobOf, ecdsa, ed25519, rsa } from "../../../support/public-keys";

const own = ed25519(1);
const other = ed25519(2);
const big = rsa(256);
const prints = {
  own: "SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA",
  other: "SHA256:baqJQcVDEweKmw1OiZxGooCG2MGxYtwsQQzzOstxmiA",
  big: "SHA256:V4YEOE3nU/NaWVqm5rrMuNo4fdhEl+BLfWlf+WGjkpo",
};

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pginstance-host-key-"));
  file = join(directory, "known_hosts");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** The policy for db1.example.com, with a file of these lines. */
function policy(lines: readonly string[], args: Partial<HostKeyArgs> = {}) {
  writeFileSync(file, lines.join("\n"));
  return hostKeyPolicy({ host: "db1.example.com", knownHosts: [file], ...args });
}
const judged = async (lines: readonly string[], args?: Partial<HostKeyArgs>, offered = own) =>
  (await policy(lines, args)).judge(blobOf(offered));

const refusal = async (args: Partial<HostKeyArgs>) =>
  policy([], args).then(
    () => "none",
    (error) => error,
  );

describe("a host key", () => {
  it("that is known or declared is accepted, each time it is asked about", async () => {
    const { judge } = await policy([`db1.example.com ${own}`]);
    expect([1, 2, 3].map(() => judge(blobOf(own)))).toEqual([undefined, undefined, undefined]);
    expect(await judged([], { hostKey: own })).toBeUndefined();
    expect(await judged([], { hostKey: `${own} root@db1\n` })).toBeUndefined();
    expect(await judged([], { hostKey: prints.own })).toBeUndefined();
    expect(await judged([`* ${other}`], { hostKey: own })).toBeUndefined();
  });

  it("that has changed is refused, with what is known and what was offered", async () => {
    const error = await judged([`db1.example.com ${other}`, "", `* ${big}`]);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ host: "db1.example.com", phase: "hostKey", retryable: false });
    expect(error?.message.split("\n")).toEqual([
      `db1.example.com:22: host key changed. ${file}:1 has ${prints.other} (ssh-ed25519), ${file}:3 has ${prints.big} (ssh-rsa), the host offered ${prints.own} (ssh-ed25519).`,
      "Someone may be in the way, or the host was reinstalled; then correct those lines. Nothing was sent.",
    ]);
  });

  it("that is unknown is refused, with the line that would make it known", async () => {
    const error = await judged([], { port: 2222 });
    expect(error).toMatchObject({ host: "db1.example.com:2222", phase: "hostKey" });
    expect(error?.message.split("\n")).toEqual([
      `db1.example.com:2222: host key not known. The host offered ${prints.own} (ssh-ed25519), and no key of the host is in ${file}.`,
      "Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known or declare it as hostKey. Nothing was sent.",
      `echo '[db1.example.com]:2222 ${own}' >> ${file}`,
    ]);
  });

  it("that is unknown where no file is declared is refused, with the declaration", async () => {
    const error = await judged([], { host: "fe80::1", knownHosts: [] }, big);
    expect(error?.message.split("\n")).toEqual([
      `[fe80::1]:22: host key not known. The host offered ${prints.big} (ssh-rsa), and knownHosts names no file.`,
      expect.stringContaining("ssh_host_rsa_key.pub"),
      `hostKey: "${big}"`,
    ]);
  });

  it("becomes known by that line", async () => {
    const quoted = join(directory, "it's known");
    writeFileSync(quoted, "");
    const args = { host: "DB1", port: 2222, knownHosts: [quoted] };
    const command = (await judged([], args))?.message.split("\n").at(-1) ?? "";
    execFileSync("sh", ["-c", command]);
    expect(await judged([], args)).toBeUndefined();
  });

  it("that is revoked is refused, even where it is declared", async () => {
    for (const hostKey of [undefined, own, prints.own]) {
      const error = await judged([`db1.example.com ${own}`, `@revoked * ${own}`], { hostKey });
      expect(error?.message.split("\n")).toEqual([
        `db1.example.com:22: host key revoked. The host offered ${prints.own} (ssh-ed25519), revoked by ${file}:2.`,
        "Whoever has that key can pose as the host: give the host a new one, then make the new one known. Nothing was sent.",
      ]);
    }
  });

  it("that only an authority could vouch for is refused, with the ways out", async () => {
    const error = await judged([`@cert-authority *.example.com ${other}`]);
    expect(error?.message.split("\n")).toEqual([
      `db1.example.com:22: host key not known. The host offered ${prints.own} (ssh-ed25519), and the files have only an authority for it: ${file}:1.`,
      expect.stringMatching(
        /^Certificates of hosts are not checked here, so the key itself has to be known\. .* declare it as hostKey\. Nothing was sent\.$/,
      ),
      `echo 'db1.example.com ${own}' >> ${file}`,
    ]);
  });

  it("other than the declared one is refused, whatever the files say", async () => {
    const error = await judged([`* ${own}`], { hostKey: other });
    expect(error?.message.split("\n")).toEqual([
      `db1.example.com:22: host key is not the declared one. hostKey is ${prints.other} (ssh-ed25519), the host offered ${prints.own} (ssh-ed25519).`,
      "Someone may be in the way, or the host was reinstalled; then correct hostKey. Nothing was sent.",
    ]);
    const byPrint = await judged([`* ${own}`], { hostKey: prints.other });
    expect(byPrint?.message).toContain(`hostKey is ${prints.other}, the host offered`);
    expect(byPrint?.hint).toContain("declare the whole key");
  });

  it("that cannot be read is refused", async () => {
    const { judge } = await policy([`* ${own}`]);
    for (const blob of [
      Buffer.alloc(0),
      blobOf(own).subarray(0, -1),
      blobOf(rsa(127)),
      Buffer.alloc(50, 255),
    ]) {
      expect(judge(blob)?.message).toMatch(
        /^db1\.example\.com:22: the host offered no key that can be read\./,
      );
    }
  });
});

describe("a declared hostKey", () => {
  it.each(["", "x", "SHA256:x", `MD5:${"00:".repeat(15)}00`, "ssh-ed25519", own.slice(0, -4), `db1 ${own}`])(
    "%j is refused before anything is asked",
    async (hostKey) => {
      const error = await refusal({ hostKey });
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error.phase).toBe("hostKey");
      expect(error.message).toMatch(/^db1\.example\.com:22: hostKey is not a public key\.\n/);
    },
  );
});

describe("the files", () => {
  it("that are declared have to be there and readable, with a declared key too", async () => {
    for (const hostKey of [undefined, own]) {
      for (const knownHosts of [[file, join(directory, "none")], [directory]]) {
        const error = await refusal({ knownHosts, hostKey });
        expect(error).toBeInstanceOf(ConnectionError);
        expect(error).toMatchObject({ phase: "hostKey", retryable: false });
        expect(error.message).toContain(`db1.example.com:22: cannot read ${knownHosts.at(-1)}: E`);
      }
    }
  });

  it("may be several, may be in the home directory, and are told by their whole path", async () => {
    vi.stubEnv("HOME", directory);
    writeFileSync(join(directory, "second"), `* ${big}\n`);
    const error = await judged([`* ${other}`], { knownHosts: [relative(process.cwd(), file), "~/second"] });
    expect(error?.message).toContain(`${file}:1 has ${prints.other}`);
    expect(error?.message).toContain(`${directory}/second:1 has ${prints.big}`);
  });

  it("are those of ssh when none is declared, as far as there are any", async () => {
    vi.stubEnv("HOME", directory);
    const args = { host: "db1.example.invalid", knownHosts: undefined };
    expect((await judged([], args))?.message).toContain(
      `no key of the host is in ${directory}/.ssh/known_hosts, ${directory}/.ssh/known_hosts2, /etc/ssh/ssh_known_hosts, /etc/ssh/ssh_known_hosts2.`,
    );
    mkdirSync(join(directory, ".ssh"));
    writeFileSync(join(directory, ".ssh/known_hosts2"), `*.example.invalid ${own}\n`);
    expect(await judged([], args)).toBeUndefined();
    mkdirSync(join(directory, ".ssh/known_hosts"));
    expect((await refusal(args)).message).toContain(`cannot read ${directory}/.ssh/known_hosts: EISDIR`);
  });

  it("are none where the home directory is none", async () => {
    vi.stubEnv("HOME", "/dev/null");
    const error = await judged([], { host: "db1.example.invalid", knownHosts: undefined });
    expect(error?.message).toContain("no key of the host is in /dev/null/.ssh/known_hosts");
  });
});

describe("the algorithms", () => {
  const usual = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];
  const signedByRsa = ["rsa-sha2-512", "rsa-sha2-256"];
  const algorithms = async (lines: readonly string[], args?: Partial<HostKeyArgs>) =>
    (await policy(lines, args)).algorithms;

  it("are in OpenSSH's order, and none has SHA-1", async () => {
    expect(await algorithms([])).toEqual([...usual, ...signedByRsa]);
  });

  it("begin with the types that are known for the host", async () => {
    expect(await algorithms([`* ${big}`])).toEqual([...signedByRsa, ...usual]);
    expect((await algorithms([`* ${big}`, `* ${ecdsa(1)}`])).slice(0, 3)).toEqual([
      "ecdsa-sha2-nistp256",
      ...signedByRsa,
    ]);
    expect((await algorithms([`* ${big}`], { hostKey: prints.big })).slice(0, 2)).toEqual(signedByRsa);
  });

  it("begin with the type that is declared", async () => {
    expect((await algorithms([`* ${own}`], { hostKey: big })).slice(0, 2)).toEqual(signedByRsa);
  });

  it("are known to ssh2", async () => {
    const client = new Client().on("error", () => undefined);
    const offer = (serverHostKey: ServerHostKeyAlgorithm[]) =>
      client.connect({ username: "x", sock: new PassThrough(), algorithms: { serverHostKey } });
    expect(() => offer(["none" as ServerHostKeyAlgorithm])).toThrow("Unsupported algorithm");
    offer(await algorithms([])).destroy();
  });
});
