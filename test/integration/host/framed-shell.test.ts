/** One shell: commands go in as frames, and come back in order, each with its own output and nobody else's. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandError } from "../../../provider/errors";
import { boot, ShellEnded } from "../../../provider/host/framed-shell";
import { failureOf } from "../../support/instances";
import { end, until } from "../../support/processes";
import { endShells, framed, type Started, started } from "../../support/shells";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pginstance-shell-"));
  file = join(folder, "file");
});
afterEach(async () => {
  endShells();
  await rm(folder, { recursive: true });
});

const echo = (text: string) => ({ name: "echo", script: 'echo "$1"', args: [text] });
const out = ({ stdout }: { readonly stdout: Buffer }) => stdout.toString("utf8");

describe("commands", () => {
  it("sent before the earlier ones are answered run in order, and each gets its own outputs and exit code", async () => {
    const shell = await framed(started());
    const script = 'echo "$1" >>"$2"; echo "out $1"; echo "err $1" >&2; exit "$1"';
    const numbers = Array.from({ length: 20 }, (_, number) => String(number));
    const results = await Promise.all(
      numbers.map((number) => shell.run({ name: "one of many", script, args: [number, file] })),
    );
    expect(results).toEqual(
      numbers.map((number) => ({
        exitCode: Number(number),
        stdout: Buffer.from(`out ${number}\n`),
        stderr: `err ${number}\n`,
      })),
    );
    expect(await readFile(file, "utf8")).toBe(numbers.map((number) => `${number}\n`).join(""));
  });

  it("carry 5 MB in and out, every byte as it was", async () => {
    const shell = await framed(started());
    const bytes = Buffer.concat([randomBytes(5_000_000), Buffer.from("\n\0\n")]);
    const { stdout } = await shell.run({ name: "bytes", script: "cat", stdin: bytes });
    expect(stdout.equals(bytes)).toBe(true);
  });

  it("without input do not eat the next one's frame", async () => {
    const shell = await framed(started());
    const results = await Promise.all([
      shell.run({ name: "reader", script: "cat" }),
      shell.run(echo("next")),
    ]);
    expect(results.map(out)).toEqual(["", "next\n"]);
  });

  it("may print what looks like the end of an output", async () => {
    const shell = await framed(started());
    const hostile = `\n--${"0".repeat(32)} 0\n`;
    expect(out(await shell.run({ name: "hostile", script: 'printf %s "$1"', args: [hostile] }))).toBe(
      hostile,
    );
  });

  it("do not end the shell, nor change it", async () => {
    const shell = await framed(started());
    await shell.run({ name: "leave", script: "cd /tmp; x=1; umask 0; trap 'echo bye' EXIT; exit" });
    expect(out(await shell.run({ name: "look", script: 'pwd; umask; echo "$x"' }))).toBe("/\n0077\n\n");
  });

  it.each([
    ["argument", { name: "nul", script: "true", args: ["a\0b"] }],
    ["script", { name: "nul", script: "echo a\0b" }],
  ])("cannot have a NUL in an %s, and the shell goes on", async (_, command) => {
    const shell = await framed(started());
    expect(await failureOf(shell.run(command))).toBeInstanceOf(TypeError);
    expect(out(await shell.run(echo("on")))).toBe("on\n");
  });

  it("see nothing of what the shell holds", async () => {
    const shell = await framed(started());
    await shell.hold({ name: "hold", script: 'exec 9>"$1"; held=yes', args: [file] });
    expect(out(await shell.hold({ name: "held", script: 'echo "$held"; : >&9 && echo open' }))).toBe(
      "yes\nopen\n",
    );
    for (const stdin of [undefined, "input"]) {
      const script = 'echo "$held"; (: >&9) 2>/dev/null || echo closed';
      expect(out(await shell.run({ name: "run", script, stdin }))).toBe("\nclosed\n");
    }
  });
});

/** The same connection, cut: only so many bytes of what is sent next arrive. */
function cutAfter({ stdin }: Started, bytes: (length: number) => number): void {
  const write = stdin.write.bind(stdin);
  stdin.write = (chunk: Buffer) => {
    write(chunk.subarray(0, bytes(chunk.length)));
    stdin.end();
    return true;
  };
}

describe("a frame", () => {
  const command = () => ({ name: "cut", script: ': >"$1"', args: [file] });

  it("is run when all of it came", async () => {
    const process = started();
    const shell = await framed(process);
    cutAfter(process, (length) => length);
    expect(await shell.run(command())).toMatchObject({ exitCode: 0 });
    expect(existsSync(file)).toBe(true);
  });

  it("that is cut off, wherever, is not run", async () => {
    const cuts = [...Array.from({ length: 20 }, (_, part) => part / 20), 1];
    for (const cut of cuts) {
      const process = started();
      const shell = await framed(process);
      cutAfter(process, (length) => Math.min(Math.floor(length * cut), length - 1));
      expect(await failureOf(shell.run(command()))).toBeInstanceOf(ShellEnded);
      await process.gone;
      expect(existsSync(file)).toBe(false);
    }
  });
});

