import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Keys {
  readonly directory: string;
  /** Makes a pair in the directory; the public one as "ssh-ed25519 AAAA...". */
  pair(name: string, type: string, bits?: number): string;
  remove(): void;
}

/** Keys by ssh-keygen itself; without it the test fails. */
export function keysOfSshKeygen(): Keys {
  const directory = mkdtempSync(join(tmpdir(), "pginstance-keys-"));
  return {
    directory,
    pair(name, type, bits = 256) {
      const file = join(directory, name);
      execFileSync("ssh-keygen", ["-q", "-N", "", "-C", name, "-t", type, "-b", `${bits}`, "-f", file]);
      return readFileSync(`${file}.pub`, "utf8").split(" ", 2).join(" ");
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
