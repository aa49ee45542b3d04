/** Logins in a host's own /etc: passwd, shadow, group and sudoers there, homes and keys in the host's folder. */
import { appendFile, chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Login, LoginOptions, Result, RunOptions } from "./interface";
import { makeKey } from "./keys";
import type { Place } from "./place";
import { program } from "./programs";

/** What each shell reads at a login that brings a command. */
const rcFiles = [".profile", ".bashrc", ".zshenv", ".cshrc", ".config/fish/config.fish"];

type Run = (argv: readonly string[], options?: RunOptions) => Promise<Result>;

export class Logins {
  /** Of the next login or group. */
  private id: number;
  /** Several at once would write the same files. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly place: Place,
    private readonly run: Run,
  ) {
    this.id = place.firstId;
  }

  /** To be done once, before the first login. */
  async prepare(): Promise<void> {
    await mkdir(join(this.place.folder, "keys"));
    if (!this.place.isolated) return;
    // What motd, systemd and the like do at a login they would do to the machine; and a wrong password costs no two seconds.
    const pam = [
      "auth required pam_unix.so nodelay",
      "account required pam_unix.so",
      "session required pam_unix.so",
    ];
    await writeLines(this.etc("pam.d", "sshd"), pam);
    await mkdir(this.etc("sudoers.d"), { recursive: true });
    // Else sudo remembers in the machine's /run and /var whom it has asked and lectured.
    const folder = join(this.place.folder, "sudo");
    await this.writeSudoers("host", [
      `Defaults timestampdir=${folder}`,
      `Defaults lecture_status_dir=${folder}`,
    ]);
  }

  make(name: string, options: LoginOptions): Promise<Login> {
    const made = this.last.then(async () => {
      const home = this.place.isolated ? await this.enter(name, options) : this.own(name, options);
      const keyFile = join(this.place.folder, `key_${name}`);
      await makeKey(keyFile, "ed25519");
      await this.authorise(name, await readFile(`${keyFile}.pub`, "latin1"));
      return { name, home, keyFile, ...(options.password !== undefined && { password: options.password }) };
    });
    this.last = made.catch(() => {});
    return made;
  }

  /** sshd reads it as the login. */
  async authorise(name: string, publicKey: string): Promise<void> {
    await appendFile(join(this.place.folder, "keys", name), `${publicKey.trim()}\n`);
  }

  /** Without root there is nothing to make. */
  private own(name: string, options: LoginOptions): string {
    const { username, homedir } = userInfo();
    if (name !== username || Object.keys(options).length > 0) {
      throw new Error(`only root can make logins; the one of this host is ${username}, as it is`);
    }
    return homedir;
  }

  /** A login that the machine has keeps its ids, and gets another home. */
  private async enter(name: string, options: LoginOptions): Promise<string> {
    const home = join(this.place.folder, "home", name);
    const { uid, gid } = await this.enterUser(name, home, options.shell);
    for (const group of options.groups ?? []) await this.joinGroup(group, name);
    await mkdir(home, { recursive: true });
    if (options.rc !== undefined) {
      await mkdir(join(home, ".config", "fish"), { recursive: true });
      for (const file of rcFiles) await writeFile(join(home, file), options.rc);
    }
    await chown(home, uid, gid);
    await this.allowSudo(name, options.sudo ?? "none");
    if (options.doas !== undefined) await this.allowDoas(name, options.doas);
    if (options.password !== undefined) {
      program("chpasswd");
      const { code, stderr } = await this.run(["chpasswd"], { input: `${name}:${options.password}\n` });
      if (code !== 0) throw new Error(`chpasswd: ${stderr}`);
    }
    return home;
  }

  private async enterUser(name: string, home: string, shell?: string): Promise<{ uid: number; gid: number }> {
    const lines = await readLines(this.etc("passwd"));
    const known = lines.find((line) => line.startsWith(`${name}:`))?.split(":");
    const [uid, gid] = known ? [Number(known[2]), Number(known[3])] : [this.id, this.id++];
    const entry = [name, "x", uid, gid, "", home, shell ?? known?.[6] ?? "/bin/sh"].join(":");
    await writeLines(this.etc("passwd"), [...lines.filter((line) => !line.startsWith(`${name}:`)), entry]);
    if (known === undefined) {
      await appendFile(this.etc("group"), `${name}:x:${gid}:\n`);
      // No password lets it in, and nothing of it runs out.
      await appendFile(this.etc("shadow"), `${name}:*:20000:0:99999:7:::\n`);
    }
    return { uid, gid };
  }

  private async joinGroup(group: string, member: string): Promise<void> {
    const lines = await readLines(this.etc("group"));
    const known = lines.find((line) => line.startsWith(`${group}:`));
    const before = known ?? `${group}:x:${this.id++}:`;
    const entry = `${before}${before.endsWith(":") ? "" : ","}${member}`;
    await writeLines(this.etc("group"), [...lines.filter((line) => line !== known), entry]);
  }

  private async allowSudo(name: string, sudo: NonNullable<LoginOptions["sudo"]>): Promise<void> {
    if (sudo === "none") return;
    program("sudo");
    const tag = sudo === "nopasswd" ? "NOPASSWD:" : "";
    await this.writeSudoers(name, typeof sudo === "string" ? [`${name} ALL=(ALL:ALL) ${tag} ALL`] : sudo);
  }

  private async allowDoas(name: string, options: string): Promise<void> {
    program("doas");
    const path = this.etc("doas.conf");
    await appendFile(path, `permit ${options} ${name}\n`);
    await chmod(path, 0o400);
  }

  private async writeSudoers(name: string, lines: readonly string[]): Promise<void> {
    // sudo leaves out files with a dot in their name.
    const path = this.etc("sudoers.d", `test-${name.replaceAll(".", "-")}`);
    await writeLines(path, lines);
    await chmod(path, 0o440);
  }

  private etc(...names: readonly string[]): string {
    return join(this.place.etc, ...names);
  }
}

async function readLines(path: string): Promise<string[]> {
  return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
}

function writeLines(path: string, lines: readonly string[]): Promise<void> {
  return writeFile(path, `${lines.join("\n")}\n`);
}
