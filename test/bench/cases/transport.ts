/** The framed shell alone, beside a shell that somebody has opened with OpenSSH: an answer, and many bytes of one. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { SshArgs } from "../../../provider/host/ssh/login";
import { SshHost } from "../../../provider/host/ssh/ssh-host";
import type { Case, Contender } from "../comparison";
import type { Site } from "../site";
import { median } from "../statistics";
import type { Bench } from "./bench";

const commands = 200;
const bytes = 64 << 20;

/** Milliseconds until a command that does nothing has been answered: the median of many. */
export async function latency({ site, raw }: Bench): Promise<Case> {
  const ask = async (command: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let at = 0; at < commands; at += 1) {
      const begin = performance.now();
      await command();
      times.push(performance.now() - begin);
    }
    return median(times);
  };
  const host = shellOf(site);
  const shell = raw && (await openShell(site));
  const peers: Contender[] = shell
    ? [{ name: raw.name, run: () => ask(() => shell.bytes("sh -c : </dev/null; echo", 1)) }]
    : [];
  return {
    ours: { name: "ours", run: () => ask(() => host.run({ name: "nothing", script: ":" })) },
    peers,
    close: async () => shell?.close(),
  };
}

/** 64 MiB that the host prints. */
export async function throughput({ site, raw }: Bench): Promise<Case> {
  const script = `head -c ${bytes} /dev/zero`;
  const host = shellOf(site);
  const shell = raw && (await openShell(site));
  return {
    ours: {
      name: "ours",
      async run() {
        const { stdout } = await host.run({ name: "print", script });
        if (stdout.length !== bytes) throw new Error(`${stdout.length} bytes came`);
      },
    },
    peers: shell ? [{ name: raw.name, run: () => shell.bytes(script, bytes) }] : [],
    close: async () => shell?.close(),
  };
}

const shellOf = (site: Site): SshHost => new SshHost(site.access(0).ssh as SshArgs);

interface Shell {
  /** Until so many bytes have come of what it is told. */
  bytes(command: string, size: number): Promise<void>;
  close(): Promise<void>;
}

async function openShell(site: Site): Promise<Shell> {
  const shell: ChildProcessWithoutNullStreams = spawn("ssh", ["-F", site.sshConfig, "target", "sh"]);
  const it: Shell = {
    bytes: (command, size) =>
      new Promise((resolve, reject) => {
        let left = size;
        const gone = () => reject(new Error("ssh has ended"));
        const take = (chunk: Buffer) => {
          left -= chunk.length;
          if (left > 0) return;
          shell.stdout.off("data", take);
          shell.off("exit", gone);
          resolve();
        };
        shell.stdout.on("data", take);
        shell.once("exit", gone);
        shell.stdin.write(`${command}\n`);
      }),
    async close() {
      const ended = once(shell, "exit");
      shell.stdin.end();
      await ended;
    },
  };
  await it.bytes("echo", 1);
  return it;
}
