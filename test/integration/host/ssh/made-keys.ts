/** Keys as ssh-keygen and openssl make them, in a folder of the test file, and what was read of each, as a table. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ParsedKey } from "ssh2";
import { afterAll } from "vitest";
import type { Refusal } from "../../../../provider/host/ssh/private-key";

export const passphrase = "canary häß \\n 'in the\" passphrase";

export function madeKeys() {
  const folder = mkdtempSync(join(tmpdir(), "private-key-"));
  const outcomes: Record<string, string>[] = [];
  afterAll(() => {
    rmSync(folder, { recursive: true });
    console.table(outcomes);
  });
  /** A program that is missing fails the test: nobody else can say what it writes. */
  const run = (program: "ssh-keygen" | "openssl", ...args: string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  return {
    run,
    read,
    write: (file: string, text: string) => writeFileSync(join(folder, file), text, { mode: 0o600 }),
    keygen(file: string, kind: string, secret = "", ...words: string[]): string {
      run("ssh-keygen", "-q", "-t", kind, "-N", secret, "-C", "a comment", "-f", file, ...words);
      return read(file);
    },
    openssl(file: string, command: string, ...words: string[]): string {
      run("openssl", command, "-out", file, ...words);
      chmodSync(join(folder, file), 0o600);
      return read(file);
    },
    /** As ssh-keygen says it is. */
    publicHalfOf: (file: string) => withoutComment(run("ssh-keygen", "-y", "-f", file).toString()),
    note: (outcome: Record<string, string>) => outcomes.push(outcome),
  };
}

export const withoutComment = (line: string) => line.trim().split(" ").slice(0, 2).join(" ");

/** The public half as in a .pub file, or why there is none. */
export function said(result: ParsedKey | Refusal): string {
  return typeof result === "string" ? result : `${result.type} ${result.getPublicSSH().toString("base64")}`;
}

/** "ssh-rsa", or why there is none. */
export const kindOf = (result: ParsedKey | Refusal) => said(result).split(" ")[0] ?? "";
