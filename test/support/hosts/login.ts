/** Logins of a booted system, made as its administrator would. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Login, LoginOptions } from "../ssh/interface";
import { makeKey } from "../ssh/keys";
import type { Machine } from "./machine";

/** Has no word that could be mistaken for another: $1 is the login, $2 its shell, the key comes by stdin. */
const script = `
id -u "$1" >/dev/null 2>&1 || useradd --create-home --shell "$2" "$1"
home=$(getent passwd "$1" | cut -d: -f6)
mkdir -p "$home/.ssh"
cat >>"$home/.ssh/authorized_keys"
chown -R "$1": "$home/.ssh"
chmod 700 "$home/.ssh"
echo "$home"`;

export async function makeLogin(
  machine: Machine,
  folder: string,
  name: string,
  { shell = "/bin/bash", password, sudo = "none", groups = [] }: LoginOptions,
): Promise<Login> {
  const sh = async (text: string, args: readonly string[], input = "") => {
    const { code, stdout, stderr } = await machine.run(["sh", "-euc", text, "sh", ...args], { input });
    if (code !== 0) throw new Error(`the login ${name} could not be made: ${stderr}`);
    return stdout.trim();
  };
  const keyFile = join(folder, `key_${name}`);
  await makeKey(keyFile, "ed25519");
  const home = await sh(script, [name, shell], await readFile(`${keyFile}.pub`, "latin1"));
  for (const group of groups) await sh('groupadd -f "$2" && gpasswd -a "$1" "$2" >/dev/null', [name, group]);
  // sudo leaves out files with a dot in their name, and those that others may write.
  const lines = sudoers(name, sudo);
  const file = `/etc/sudoers.d/${name.replaceAll(".", "-")}`;
  if (lines !== "") await sh('umask 227; cat >"$1.new"; mv "$1.new" "$1"', [file], lines);
  if (password !== undefined) await sh("chpasswd", [], `${name}:${password}\n`);
  return { name, home, keyFile, ...(password !== undefined && { password }) };
}

function sudoers(name: string, sudo: NonNullable<LoginOptions["sudo"]>): string {
  if (sudo === "none") return "";
  if (typeof sudo !== "string") return `${sudo.join("\n")}\n`;
  return `${name} ALL=(ALL:ALL) ${sudo === "nopasswd" ? "NOPASSWD:" : ""} ALL\n`;
}
