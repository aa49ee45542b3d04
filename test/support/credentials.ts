/** Credentials of SSH and sudo that stand in a program, each of them a canary: whoever finds one anywhere found a leak. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { serverUser } from "./servers";
import type { TestHost } from "./ssh/host";
import { program } from "./ssh/programs";

const password = "canary-login-61d4";
const passphrase = "canary-passphrase-8a20";
const wrong = "canary-wrong-f3b9";

export interface Credentials {
  /** Args of an Instance, as JavaScript text, that open the way by a key. */
  readonly args: string;
  readonly canaries: readonly string[];
  /** By something else: what is given, and what an update says of it; nothing where it works. */
  readonly others: Readonly<Record<string, { readonly args: string; readonly words?: string }>>;
}

/** Of a login of its own, whose sudo asks for its password. */
export async function credentialsOf(host: TestHost): Promise<Credentials> {
  const owner = serverUser();
  const { name, keyFile } = await host.login("vault", { password, sudo: [`vault ALL=(${owner}) ALL`] });
  await promisify(execFile)(program("ssh-keygen"), ["-q", "-p", "-P", "", "-N", passphrase, "-f", keyFile]);
  const privateKey = await readFile(keyFile, "utf8");
  const at = { host: host.address, port: host.port, user: name, knownHosts: [host.knownHosts] };
  const args = (ssh: object, become: object = { method: "sudo", password }) =>
    `host: ${JSON.stringify({ ssh: { ...at, ...ssh } })}, become: ${JSON.stringify(become)}`;
  return {
    args: args({ privateKey, passphrase, password }),
    // A line of the key is enough, and has no line break that a log would write in another way.
    canaries: [password, passphrase, wrong, privateKey.split("\n")[2] ?? privateKey],
    others: {
      "a password alone": { args: args({ password }) },
      "a wrong passphrase": {
        args: args({ privateKey, passphrase: wrong }),
        words: "cannot be decrypted: the passphrase is another one",
      },
      "a wrong password": {
        args: args({ password: wrong }),
        words: `refuses the login ${name} (auth: tried password of the declaration`,
      },
      "a wrong password of sudo": {
        args: args({ password }, { method: "sudo", password: wrong }),
        words: `${name} cannot become ${owner} by sudo: the password was refused`,
      },
    },
  };
}
