/**
 * The shell functions `lock` and `setsid` as they are where util-linux is missing, where perl is, and where both are, as on
 * Alpine: the same text, run with a PATH that holds one and not the others. All must agree. Debian's busybox has no flock;
 * the one of toybox has the options of Alpine's.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { locking, lookForFlock } from "../../../provider/host/shell";
import { end, until } from "../../support/processes";

/** By what they are called there. */
const kinds = {
  perl: { perl: "perl" },
  "util-linux": { flock: "flock", setsid: "setsid" },
  busybox: { flock: "toybox", setsid: "busybox", date: "busybox" },
} as const;
type Kind = keyof typeof kinds;
const everyKind = Object.keys(kinds) as Kind[];

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pginstance-locking-"));
  for (const [kind, programs] of Object.entries(kinds)) {
    await mkdir(pathOf(kind as Kind));
    for (const [name, program] of Object.entries({ ...programs, sh: "sh", sleep: "sleep", cat: "cat" })) {
      const place = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
      await symlink(place, join(pathOf(kind as Kind), name));
    }
  }
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.pid !== undefined) end(child.pid);
  await rm(folder, { recursive: true });
});

const pathOf = (kind: Kind) => join(folder, kind);

function run(kind: Kind, script: string, ...args: string[]): ChildProcess & { text: () => string } {
  const child = spawn("/bin/sh", ["-c", lookForFlock + locking + script, "sh", ...args], {
    env: { PATH: pathOf(kind) },
  });
  children.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return Object.assign(child, { text: () => text });
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = await once(child, "close");
  return code;
}

const holding = 'exec 9>>"$1"; lock -n 9 && echo held; exec cat >/dev/null';

describe.each(everyKind)("by %s", (kind) => {
  const lockFile = () => join(folder, "lock");

  it.each(everyKind)("a lock keeps out whoever asks by %s, until its shell ends", async (other) => {
    const holder = run(kind, holding, lockFile());
    await until("the lock", () => holder.text().includes("held"));
    expect(await exitCode(run(other, 'exec 8>>"$1"; lock -n 8', lockFile()))).toBe(1);
    holder.stdin?.end();
    await exitCode(holder);
    expect(await exitCode(run(other, 'exec 8>>"$1"; lock -n 8', lockFile()))).toBe(0);
  });

  it("a wait for it ends at its limit, or with the lock", async () => {
    const holder = run(kind, holding, lockFile());
    await until("the lock", () => holder.text().includes("held"));
    const began = performance.now();
    expect(await exitCode(run(kind, 'exec 8>>"$1"; lock -w 1 8', lockFile()))).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(900);
    const waiting = exitCode(run(kind, 'exec 8>>"$1"; lock -w 20 8', lockFile()));
    holder.stdin?.end();
    expect(await waiting).toBe(0);
  });

  it("a lock is kept by a child that has the descriptor, and not by one that closed it", async () => {
    const script =
      'exec 9>>"$1"; lock -n 9; sleep 30 >/dev/null 2>&1 & echo $!; sleep 30 9>&- >/dev/null 2>&1 & echo $!';
    const holder = run(kind, script, lockFile());
    await exitCode(holder);
    const [withLock = 0, without = 0] = holder.text().trim().split("\n").map(Number);
    try {
      expect(await exitCode(run(kind, 'exec 8>>"$1"; lock -n 8', lockFile()))).toBe(1);
      end(withLock);
      await until("the lock", async () => {
        return (await exitCode(run(kind, 'exec 8>>"$1"; lock -n 8', lockFile()))) === 0;
      });
    } finally {
      end(withLock);
      end(without);
    }
  });

  it("setsid in the background keeps the process id, makes a session, and passes words as they are", async () => {
    const script = `setsid sh -c 'printf "%s\\n" "$@"; sleep 30' sh "a b" '$x' >"$1" & echo $!`;
    const file = join(folder, "out");
    const child = run(kind, script, file);
    await until("the id", () => child.text().includes("\n"));
    const pid = Number(child.text());
    try {
      await until("its output", () => readFileSync(file, "utf8").includes("$x"));
      const session = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/.*\) /, "").split(" ")[3];
      expect(Number(session)).toBe(pid);
      expect(readFileSync(file, "utf8")).toBe("a b\n$x\n");
    } finally {
      for (const pid of [...readChildren(Number(child.text())), Number(child.text())]) end(pid);
    }
  });
});

function readChildren(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}
