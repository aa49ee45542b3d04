/** A host's few shells: who gets which, who waits, and what becomes of one that is lost. Users are but names here. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../provider/errors";
import { ShellEnded } from "../../../provider/host/framed-shell";
import { ShellHost, TooManyShells } from "../../../provider/host/shell-host";
import { failureOf } from "../../support/instances";
import { end, until } from "../../support/processes";
import { endShells, framed, type Started, started } from "../../support/shells";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pginstance-shells-"));
  file = join(folder, "file");
});
afterEach(async () => {
  endShells();
  await rm(folder, { recursive: true });
});

interface Limits {
  /** How many the host is asked for. */
  readonly shells?: number;
  /** How many it has room for; it counts one until its process is gone, as sshd does. */
  readonly room?: number;
  /** Seconds from the end of a shell to that of its process. */
  readonly lingers?: number;
}

function hostWith({ shells = 10, room = Number.POSITIVE_INFINITY, lingers = 0 }: Limits = {}) {
  const opened: string[] = [];
  const processes: Started[] = [];
  let living = 0;
  let most = 0;
  const host = new ShellHost({
    name: "host",
    login: "login",
    shells,
    async open(user, aside) {
      opened.push(aside ? `${user} aside` : user);
      if (aside) return framed(started(`user=${user}; export user; eval "$1"`));
      if (living >= room) throw new TooManyShells("open failed");
      const process = started(`user=${user}; export user; trap "" TERM; eval "$1"; sleep ${lingers}`);
      processes.push(process);
      living += 1;
      most = Math.max(most, living);
      process.gone.then(() => {
        living -= 1;
      });
      return framed(process);
    },
  });
  return { host, opened, processes, most: () => most };
}

const who = (user?: string) => ({ name: "who", script: 'echo "$user"', user });
const nap = (user?: string) => ({ name: "nap", script: 'sleep 0.3; echo "$user"', user });
const out = ({ stdout }: { readonly stdout: Buffer }) => stdout.toString("utf8").trim();

/** Whether it is still on its way after a while. */
async function waits(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => false), sleep(200).then(() => true)]);
}

describe("who only looks", () => {
  it("shares the one shell of its user, the login's when it names none", async () => {
    const { host, opened } = hostWith();
    const users = [undefined, "login", "alice", undefined, "alice"];
    expect((await Promise.all(users.map((user) => host.run(who(user))))).map(out)).toEqual(
      users.map((user) => user ?? "login"),
    );
    expect(opened).toEqual(["login", "alice"]);
  });

  it("does not run in a shell that is reserved", async () => {
    const { host, opened } = hostWith();
    const shell = await host.reserve("alice");
    const long = shell.run({ name: "long", script: "sleep 1" });
    expect(await waits(host.run(who("alice")))).toBe(false);
    expect(opened).toEqual(["alice", "alice"]);
    await long;
  });

  it("need not wait for those who reserve: nobody reserves the last shell", async () => {
    const { host, opened } = hostWith({ shells: 3 });
    const [one] = [await host.reserve("alice"), await host.reserve("alice")];
    const third = host.reserve("alice");
    expect(await waits(third)).toBe(true);
    const users = ["bob", "alice", "carol"];
    for (const user of users) expect(out(await host.run(who(user)))).toBe(user);
    expect(await waits(third)).toBe(true);
    one?.release();
    await third;
    expect(opened).toEqual(["alice", "alice", "bob", "alice", "carol"]);
  });

  it.each([
    ["is reserved", { shells: 1 }, ["alice"]],
    ["turns out to be reserved", { room: 2 }, ["alice", "alice", "bob", "carol"]],
  ])("does so by another connection where all that the host has %s", async (_, limits, usual) => {
    const { host, opened } = hostWith(limits);
    const shells = await Promise.all(
      usual.filter((user) => user === "alice").map((user) => host.reserve(user)),
    );
    const looks = await Promise.all(["bob", "bob", "carol"].map((user) => host.run(who(user))));
    expect(looks.map(out)).toEqual(["bob", "bob", "carol"]);
    expect(opened.filter((user) => !user.endsWith("aside"))).toEqual(usual);
    expect(opened.filter((user) => user.endsWith("aside"))).toEqual(["bob aside", "carol aside"]);
    for (const shell of shells) shell.release();
    expect(out(await host.run(who("bob")))).toBe("bob");
    expect(opened.at(-1)).toBe("bob");
  });
});

