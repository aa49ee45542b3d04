/** sshd in a place: its configuration, its start and stop, and what its log tells. */
import { execFile, spawn } from "node:child_process";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { end, isAlive, until } from "../processes";
import type { Mark } from "./interface";
import { hostKeyFiles } from "./keys";
import type { Place } from "./place";
import { program, searchPath } from "./programs";

/** Lines of its log at DEBUG1. */
export const logged = {
  handshakes: /^debug1: KEX done \[preauth\]/gm,
  channels: /^debug1: server_input_channel_open: confirm session$/gm,
  refusals: /^Failed (?!none)/gm,
};

const environment = { PATH: searchPath };

export class Sshd {
  private readonly configuration: string;
  private readonly logFile: string;
  /** The one that listens, while it does. */
  private pid?: number;

  constructor(
    private readonly place: Place,
    private readonly logLevel: string,
  ) {
    this.configuration = join(place.folder, "sshd_config");
    this.logFile = join(place.folder, "sshd.log");
  }

  /** sshd takes the first value it meets, and a Match block runs to the end of the file. */
  async write(lines: readonly string[]): Promise<void> {
    const match = lines.findIndex((line) => /^\s*match\b/i.test(line));
    const general = match < 0 ? lines : lines.slice(0, match);
    const text = [...general, ...(await this.rest()), ...lines.slice(general.length), ""].join("\n");
    const draft = `${this.configuration}.new`;
    await writeFile(draft, text);
    const [command, args] = this.command(draft, ["-t"]);
    await promisify(execFile)(command, args, { cwd: "/", env: environment }).catch((error) => {
      throw new Error(`sshd refuses ${lines.join("; ")}: ${error.stderr}`);
    });
    await rename(draft, this.configuration);
  }

  private async rest(): Promise<string[]> {
    const { address, port, folder, isolated } = this.place;
    return [
      `ListenAddress ${address}:${port}`,
      ...hostKeyFiles(folder).map((file) => `HostKey ${file}`),
      `PidFile ${folder}/sshd.pid`,
      `LogLevel ${this.logLevel}`,
      // Outside of homes: those of the machine are left alone. The folder lies below /tmp, which everybody may write to.
      `AuthorizedKeysFile ${folder}/keys/%u`,
      "StrictModes no",
      `UsePAM ${isolated ? "yes" : "no"}`,
      `PasswordAuthentication ${isolated ? "yes" : "no"}`,
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "PrintMotd no",
      "Subsystem sftp internal-sftp",
      // Some refused logins in a row would make the tests' address wait.
      ...((await release()) >= 9.8 ? ["PerSourcePenalties no"] : []),
    ];
  }

  async start(): Promise<void> {
    const before = await this.mark();
    const child = spawn(...this.command(this.configuration, ["-D", "-E", this.logFile]), {
      ...{ cwd: "/", env: environment, detached: true, stdio: "ignore" },
    });
    child.on("error", () => {}); // Seen as an end below.
    child.once("exit", () => {
      if (this.pid === child.pid) this.pid = undefined;
    });
    this.pid = child.pid;
    await this.listens(before);
  }

  /** With the configuration as it is now; who is connected keeps the one before. */
  async reload(): Promise<void> {
    if (this.pid === undefined) return;
    const before = await this.mark();
    end(this.pid, "SIGHUP");
    await this.listens(before);
  }

  async stop(): Promise<void> {
    const ours = () =>
      this.place.processes().filter(({ argv }) => /^(\S*\/)?sshd(-session|-auth)?[: ]/.test(argv));
    const running = ours();
    // The listener first, so that nobody is added. It removes its PidFile, which else would name somebody else one day.
    if (this.pid !== undefined) end(this.pid, "SIGTERM");
    await until("sshd has ended", () => this.pid === undefined);
    const sessions = [...running, ...ours()];
    for (const { pid } of sessions) end(pid);
    await until("the sessions of sshd have ended", () => !sessions.some(({ pid }) => isAlive(pid)));
  }

  async log(since: Mark = 0): Promise<string> {
    const text = await readFile(this.logFile).catch(() => Buffer.alloc(0));
    return text.subarray(since).toString();
  }

  async mark(): Promise<Mark> {
    return (await stat(this.logFile).catch(() => ({ size: 0 }))).size;
  }

  private async listens(since: Mark): Promise<void> {
    const ready = await until("sshd listens", async () => {
      if (/^Server listening on /m.test(await this.log(since))) return "yes";
      return this.pid === undefined && "no";
    });
    if (ready === "no") throw new Error(`sshd has ended: ${await this.log(since)}`);
  }

  private command(file: string, args: readonly string[]): [string, string[]] {
    const [first = "", ...rest] = [...this.place.enter, program("sshd"), "-f", file, ...args];
    return [first, rest];
  }
}

async function release(): Promise<number> {
  const { stderr } = await promisify(execFile)(program("ssh"), ["-V"]);
  return Number(/OpenSSH_(\d+\.\d+)/.exec(stderr)?.[1]);
}
