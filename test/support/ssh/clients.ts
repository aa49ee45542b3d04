/** Clients of test hosts that are not ours: OpenSSH's, and ssh2 as it is. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Client, type ConnectConfig } from "ssh2";
import type { Login, TestHost } from "./host";
import { program } from "./programs";

/** What a client has to know of a host. */
type Reached = Pick<TestHost, "address" | "port" | "knownHosts" | "hostKey">;

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function execute(command: string, args: readonly string[], env = process.env): Promise<Done> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** OpenSSH's client with the login's key, and with nothing else but what it is told; the first value of an option wins. */
export function ssh(
  host: Omit<Reached, "hostKey">,
  login: Pick<Login, "name" | "keyFile">,
  command: string,
  ...options: string[]
): Promise<Done> {
  const known = ["-o", `UserKnownHostsFile=${host.knownHosts}`, "-o", "BatchMode=yes"];
  const way = ["-i", login.keyFile, "-p", `${host.port}`, `${login.name}@${host.address}`];
  return execute(program("ssh"), ["-F", "none", ...options, ...known, ...way, command]);
}

/** A connection of ssh2 with the login's key, or with a password. */
export async function dial(host: Reached, login: Login, password?: string): Promise<Client> {
  const [algorithm, key] = host.hostKey().split(" ");
  const config: ConnectConfig = {
    ...{ host: host.address, port: host.port, username: login.name },
    ...(password === undefined ? { privateKey: await readFile(login.keyFile) } : { password }),
    algorithms: { serverHostKey: [algorithm as "ssh-ed25519"] },
    hostVerifier: (found: Buffer) => found.toString("base64") === key,
  };
  const client = new Client();
  client.on("error", () => {}).connect(config); // Before `ready` an error rejects, after it there is a close.
  await once(client, "ready");
  return client;
}

/** What it prints, in a channel of its own. */
export function command(client: Client, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec(text, (error, stream) => {
      if (error) return reject(error);
      let output = "";
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
      });
      stream.on("close", () => resolve(output));
      stream.end();
    });
  });
}
