/** Locks and steps of real processes: who may change a folder, and what a lost session leaves. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CommandError, LockedError, WaitTimeoutError } from "../../../provider/errors";
import { LocalHost } from "../../../provider/host/local";
import { Session } from "../../../provider/host/session";
import { type Built, builtProvider } from "../../support/built";
import { end, processesWith, until } from "../../support/processes";
import { editAsOwner, type OwnedDirectory, ownedDirectory, serverUser } from "../../support/servers";

const host = new LocalHost();
const owner = serverUser() ?? userInfo().username;

let built: Built;
let folder: OwnedDirectory;
let directory: string;
const open: Session[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  built = await builtProvider();
});
afterAll(() => built.dispose());

beforeEach(async () => {
  folder = await ownedDirectory();
  directory = join(folder.path, "a b'c", "main.pginstance");
});
afterEach(async () => {
  for (const session of open.splice(0)) await session.close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const { pid } of processesWith(folder.path)) end(pid);
  await folder.dispose();
});

async function session(at = directory): Promise<Session> {
  const made = await Session.open(host, at, owner);
  open.push(made);
  return made;
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no failure",
    (error: unknown) => error,
  );

/** A session in a process of its own, and in it a step, or a mere run, when a script is given; says "open" and "done". */
async function sessionElsewhere(
  script = "",
  environment: NodeJS.ProcessEnv = {},
  how: "step" | "run" = "step",
) {
  const program = `
    const { Session } = require(process.argv[1] + "/provider/host/session.js");
    const { LocalHost } = require(process.argv[1] + "/provider/host/local.js");
    const [directory, owner, script, how] = process.argv.slice(2);
    Session.open(new LocalHost(), directory, owner).then(async (session) => {
      console.log("open");
      if (script) await session[how]({ name: "work elsewhere", script, args: [directory], stdin: "input\\n" });
      console.log("done");
      setInterval(() => {}, 1000);
    });`;
  const hook = join(__dirname, "..", "..", "support", "kill-at-spawn.cjs");
  const argv = ["--require", hook, "-e", program, built.path, directory, owner, script, how];
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  children.push(child);
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return {
    pid: child.pid ?? 0,
    says: (word: string) => until(`"${word}" of the other process`, () => said.includes(word)),
    async killed() {
      if (child.signalCode === null) await once(child, "exit");
      return child.signalCode;
    },
    async kill() {
      child.kill("SIGKILL");
      await this.killed();
    },
  };
}