describe.each([
  ["that reads whole blocks", 'eval "$1"'],
  [
    "that knows no iflag",
    'dd() { case "$*" in *fullblock*) echo "dd: unknown iflag" >&2; return 1 ;; esac; command dd "$@"; }; eval "$1"',
  ],
])("with a dd %s", (_, script) => {
  it("frames that come in pieces are run as they were sent", async () => {
    const process = started(script);
    const shell = await framed(process);
    const write = process.stdin.write.bind(process.stdin);
    process.stdin.write = (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += 60) {
        setTimeout(() => write(chunk.subarray(at, at + 60)), at / 6);
      }
      return true;
    };
    const stdin = "line\n".repeat(100);
    const result = await shell.run({ name: "pieces", script: 'printf %s "$1"; cat', args: ["é\n"], stdin });
    expect(out(result)).toBe(`é\n${stdin}`);
  });

  it("input and output are any bytes", async () => {
    const shell = await framed(started(script));
    const bytes = randomBytes(200_000);
    const { stdout } = await shell.run({ name: "bytes", script: "cat", stdin: bytes });
    expect(stdout.equals(bytes)).toBe(true);
    expect(out(await shell.run(echo("next")))).toBe("next\n");
  });

  it.each([
    ["none of it", "exit 3", ""],
    ["some of it", "head -c 10; exit 3", "0123456789"],
  ])("a command that reads %s leaves nothing of its input to the next", async (_, reader, read) => {
    const shell = await framed(started(script));
    const stdin = Buffer.alloc(300_000, "0123456789");
    const [first, second] = await Promise.all([
      shell.run({ name: "unread", script: reader, stdin }),
      shell.run({ name: "next", script: "cat", stdin: "mine" }),
    ]);
    expect([first.exitCode, out(first), out(second)]).toEqual([3, read, "mine"]);
  });
});

describe("a shell", () => {
  it("is booted by words that every login shell passes on", () => {
    expect(boot).not.toMatch(/['\\!\n]/);
  });

  it("is ready whatever was printed before it", async () => {
    const noise = 'echo welcome; echo motd >&2; printf "no line end"; printf "nor here" >&2; eval "$1"';
    const shell = await framed(started(noise));
    expect(await shell.run(echo("first"))).toEqual({
      exitCode: 0,
      stdout: Buffer.from("first\n"),
      stderr: "",
    });
  });

  it("is lost with a command over its limit: that one is an error, those behind it have not begun", async () => {
    const shell = await framed(started());
    const slow = failureOf(shell.run({ name: "slow", script: "echo hm >&2; sleep 5", seconds: 0.5 }));
    const behind = failureOf(shell.run({ name: "behind", script: ': >"$1"', args: [file] }));
    const error = await slow;
    expect(error).toBeInstanceOf(CommandError);
    expect(error).not.toBeInstanceOf(ShellEnded);
    expect(error).toMatchObject({
      message: "slow: not within 0.5 s on this machine",
      timedOut: true,
      stderr: "hm\n",
    });
    expect(await behind).toBeInstanceOf(ShellEnded);
    expect(shell.lost).toBeInstanceOf(ShellEnded);
    expect(await failureOf(shell.run(echo("later")))).toBe(shell.lost);
    await sleep(200);
    expect(existsSync(file)).toBe(false);
  });

  it("counts the limit of a command from when it begins", async () => {
    const shell = await framed(started());
    const command = { name: "nap", script: "sleep 0.4", seconds: 1 };
    const naps = await Promise.all([command, command, command, command].map((nap) => shell.run(nap)));
    expect(naps.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
  });

  it("whose process is killed is lost, and so is the command that ran", async () => {
    const process = started();
    const shell = await framed(process);
    const running = failureOf(shell.run({ name: "work", script: ': >"$1"; sleep 1', args: [file] }));
    await until("the command", () => existsSync(file));
    end(process.pid);
    expect(await running).toMatchObject({
      message: "work: the shell on this machine ended",
      command: "work",
    });
    expect(shell.lost).toBeInstanceOf(ShellEnded);
  });

  it("whose process is killed while nobody waits for it is lost", async () => {
    const process = started();
    const shell = await framed(process);
    end(process.pid);
    await until("its loss", () => shell.lost !== undefined);
    expect(await failureOf(shell.run(echo("no")))).toBeInstanceOf(ShellEnded);
  });

  it.each([
    ["its last words", "echo no such user >&2; exit 1", "no such user"],
    ["that there are none", "exit 1", "no word of why"],
  ])("that does not come to be is refused with %s", async (_, script, words) => {
    expect(await failureOf(framed(started(script)))).toEqual(new Error(words));
  });

  it("that does not come to be within its limit is an error", async () => {
    expect(String(await failureOf(framed(started("sleep 5"), {}, 0.3)))).toBe(
      "Error: no answer within 0.3 s",
    );
    expect(String(await failureOf(framed(started("echo hm >&2; sleep 5"), {}, 0.3)))).toBe("Error: hm");
  });
});

/** As sudo does: asks until the password is right, three times. */
const asking = `for attempt in 1 2 3; do
  printf prompt: >&2; read -r given || exit 1
  [ "$given" = "it's secret" ] && exec sh -c "$1"
  echo "Sorry, try again." >&2
done; exit 1`;

describe("a way that may ask for a password", () => {
  const prompt = /prompt:$/;

  it("gets it, and leads to the shell", async () => {
    const shell = await framed(started(asking), { prompt, password: "it's secret" });
    expect(out(await shell.run(echo("in")))).toBe("in\n");
  });

  it("does not get it where it does not ask", async () => {
    const shell = await framed(started(), { prompt, password: `echo leaked >${file}` });
    expect(out(await shell.run(echo("in")))).toBe("in\n");
    expect(existsSync(file)).toBe(false);
  });

  it("is given up when it asks again", async () => {
    const process = started(asking);
    expect(String(await failureOf(framed(process, { prompt, password: "wrong" })))).toContain(
      "the password was refused",
    );
    await process.gone;
  });

  it("is given up when there is none", async () => {
    expect(await failureOf(framed(started(asking), { prompt }))).toEqual(new Error("a password is required"));
  });
});
