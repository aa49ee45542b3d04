/** Commands on this machine: what goes in arrives, what comes out returns, and nothing leaks in or stays. */
import { randomBytes, randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CommandError } from "../../../provider/errors";
import { LocalHost } from "../../../provider/host/local";
import { processesWith, until } from "../../support/processes";
import { serverUser } from "../../support/servers";

const host = new LocalHost();
const login = userInfo().username;
const owner = serverUser() ?? login;

const hostile = [
  "plain",
  "",
  " two  words ",
  `'single' "double"`,
  "line\nbreak\n",
  "tab\tand\rreturn",
  "$(id) $HOME `id` \\ \\n !! ~ * ?",
  "; id & | > /tmp/x < y #",
  "-n",
  "--",
  "-c id",
  "é ü 中文 🐘",
  "a".repeat(100_000),
];

describe.each([
  ["the login", undefined],
  ["the owner of servers", owner],
])("as %s", (_, user) => {
  it("every argument arrives as it was given", async () => {
    const result = await host.run({ name: "args", script: `printf '%s\\0' "$@"`, args: hostile, user });
    expect(result.stdout.toString("utf8").split("\0").slice(0, -1)).toEqual(hostile);
  });

  it("standard input and output carry any bytes", async () => {
    const bytes = Buffer.concat([randomBytes(3_000_000), Buffer.from("\n\n\0\r\n")]);
    const result = await host.run({ name: "bytes", script: "cat", stdin: bytes, user });
    expect(result.stdout.equals(bytes)).toBe(true);
  });

  it("no standard input is an empty one, not a wait", async () => {
    const result = await host.run({ name: "empty", script: "cat; echo end", user, seconds: 5 });
    expect(result.stdout.toString()).toBe("end\n");
  });

  it.each([0, 1, 3, 99, 126, 127, 255])("exit code %i is a result", async (code) => {
    const result = await host.run({
      name: "exit",
      script: 'echo out; echo err >&2; exit "$1"',
      args: [`${code}`],
      user,
    });
    expect(result).toEqual({ exitCode: code, stdout: Buffer.from("out\n"), stderr: "err\n" });
  });

  it("a script that does not read its input is no error", async () => {
    const result = await host.run({ name: "unread", script: "exit 3", stdin: randomBytes(1_000_000), user });
    expect(result.exitCode).toBe(3);
  });

  it("past its limit a command is ended with all that it waits for, and the error says so", async () => {
    const mark = `9${Math.floor(Math.random() * 1e8)}`;
    const began = performance.now();
    const error = await host
      .run({ name: "endless", script: 'sleep "$1"; echo over', args: [mark], user, seconds: 1 })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({ timedOut: true, message: "endless: not within 1 s on this machine" });
    expect(performance.now() - began).toBeLessThan(8_000);
    await until("the end of the shell", () => !processesWith(`pginstance ${mark}`).length);
  });

  it("a command that ignores the request to end is killed", async () => {
    const mark = randomUUID();
    const script = 'trap "" TERM; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1; done';
    const error = await host
      .run({ name: "stubborn", script, args: [mark], user, seconds: 1 })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ timedOut: true });
    await until("the end of the shell", () => !processesWith(`pginstance ${mark}`).length);
  }, 20_000);

  it("runs as asked, with a private umask, in /, in a clean environment", async () => {
    const inherited = {
      LANG: "de_DE.UTF-8",
      LC_ALL: "C",
      LANGUAGE: "de",
      PGHOST: "x",
      PGPASSWORD: "y",
      PGAPPNAME: "z",
    };
    for (const [name, value] of Object.entries({ ...inherited, PGINSTANCE_CANARY: "1" }))
      vi.stubEnv(name, value);
    const result = await host.run({ name: "environment", script: "id -un; umask; pwd; env", user });
    const [who, umask, cwd, ...variables] = result.stdout.toString().trim().split("\n");
    expect([who, umask, cwd]).toEqual([user ?? login, "0077", "/"]);
    const names = variables.map((line) => line.split("=")[0] ?? "");
    // Of ours there is a word on the host's locks.
    const strange = /^PG(?!INSTANCE_FLOCK$)|^LANG|^LC_(?!MESSAGES$)|^NODE|^npm/;
    expect(names.filter((name) => strange.test(name))).toEqual([]);
    expect(variables).toContain("LC_MESSAGES=C");
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("what cannot be run", () => {
  it("a signal that ended the script is an exit code, as a shell has it", async () => {
    expect(await host.run({ name: "killed", script: "kill -KILL $$" })).toMatchObject({ exitCode: 137 });
  });

  it("a user that does not exist is said by the program that was to become it", async () => {
    const becoming = new LocalHost({ method: "runuser" });
    await expect(becoming.run({ name: "nobody", script: "id", user: "no-such-user" })).rejects.toThrow(
      /^become: cannot run as no-such-user on this machine by runuser: .*(no-such-user|non-root)/s,
    );
  });

  it("with become none everything runs as the login", async () => {
    const result = await new LocalHost({ method: "none" }).run({
      name: "none",
      script: "id -un",
      user: "postgres",
    });
    expect(result.stdout.toString().trim()).toBe(login);
  });
});