describe("the lock", () => {
  it("refuses a second session and names who holds it", async () => {
    await session();
    const began = performance.now();
    const error = await failureOf(session());
    expect(error).toBeInstanceOf(LockedError);
    expect(error).toMatchObject({ holder: expect.stringContaining(`(process ${process.pid})`) });
    expect(String(error)).toContain(
      `${directory} on this machine is being changed by ${userInfo().username}@`,
    );
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it("is of one folder", async () => {
    await session();
    await expect(session(`${directory}-other`)).resolves.toBeInstanceOf(Session);
  });

  it("is free as soon as the session is closed, any number of times", async () => {
    for (let round = 0; round < 30; round++) {
      const one = await Session.open(host, directory, owner);
      await one.close();
    }
  });

  it("names another process that holds it, and is free when that is killed", async () => {
    const other = await sessionElsewhere();
    await other.says("done");
    expect(await failureOf(session())).toMatchObject({
      holder: expect.stringContaining(`(process ${other.pid})`),
    });
    await other.kill();
    await until("the lock", async () => (await failureOf(session())) === "no failure");
  });

  it("is not kept by a daemon that a step starts with the lock's descriptor closed", async () => {
    const first = await session();
    const mark = `7${Math.floor(Math.random() * 1e8)}`;
    const began = performance.now();
    await first.step({
      name: "daemon",
      script: 'setsid sleep "$1" 9>&- & echo started',
      args: [mark],
      seconds: 20,
    });
    expect(performance.now() - began).toBeLessThan(10_000);
    const daemons = processesWith(`sleep ${mark}`);
    try {
      expect(daemons).toHaveLength(1);
      await first.close();
      const next = await session();
      expect(next.joined).toBeUndefined();
      expect((await next.step({ name: "next", script: "echo free" })).stdout.toString()).toBe("free\n");
    } finally {
      for (const { pid } of daemons) end(pid);
    }
  });

  it("is not taken in a folder that the user may not write, and the user is told", async () => {
    await mkdir(join(folder.path, "closed"));
    await chmod(join(folder.path, "closed"), 0o555);
    if (process.getuid?.() !== 0) return;
    const error = await failureOf(session(join(folder.path, "closed", "x.pginstance")));
    expect(error).toBeInstanceOf(CommandError);
    expect(String(error)).toMatch(
      /cannot use .*closed\/x\.pginstance on this machine as .*Permission denied/,
    );
  });

  it("is not taken where a file stands, and the file is left", async () => {
    const place = join(folder.path, "file");
    await writeFile(place, "mine");
    expect(String(await failureOf(session(place)))).toMatch(/cannot use .*File exists/);
    expect(await readFile(place, "utf8")).toBe("mine");
  });

  it("says so when its own file cannot be opened", async () => {
    await editAsOwner('mkdir -p "$1/lock"', directory);
    expect(String(await failureOf(session()))).toContain("cannot open its lock");
  });
});

describe("a step", () => {
  it("gets arguments and standard input exactly, and returns both outputs and the exit code", async () => {
    const one = await session();
    const args = ["-n", "", "it's", '"q"', "$(id)`id`", "line\nbreak", "é🐘"];
    const stdin = Buffer.concat([randomBytes(1_000_000), Buffer.from("\n\0")]);
    const script = `printf '%s\\0' "$@"; cat; echo trouble >&2; exit 42`;
    const result = await one.step({ name: "exact", script, args, stdin });
    const head = Buffer.from(args.map((arg) => `${arg}\0`).join(""));
    expect(result.exitCode).toBe(42);
    expect(result.stdout.equals(Buffer.concat([head, stdin]))).toBe(true);
    expect(result.stderr).toBe("trouble\n");
  });

  it("runs as the owner with a private umask", async () => {
    const one = await session();
    const result = await one.step({ name: "who", script: "id -un; umask" });
    expect(result.stdout.toString()).toBe(`${owner}\n0077\n`);
  });

  it("puts its secret input in no command line and no environment, in a private file, and removes that", async () => {
    const one = await session();
    const secret = randomUUID();
    const script = 'cat >/dev/null; : >"$1/running"; while [ ! -e "$1/go" ]; do sleep 0.05; done';
    const done = one.step({ name: "secret", script, args: [directory], stdin: secret, seconds: 20 });
    await until("the step", () => existsSync(join(directory, "running")));
    const environments = await Promise.all(
      processesWith(directory).map(({ pid }) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")),
    );
    expect(environments.length).toBeGreaterThan(1);
    expect(processesWith(secret)).toEqual([]);
    expect(environments.join()).not.toContain(secret);
    const mode = (await stat(join(directory, "step.in"))).mode & 0o777;
    await editAsOwner(': >"$1/go"', directory);
    await done;
    expect(mode).toBe(0o600);
    expect(await readdir(directory)).not.toContain("step.in");
  });

  it("past its limit is an error that names what is waited for; it is not killed, and the next session waits", async () => {
    const one = await session();
    const script = 'echo at 40 % >&2; sleep 3; echo end >"$1/result"';
    const error = await failureOf(one.step({ name: "slow", script, args: [directory], seconds: 1 }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toMatchObject({ awaited: "slow on this machine", limitSeconds: 1, lastSeen: "at 40 %" });
    const second = await failureOf(one.step({ name: "second", script: "true" }));
    expect(String(second)).toContain("another step still runs");
    await one.close();
    const next = await session();
    expect(next.joined).toBe("slow");
    expect(await readFile(join(directory, "result"), "utf8")).toBe("end\n");
  });

  it("whose wrapper is killed is an error, and the next step runs", async () => {
    const one = await session();
    const failed = failureOf(one.step({ name: "lost", script: "sleep 20", args: [directory], seconds: 15 }));
    const below = await until("the step's processes", () => {
      const found = processesWith(`step ${directory}`);
      return found.length > 0 ? [...found, ...processesWith(`wrapper ${directory}`)] : undefined;
    });
    for (const { pid } of below.reverse()) end(pid);
    for (const { pid, argv } of processesWith("sleep 20")) if (argv.startsWith("sleep")) end(pid);
    expect(String(await failed)).toContain("lost: its wrapper died on this machine");
    expect((await one.step({ name: "next", script: "echo on" })).stdout.toString()).toBe("on\n");
  });
});

describe("a step of a session whose process was killed", () => {
  it("goes on; the next session waits for it, names it and sees what it did", async () => {
    const script = ': >"$1/began"; sleep 2; cat >"$1/result"';
    const other = await sessionElsewhere(script);
    await until("the step", () => existsSync(join(directory, "began")));
    await other.kill();
    expect(existsSync(join(directory, "result"))).toBe(false);
    const next = await until("the lock", () => session().catch(() => undefined));
    expect(next.joined).toBe("work elsewhere");
    expect(await readFile(join(directory, "result"), "utf8")).toBe("input\n");
    expect(await readFile(join(directory, "step.exit"), "utf8")).toBe("0\n");
  });

  it("runs with all of its input or not at all, whenever the process is killed", async () => {
    const script = 'cat >"$1/copy"; echo end >>"$1/copy"';
    // The shell, its program, the lock, then the step.
    for (const when of ["half", "0", "1", "2", "5"]) {
      const other = await sessionElsewhere(script, { KILL_AT: "4", KILL_WHEN: when });
      expect(await other.killed()).toBe("SIGKILL");
      const next = await until("the lock", () => session().catch(() => undefined));
      await until("its end", () => processesWith(`step ${directory}`).length === 0);
      const copy = await readFile(join(directory, "copy"), "utf8").catch(() => "not run");
      expect(["not run", "input\nend\n"]).toContain(copy);
      expect(await readdir(directory)).not.toContain("step.in");
      await next.close();
      await editAsOwner('rm -f "$1/copy"', directory);
    }
  });
});

describe("a script without a step, in a session whose process was killed", () => {
  it("does not keep the lock, however long it goes on", async () => {
    const other = await sessionElsewhere(': >"$1/began"; sleep 30', {}, "run");
    await until("the script", () => existsSync(join(directory, "began")));
    await other.kill();
    const next = await session();
    expect(next.joined).toBeUndefined();
    expect(processesWith(`pginstance ${directory}`)).not.toEqual([]);
  });
});

describe("a file of the folder", () => {
  it("is written whole, privately, with every byte", async () => {
    const one = await session();
    const content = `${"line\n".repeat(50_000)}é🐘 without an end`;
    await one.write("marker.json", content);
    expect(await readFile(join(directory, "marker.json"), "utf8")).toBe(content);
    expect((await stat(join(directory, "marker.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).not.toContain("marker.json.new");
  });

  it("that cannot be written is an error with the system's words", async () => {
    const one = await session();
    await editAsOwner('mkdir "$1/marker.json.new"', directory);
    expect(String(await failureOf(one.write("marker.json", "x")))).toMatch(
      /cannot write .*marker\.json.*directory/s,
    );
  });
});

describe("forgetting", () => {
  it("removes the folder and the parents that were made for it", async () => {
    const deep = join(folder.path, "x", "y z", "main.pginstance");
    const one = await session(deep);
    await one.forget();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("leaves parents that were there before", async () => {
    await editAsOwner('mkdir -p "$1/x"', folder.path);
    const one = await session(join(folder.path, "x", "y", "main.pginstance"));
    await one.forget();
    expect(await readdir(join(folder.path, "x"))).toEqual([]);
  });

  it("leaves parents that hold something else by now", async () => {
    const one = await session(join(folder.path, "x", "y", "main.pginstance"));
    await editAsOwner(': >"$1/x/theirs"', folder.path);
    await one.forget();
    expect(await readdir(join(folder.path, "x"))).toEqual(["theirs"]);
  });

  it("leaves parents that another lives in to that other", async () => {
    const one = await session(join(folder.path, "x", "17", "main.pginstance"));
    const two = await session(join(folder.path, "x", "17", "other.pginstance"));
    const three = await session(join(folder.path, "x", "18", "main.pginstance"));
    await one.forget();
    await two.forget();
    expect(await readdir(join(folder.path, "x"))).toEqual(["18"]);
    await three.forget();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("leaves nothing of parents that several live in who are forgotten at once", async () => {
    for (let round = 0; round < 10; round += 1) {
      const names = ["x/17/a", "x/17/b", "x/18/c", "x/18/d"];
      const all = await Promise.all(names.map((name) => session(join(folder.path, `${name}.pginstance`))));
      await Promise.all(all.map((one) => one.forget()));
      expect(await readdir(folder.path)).toEqual([]);
      await Promise.all(all.map((one) => one.close()));
    }
  });

  it("remembers the made parents through later sessions", async () => {
    const deep = join(folder.path, "x", "y", "main.pginstance");
    const first = await session(deep);
    await first.step({ name: "work", script: "true" });
    await first.close();
    const second = await session(deep);
    await second.forget();
    expect(await readdir(folder.path)).toEqual([]);
  });
});