describe("who reserves a shell", () => {
  it("gets the shared one while nobody needs it", async () => {
    const { host, opened } = hostWith();
    await host.run(who("alice"));
    const shell = await host.reserve("alice");
    expect(out(await shell.run(who()))).toBe("alice");
    expect(opened).toEqual(["alice"]);
  });

  it.each([
    ["another user's", "bob"],
    ["one that is in use", "alice"],
  ])("does not get %s", async (_, user) => {
    const { host, opened } = hostWith();
    const busy = host.run(nap(user));
    await host.reserve("alice");
    expect(opened).toEqual([user, "alice"]);
    expect(out(await busy)).toBe(user);
  });

  it("does not get one that another has asked for at the same time, be it to look", async () => {
    const { host } = hostWith();
    await host.run(who("alice"));
    const [one, two, look] = await Promise.all([
      host.reserve("alice"),
      host.reserve("alice"),
      host.run(who("alice")),
    ]);
    await one.hold({ name: "hold", script: "mine=yes" });
    expect(out(await two.hold({ name: "look", script: 'echo "$mine"' }))).toBe("");
    expect(out(look)).toBe("alice");
  });

  it("gets one that another has released, with what that one left in it", async () => {
    const { host, opened } = hostWith();
    const one = await host.reserve("alice");
    await one.hold({ name: "hold", script: "trace=left" });
    one.release();
    const two = await host.reserve("alice");
    expect(out(await two.hold({ name: "look", script: 'echo "$trace"' }))).toBe("left");
    expect(opened).toEqual(["alice"]);
  });

  it("gives back once, however often it says so", async () => {
    const { host } = hostWith();
    const one = await host.reserve("alice");
    one.release();
    const two = await host.reserve("alice");
    one.release();
    const three = await host.reserve("alice");
    await two.hold({ name: "hold", script: "mine=yes" });
    expect(out(await three.hold({ name: "look", script: 'echo "$mine"' }))).toBe("");
  });

  it("waits in turn when the host has no more to give", async () => {
    const { host } = hostWith({ shells: 3 });
    const [one, two] = [await host.reserve("alice"), await host.reserve("bob")];
    const order: string[] = [];
    const later = ["third", "fourth"].map(async (name) => {
      const shell = await host.reserve("carol");
      order.push(name);
      return shell;
    });
    expect(await waits(Promise.race(later))).toBe(true);
    two.release();
    await later[0];
    expect(await waits(later[1] as Promise<unknown>)).toBe(true);
    one.release();
    await later[1];
    expect(order).toEqual(["third", "fourth"]);
  });
});

describe("one shell for all", () => {
  it("goes from user to user, in turn", async () => {
    const { host, opened } = hostWith({ shells: 1 });
    const users = ["alice", "bob", "bob", "alice"];
    for (const user of users) expect(out(await host.run(who(user)))).toBe(user);
    expect(opened).toEqual(["alice", "bob", "alice"]);
  });

  it.each([
    ["who looks", (host: ShellHost, user: string) => host.run(nap(user)).then(out)],
    [
      "who reserves",
      async (host: ShellHost, user: string) => {
        const shell = await host.reserve(user);
        try {
          return out(await shell.run(nap()));
        } finally {
          shell.release();
        }
      },
    ],
  ])("is waited for by %s while another looks", async (_, next) => {
    for (const user of ["alice", "bob"]) {
      const { host } = hostWith({ shells: 1 });
      const first = host.run(nap("alice"));
      expect(await next(host, user)).toBe(user);
      expect(out(await first)).toBe("alice");
    }
  });

  it("is enough for many at once, where an ended one takes a while to go", async () => {
    const { host, most } = hostWith({ room: 1, lingers: 0.3 });
    const users = ["alice", "bob", undefined, "alice"];
    expect((await Promise.all(users.map((user) => host.run(who(user))))).map(out)).toEqual(
      users.map((user) => user ?? "login"),
    );
    expect(most()).toBe(1);
  });
});

describe("a host with room for fewer shells than are asked for", () => {
  it("is asked for no more from then on", async () => {
    const { host, opened, most } = hostWith({ room: 2 });
    const work = async () => {
      const shell = await host.reserve("alice");
      await shell.run(nap());
      shell.release();
    };
    await Promise.all([work(), work(), work(), work(), work()]);
    const asked = opened.length;
    await Promise.all([work(), work(), work()]);
    expect(opened).toHaveLength(asked);
    expect(most()).toBe(2);
  });

  it("takes for another's the shell that nobody needs of the user who has most", async () => {
    const { host, opened } = hostWith({ shells: 3 });
    await host.run(who("alice"));
    const both = await Promise.all([host.reserve("bob"), host.reserve("bob")]);
    for (const shell of both) shell.release();
    for (const user of ["carol", "alice", "bob"]) await host.run(who(user));
    expect(opened).toEqual(["alice", "bob", "bob", "carol"]);
  });

  it("takes the shell of a user that nobody needs for another's", async () => {
    const { host, most } = hostWith({ room: 2, lingers: 0.2 });
    for (const user of ["alice", "bob", "carol", "alice", "bob"]) {
      expect(out(await host.run(who(user)))).toBe(user);
    }
    expect(most()).toBe(2);
  });

  it("says so when it has none at all", async () => {
    const { host } = hostWith({ room: 0 });
    const errors = await Promise.all(
      [host.run(who()), host.reserve("alice"), host.run(who())].map(failureOf),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(String(error)).toMatch(/host has no room for a shell: open failed\nRaise MaxSessions/);
    }
  });
});

