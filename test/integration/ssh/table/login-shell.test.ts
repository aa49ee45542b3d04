/** What the login shell of a host makes of our commands, and what is said where it does not run them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoginOptions } from "../../../support/ssh/host";
import { program } from "../../../support/ssh/programs";
import { isIn, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

const owner = "postgres";
let ways: WaysIn;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("login shell", "become");
});
afterAll(() => ways?.close());

/** Of a login that may become the owner, unless another is told. */
async function outcome(what: string, options: LoginOptions, name = "deploy", more = {}): Promise<string> {
  const ssh = await ways.login(name, { sudo: "nopasswd", rc: "", ...options });
  return ways.outcome(what, { ssh: { ...ssh, ...more } });
}

const shells = ["sh", "dash", "bash", "zsh", "fish", "csh"] as const;

type Row = readonly [what: string, options: LoginOptions, outcome: string];

const bash = (rc: string): LoginOptions => ({ shell: "/bin/bash", rc });
const noShell = (words: string) =>
  `db1: the login shell of deploy runs no commands: ${words}\nGive deploy a shell (chsh), see that what it runs at a login (.bashrc, ForceCommand) lets commands through, or log in as another user.`;
const reads =
  "db1: the login shell of deploy runs no commands: something else reads what is meant for it\nWhat deploy runs at a login (.bashrc, ForceCommand) reads standard input: let it do so at a terminal only.";
const refused =
  "db1 refuses the login deploy (auth: tried key of /keys/key_deploy; it takes publickey, password)\nSee that deploy is a user there who may log in, and that its authorized_keys has the public half of the key. It is not tried again.";

const rows: readonly Row[] = [
  [".bashrc that prints", bash("echo hello; echo complaint >&2; printf 'no end of line'"), isIn],
  [".bashrc with `set -eu`", bash("set -eu"), isIn],
  [".bashrc with `exit`", bash("exit"), noShell("no word of why")],
  [".bashrc that says why it exits", bash("echo Use the other host; exit 3"), noShell("Use the other host")],
  [".bashrc that loses PATH", bash("PATH=/nowhere"), noShell("bash: line 1: exec: sh: not found")],
  [".bashrc that reads a line", bash("read -r line"), reads],
  [".bashrc that reads a line and prints it", bash('read -r line; echo "$line"'), reads],
  ["nologin", { shell: "/usr/sbin/nologin" }, noShell("This account is currently not available.")],
  ["false", { shell: "/bin/false" }, noShell("no word of why")],
  ["true", { shell: "/bin/true" }, noShell("no word of why")],
  [
    "cat",
    { shell: "/bin/cat" },
    noShell("cat: invalid option -- 'c'\nTry 'cat --help' for more information."),
  ],
  ["shell that is not there", { shell: "/nowhere/sh" }, refused],
  ["shell that is no program", { shell: "/etc/passwd" }, refused],
];

const forced: readonly (readonly [command: string, outcome: string])[] = [
  ['/bin/sh -c "$SSH_ORIGINAL_COMMAND"', isIn],
  ["/bin/true", noShell("no word of why")],
  ["echo For backups only", noShell("For backups only")],
  ["internal-sftp", noShell("This service allows sftp connections only.")],
  ['read -r line; echo "$line"', reads],
];

describe.skipIf(!isRoot)("a login shell", () => {
  it.each(shells)("%s serves the owner, and another by sudo, whatever it prints before", async (name) => {
    const shell = program(name);
    expect(await outcome(`${name}, of the owner`, { shell }, owner)).toBe(isIn);
    expect(await outcome(`${name}, whose rc file prints`, { shell, rc: "echo hello" })).toBe(isIn);
  });

  it.each(rows)("%s comes to what it says", async (what, options, expected) => {
    expect(await outcome(what, options)).toBe(expected);
  });

  it("that reads everything is given up", async () => {
    const said = await outcome(".bashrc that reads all", bash("cat >/dev/null"), "deploy", {
      connectTimeout: 1,
    });
    expect(said).toBe(noShell("no answer within 3 s"));
  });

  it.each(forced)("in whose place sshd runs %s comes to what that says", async (command, expected) => {
    await ways.host.configure([`ForceCommand ${command}`]);
    const said = await outcome(`ForceCommand ${command}`, { shell: "/bin/sh" });
    await ways.host.configure([]);
    expect(said).toBe(expected);
  });

  it("whose password has run out is said to want a new one", async () => {
    await ways.login("late", { password: "its own" });
    await ways.host.run(["chage", "-d", "0", "late"]);
    const ssh = { user: "late", privateKeyFile: ways.path("key_late") };
    expect(await ways.outcome("password that has run out", { ssh })).toBe(
      "db1: the login shell of late runs no commands: WARNING: Your password has expired.\nPassword change required but no TTY available.\nSet a new password for late there (passwd), or lift its expiry (chage).",
    );
  });
});
