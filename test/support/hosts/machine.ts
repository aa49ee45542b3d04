/** The power of a booted system: on, off, and what runs in it. systemd-nspawn is its hardware. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { until } from "../processes";
import type { Result, RunOptions } from "../ssh/interface";
import { program, searchPath } from "../ssh/programs";
import type { SystemPlace } from "./place";

/** What systemd-nspawn exits with when the system wants to be booted again. */
const wantsReboot = 133;

/** Before the rules of where packets go: nothing leaves the host, and nobody is told. */
const silence = ["priority", "1", "blackhole"];

/** A command in the groups before `--`. */
const inGroups = `while [ "$1" != -- ]; do mkdir -p "$1"; echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"`;

/** What kind of system it is. */
export interface Kind {
  /** Of systemd-nspawn: how it starts. */
  readonly options: readonly string[];
  /** What it then runs, or what its own process 1 is given. */
  readonly argv: readonly string[];
  /** The start of a command that runs another one as that user. */
  as(user: string): readonly string[];
  /** What tells when it has booted, if that is later than the first answer of its sshd, and the words for it. */
  readonly booted?: { readonly argv: readonly string[]; readonly words: RegExp };
}

export const debian: Kind = {
  options: ["--boot"],
  argv: ["--show-status=yes"],
  as: (user) => ["runuser", "-u", user, "--"],
  // Before the end of a boot nobody but root is let in.
  booted: {
    argv: ["timeout", "60", "systemctl", "is-system-running", "--wait"],
    words: /^(running|degraded)$/m,
  },
};

/** Nothing of it is started by anybody; it is on while its sshd is. */
export const bare: Kind = {
  options: ["--as-pid2"],
  argv: [
    "/bin/sh",
    "-c",
    "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -f /etc/sshd_config -E /var/log/sshd.log",
  ],
  as: (user) => ["su", "-s", "/bin/sh", user, "-c", 'exec "$@"', "--", "sh"],
};

export class Machine {
  private hardware?: ChildProcess;
  private boots = 0;
  private isCut = false;
  private readonly console: string;

  constructor(
    private readonly place: SystemPlace,
    private readonly kind: Kind = debian,
  ) {
    this.console = join(place.folder, "console.log");
  }

  /** Resolves when it has booted: logins are let in, and services that start at a boot have started. */
  async on(): Promise<void> {
    if (this.isCut) await this.onNetwork("ip", "rule", "del", ...silence);
    this.isCut = false;
    this.start();
    await this.booted();
  }

  /** Who was connected to it hears nothing. What was written and not synced is there all the same. */
  async cut(): Promise<void> {
    const ended = once(this.running(), "exit");
    const [group = ""] = this.group();
    // Else processes would answer to the end of their connections, and the kernel would send what these still hold.
    writeFileSync(join(group, "cgroup.freeze"), "1");
    await this.onNetwork("ip", "rule", "add", ...silence);
    await this.onNetwork("ss", "--kill", "--tcp", "--all");
    this.isCut = true;
    writeFileSync(join(group, "cgroup.kill"), "1");
    await ended;
  }

  async reboot(): Promise<void> {
    const { boots } = this;
    const { code, stderr } = await this.run(["systemctl", "reboot"]);
    // The end of the system may be that of the command too.
    if (code !== 0 && code !== null && this.boots === boots) throw new Error(`systemctl reboot: ${stderr}`);
    await until("another boot", () => this.boots > boots || this.failure(), 120);
    await this.booted();
  }

  async run(argv: readonly string[], { user, input = "" }: RunOptions = {}): Promise<Result> {
    const leader = this.leader();
    const namespaces = ["mount", "uts", "ipc", "net", "pid", "cgroup"].map((name) => `--${name}`);
    const enter = [program("nsenter"), `--target=${leader}`, ...namespaces, "--"];
    const asUser = user === undefined ? [] : this.kind.as(user);
    const child = this.spawn(this.place.groups("run"), [...enter, ...asUser, ...argv], "pipe");
    child.stdin?.on("error", () => {}); // It has ended without reading all.
    child.stdin?.end(input);
    const ended = once(child, "close");
    const output = [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : ""));
    const [stdout = "", stderr = "", [code]] = await Promise.all([output[0], output[1], ended]);
    return { code: code as number | null, stdout, stderr };
  }

  private start(): void {
    this.boots += 1;
    const options = [
      ...[...this.kind.options, "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe"],
      ...["--resolv-conf=off", "--timezone=off"],
      ...[`--machine=${this.place.name}`, `--directory=${this.place.root}`],
      `--network-namespace-path=/run/netns/${this.place.name}`,
    ];
    const nspawn = [...this.place.enter, program("systemd-nspawn"), ...options, "--", ...this.kind.argv];
    const log = openSync(this.console, "a");
    const hardware = this.spawn(this.group(), nspawn, log);
    closeSync(log);
    this.hardware = hardware;
    hardware.once("exit", (code) => {
      if (code === wantsReboot && !this.place.ended) this.start();
    });
  }

  private spawn(groups: readonly string[], argv: readonly string[], output: "pipe" | number): ChildProcess {
    const stdin = output === "pipe" ? "pipe" : "ignore";
    return spawn(program("sh"), ["-euc", inGroups, "sh", ...groups, "--", ...argv], {
      cwd: "/",
      env: { PATH: searchPath, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
      stdio: [stdin, output, output],
      detached: true, // Ctrl-C in a terminal is not for it.
    });
  }

  private async onNetwork(name: "ip" | "ss", ...args: readonly string[]): Promise<void> {
    const enter = [`--net=/run/netns/${this.place.name}`, "--", program(name), ...args];
    await promisify(execFile)(program("nsenter"), enter, { env: { PATH: searchPath } });
  }

  /** Of each boot another: systemd-nspawn enables controllers in its own, which then can hold no process any more. */
  private group(): string[] {
    return this.place.groups(`boot-${this.boots}`);
  }

  private async booted(): Promise<void> {
    await until(`sshd of ${this.place.name}`, () => this.failure() || this.answers(), 60);
    const { booted } = this.kind;
    if (booted === undefined) return;
    await until(
      `the end of the boot of ${this.place.name}`,
      async () => this.failure() || booted.words.test((await this.run(booted.argv)).stdout),
      90,
    );
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.place.address, port: 22, timeout: 1000 });
      const done = (answered: boolean) => {
        socket.destroy();
        resolve(answered);
      };
      socket.once("data", (greeting) => done(greeting.toString("latin1").startsWith("SSH-")));
      for (const event of ["error", "timeout", "close"]) socket.once(event, () => done(false));
    });
  }

  /** @throws where it is off and will stay so */
  private failure(): false {
    this.running();
    return false;
  }

  private running(): ChildProcess {
    const { hardware, place } = this;
    if (place.ended) throw new Error(`${place.name} is no more`);
    if (hardware?.pid === undefined || hardware.exitCode !== null || hardware.signalCode !== null) {
      const end = readFileSync(this.console, "utf8").trim().split("\n").slice(-15).join("\n");
      throw new Error(`${place.name} is off (exit code ${hardware?.exitCode}). Its console:\n${end}`);
    }
    return hardware;
  }

  /** Process 1 of the system. */
  private leader(): string {
    const { pid } = this.running();
    const [leader] = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ");
    if (!leader) throw new Error(`${this.place.name} has no process 1 yet`);
    return leader;
  }
}