describe("a shell that is lost", () => {
  it("is replaced for who looks, once for all whom it swallowed", async () => {
    const { host, opened, processes } = hostWith();
    const script =
      'echo "$1" >>"$2"; [ "$1" != kill ] || [ -e "$2.again" ] || { : >"$2.again"; kill -KILL "$PPID"; }; echo "$1"';
    await host.run(who());
    const commands = ["before", "kill", "behind", "last"].map((name) => ({
      name,
      script,
      args: [name, file],
    }));
    const results = await Promise.all(commands.map((command) => host.run(command)));
    expect(results.map(out)).toEqual(["before", "kill", "behind", "last"]);
    expect(await readFile(file, "utf8")).toBe("before\nkill\nkill\nbehind\nlast\n");
    expect([opened.length, processes.length]).toEqual([2, 2]);
  });

  it("by a command over its limit is that one's error; those behind it run in another", async () => {
    const { host, opened } = hostWith();
    await host.run(who());
    const slow = failureOf(host.run({ name: "slow", script: "sleep 3", seconds: 0.3 }));
    const behind = host.run({ name: "behind", script: 'echo "$1" >>"$2"', args: ["once", file] });
    expect(await slow).toMatchObject({ timedOut: true });
    expect(await behind).toMatchObject({ exitCode: 0 });
    expect(await readFile(file, "utf8")).toBe("once\n");
    expect(opened).toEqual(["login", "login"]);
  });

  it("does not run twice what a reserved one was to do", async () => {
    const { host, opened } = hostWith();
    const shell = await host.reserve("alice");
    const script = 'echo ran >>"$1"; kill -KILL "$PPID"';
    const [first, behind] = await Promise.all(
      [shell.run({ name: "first", script, args: [file] }), shell.run(who())].map(failureOf),
    );
    expect(first).toBeInstanceOf(ShellEnded);
    expect(behind).toBeInstanceOf(ShellEnded);
    expect(shell.lost).toBeInstanceOf(ShellEnded);
    expect(await failureOf(shell.run(who()))).toBe(shell.lost);
    expect(await readFile(file, "utf8")).toBe("ran\n");
    expect(opened).toEqual(["alice"]);
  });

  it.each(["shared", "released"])("while it is %s is handed to nobody", async (kind) => {
    const { host, processes, opened } = hostWith({ shells: 1 });
    if (kind === "shared") await host.run(who("alice"));
    else (await host.reserve("alice")).release();
    end(processes[0]?.pid ?? 0);
    await processes[0]?.gone;
    await sleep(50);
    const shell = await host.reserve("alice");
    expect(out(await shell.run(who()))).toBe("alice");
    expect(opened).toEqual(["alice", "alice"]);
  });

  it("takes no room, even before it is given back", async () => {
    const { host, processes } = hostWith({ shells: 1 });
    const shell = await host.reserve("alice");
    end(processes[0]?.pid ?? 0);
    await until("its loss", () => shell.lost !== undefined);
    expect(out(await host.run(who("bob")))).toBe("bob");
    shell.release();
    expect(out(await host.run(who("bob")))).toBe("bob");
  });
});

describe("a shell that cannot be opened", () => {
  it("is everybody's error who asked for it, and tried anew for the next", async () => {
    let refusals = 1;
    const host = new ShellHost({
      name: "host",
      login: "login",
      shells: 1,
      async open() {
        await sleep(20);
        if (refusals-- > 0) throw new Error("refused");
        return framed(started());
      },
    });
    const run = { name: "touch", script: ': >"$1"', args: [file] };
    const errors = await Promise.all([host.run(run), host.run(run)].map(failureOf));
    expect(errors).toEqual([new Error("refused"), new Error("refused")]);
    expect(existsSync(file)).toBe(false);
    await host.run(run);
    expect(existsSync(file)).toBe(true);
  });
});
