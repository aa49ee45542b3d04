import { constants, existsSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, UnsupportedError } from "../../errors";
import { type Child, start } from "../child";
import type { Process } from "../framed-shell";
import { TooManyShells } from "../shell-host";
import { expanded, problemOf } from "../ssh/credentials";
import { timedOut } from "../ssh/explain";
import { nameOf } from "../ssh/login";
import { explain, lostBecause } from "./explain";
import { type OpensshArgs, seconds } from "./login";
import { checkOf, clientOf, configuration, masterOf } from "./words";

/** A connection that nobody uses is closed; the next command opens another. */
const idleSeconds = 10;
/** How ssh exits when it was ssh that failed, or when a signal ended what it ran. */
const failed = 255;

/** A connection of the system's ssh: a master (ControlMaster) of its own, and a client of that for each shell. */
export class Master {
  #lost: ConnectionError | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;

  private constructor(
    private readonly args: OpensshArgs,
    private readonly folder: string,
    private readonly guard: Child,
    /** Whom ssh logs in as. */
    readonly login: string,
    said: () => string,
  ) {
    guard.exited.then(() => this.#end(lostBecause(this.name, said())));
  }

  /** @throws ConnectionError in ssh's own words */
  static async open(args: OpensshArgs): Promise<Master> {
    const name = nameOf(args);
    if (process.platform === "win32") throw noMaster(name);
    const { folder, links } = await prepare(args);
    const guard = start(masterOf(args, folder), environment());
    const said = kept(guard.stderr);
    const understood = text(guard.stdout);
    const limit = 3 * seconds(args).connectTimeout;
    const outcome = await listening(join(folder, "socket"), guard, limit);
    if (outcome === "listens") {
      const [, login = ""] = /^user (.*)$/m.exec(await understood) ?? [];
      guard.busy(false);
      return new Master(args, folder, guard, login, said);
    }
    guard.stdin.end();
    throw outcome === "late" ? timedOut(name, limit) : explain(name, byTheirNames(said(), links));
  }

  get name(): string {
    return nameOf(this.args);
  }

  get lost(): ConnectionError | undefined {
    return this.#lost;
  }

  /** A process on the host. Why it failed is known before its output ends. */
  run(command: string): Process {
    const client = start(clientOf(this.args, this.folder, command), environment());
    const said = kept(client.stderr);
    const stdout = new PassThrough();
    client.stdout.pipe(stdout, { end: false });
    let why: Error | undefined;
    let isOurs = false;
    client.exited.then(async ({ exitCode }) => {
      if (exitCode === failed && !isOurs) why = await this.#failure(said());
      stdout.end();
    });
    let isBusy = false;
    const busy = (is: boolean) => {
      if (is === isBusy) return;
      isBusy = is;
      client.busy(is);
      this.#use(is);
    };
    busy(true);
    const end = () => {
      isOurs = true;
      client.end();
    };
    return {
      ...{ stdin: client.stdin, stdout, stderr: client.stderr },
      ...{ end, busy, failure: () => why ?? this.#lost },
    };
  }

  /** Why a client failed; undefined where it was what it ran. */
  async #failure(said: string): Promise<Error | undefined> {
    const [, refusal] = /session request failed: (.*)/.exec(said) ?? [];
    if (refusal) return new TooManyShells(refusal.trim());
    const check = start(checkOf(this.args, this.folder), environment());
    const { exitCode } = await within(patience, check.exited, { exitCode: undefined });
    check.end();
    if (exitCode === 0) return undefined;
    // It knows more of why.
    await within(patience, this.guard.exited, undefined);
    this.#end(lostBecause(this.name, ""));
    return this.#lost;
  }

  #use(is: boolean): void {
    this.#users += is ? 1 : -1;
    clearTimeout(this.#idle);
    if (this.#users > 0) return;
    const closed = () => this.#end(lostBecause(this.name, "closed here"));
    this.#idle = setTimeout(closed, idleSeconds * 1000).unref();
  }

  #end(why: ConnectionError): void {
    if (this.#lost) return;
    this.#lost = why;
    clearTimeout(this.#idle);
    this.guard.stdin.end();
  }
}

/** Milliseconds for what happens on this machine. */
const patience = 2000;
const tick = 20;

async function within<T>(milliseconds: number, promise: Promise<T>, otherwise: T): Promise<T> {
  const limit = new AbortController();
  try {
    return await Promise.race([promise, sleep(milliseconds, otherwise, { signal: limit.signal })]);
  } finally {
    limit.abort();
  }
}

/** Its folder: what ssh is told, and the socket. Nobody else may enter it; the guard removes it. */
async function prepare(args: OpensshArgs): Promise<{ folder: string; links: Links }> {
  const file = args.configFile && expanded(args.configFile, process.env);
  if (file)
    await access(file, constants.R_OK).catch((cause: unknown) => Promise.reject(unread(args, file, cause)));
  const files = file ? [file] : [join(userInfo().homedir, ".ssh", "config"), "/etc/ssh/ssh_config"];
  const folder = mkdtempSync(join(temporary(), "pginstance-ssh-"));
  const links = new Map(files.map((path, index) => [join(folder, `user${index}`), path]));
  for (const [link, path] of links) symlinkSync(path, link);
  writeFileSync(join(folder, "configuration"), configuration(args, [...links.keys()]));
  return { folder, links };
}

/** The user's files by links to them, since no quoting makes every path one word. */
type Links = ReadonlyMap<string, string>;

const byTheirNames = (said: string, links: Links) =>
  [...links].reduce((text, [link, path]) => text.replaceAll(link, path), said);

/** The path of a socket has at most 104 bytes, of which ssh wants some; the ssh of a jump gets it without quotes. */
const temporary = () => [tmpdir(), "/tmp"].find((path) => /^[\w./-]{1,50}$/.test(path)) ?? "/tmp";

/** With the user's environment, which the configuration may name. It sends the host no locale; it opens no window. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(LANG|LANGUAGE|LC_.*)$/.test(name));
  return { ...Object.fromEntries(kept), SSH_ASKPASS_REQUIRE: "never" };
}

/** The socket is there once the host has let us in. The folder is gone once ssh has ended, so no watch is kept of it. */
async function listening(socket: string, guard: Child, limit: number): Promise<"listens" | "ended" | "late"> {
  const deadline = performance.now() + limit * 1000;
  const ended = guard.exited.then(() => true);
  while (performance.now() < deadline) {
    if (existsSync(socket)) return "listens";
    if (await within(tick, ended, false)) return "ended";
  }
  return "late";
}

/** The last of what a stream says. */
function kept(stream: Readable): () => string {
  let last = "";
  stream.on("data", (chunk: Buffer) => {
    last = (last + chunk.toString("utf8")).slice(-4000);
  });
  return () => last;
}

function unread({ host, port }: OpensshArgs, file: string, cause: unknown): ConnectionError {
  const name = nameOf({ host, port });
  return new ConnectionError(`${name}: the configuration ${file}, named by configFile, ${problemOf(cause)}`, {
    host: name,
    phase: "connect",
    hint: "It is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
    cause,
  });
}

const noMaster = (host: string) =>
  new UnsupportedError(
    `${host}: \`openssh\` shares a connection as the ssh of Windows cannot (ControlMaster)`,
    {
      hint: "Run Pulumi in WSL, or declare `ssh` in place of `openssh`.",
    },
  );
