/** One way in to a host after the other, and what comes of it in the words that its user reads: a row of a table each. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConnectionError, type ConnectionPhase, UnsupportedError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, type Live, liveInstance, type Place, place } from "../instances";
import { execute } from "./clients";
import { type Login, type LoginOptions, type TestHost, testHost } from "./host";

export interface Given {
  /** Beside the address and what is known of its keys. */
  readonly ssh?: Properties;
  /** In place of `ssh`; it has the address alone. */
  readonly openssh?: Properties;
  readonly become?: Properties;
  /** Whom the server runs as, where it is to be another. */
  readonly owner?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export type Row = readonly [what: string, given: (ways: WaysIn) => Given, outcome: string];

/** What a row's outcome is where it works. */
export const isIn = "in";

export class WaysIn {
  readonly #rows: [what: string, outcome: string][] = [];
  readonly #words: [found: string, shown: string][] = [];
  /** None of it may be in a message. */
  readonly #secrets = new Set<string>();

  private constructor(
    readonly host: TestHost,
    /** It runs, and every row looks at it. */
    private readonly live: Live,
    /** Who gets in no further makes nothing here. */
    private readonly empty: Place,
    private readonly title: string,
    private readonly phase: ConnectionPhase,
  ) {}

  /** `phase` is that of the rows that fail; one of another phase names it in its message. */
  static async open(title: string, phase: ConnectionPhase): Promise<WaysIn> {
    const [host, live, empty] = await Promise.all([testHost(), liveInstance("17"), place("17", "other")]);
    const ways = new WaysIn(host, live, empty, title, phase);
    await ways.introduce(host, "db1", "/keys");
    return ways;
  }

  /** Prints the table. */
  async close(): Promise<void> {
    const lines = this.#rows.map(
      (row) => `| ${row.map((cell) => cell.replaceAll("\n", "<br>")).join(" | ")} |`,
    );
    process.stdout.write(`\n| ${this.title} | result |\n|---|---|\n${lines.join("\n")}\n\n`);
    await this.host.dispose();
    await Promise.all([this.live.folder.dispose(), this.empty.folder.dispose()]);
  }

  /** What is another word at each run is shown as this one. */
  call(found: string, shown: string): void {
    this.#words.push([found, shown]);
  }

  /** A host by its name: its address, its folder, its key and that one's fingerprint. */
  async introduce(host: TestHost, name: string, folder = `/${name}`): Promise<void> {
    const { stdout } = await execute("ssh-keygen", ["-lf", join(host.folder, "host_ed25519.pub")]);
    const [, fingerprint = ""] = stdout.split(" ");
    this.call(host.address, name);
    this.call(host.folder, folder);
    this.call(host.hostKey(), `KEY-OF-${name}`);
    this.call(fingerprint, `SHA256:${name}`);
  }

  path(name: string): string {
    return join(this.host.folder, name);
  }

  async write(name: string, text: string, mode = 0o600): Promise<string> {
    await writeFile(this.path(name), text, { mode });
    return this.path(name);
  }

  /** A key that is made by ssh-keygen or the like, and lets the login in. */
  async makeKey(login: Login, name: string, program: string, ...words: string[]): Promise<void> {
    const made = await execute(
      program,
      words.map((word) => (word === "FILE" ? this.path(name) : word)),
    );
    if (made.code !== 0) throw new Error(made.stderr);
    await execute("chmod", ["600", this.path(name)]);
    await this.host.authorise(
      login.name,
      (await execute("ssh-keygen", ["-y", "-f", this.path(name)])).stdout,
    );
  }

  /** A login, and how it gets in by its key. */
  async login(name: string, options: LoginOptions = {}): Promise<Properties> {
    const { keyFile } = await this.host.login(name, options);
    return { user: name, privateKeyFile: keyFile };
  }

  /**
   * What `refresh` of an instance that is there comes to; where it fails, a create elsewhere fails in the same words and
   * makes nothing.
   */
  async outcome(what: string, { ssh, openssh, become, owner, environment = {} }: Given): Promise<string> {
    for (const secret of secretsOf([ssh, become, environment])) this.#secrets.add(secret);
    const { id, outs } = this.live;
    const { address, port, knownHosts } = this.host;
    // Another connection than that of the row before.
    const connectTimeout = 11 + this.#rows.length;
    const way = { host: address, retryFor: 0, connectTimeout };
    const host = openssh
      ? { openssh: { ...way, ...openssh } }
      : { ssh: { ...way, ...(!ssh?.configFile && { port, knownHosts: [knownHosts] }), ...ssh } };
    const inputs = { host, ...(become && { become }), ...(owner && { owner }) };
    const declared = [...new Set([...(outs.declared as string[]), ...Object.keys(inputs)])];
    const state = { ...outs, ...inputs, declared };
    const before = JSON.stringify(state);
    const outcome = await withEnvironment(environment, async () => {
      const read = await instance.read(id, state).catch((error: unknown) => ({ error }));
      if (!("error" in read))
        return JSON.stringify(read.props) === before ? isIn : JSON.stringify(read.props);
      const made = await failureOf(instance.create(await this.empty.inputs(inputs)));
      return this.#judge(read.error, made);
    });
    const left = await readdir(this.empty.folder.path);
    const shown = [outcome, ...left.map((name) => `made: ${name}`)].join("\n");
    this.#rows.push([what, shown]);
    return shown;
  }

  #judge(read: unknown, created: unknown): string {
    const [error, other] = [read, created] as (Error & { id?: string })[];
    const { cause, message = "" } = error ?? {};
    const problems = [
      !(cause instanceof ConnectionError || cause instanceof UnsupportedError) && `thrown as ${cause}`,
      cause instanceof ConnectionError && !this.#tells(cause) && `phase: ${cause.phase}`,
      !(cause as ConnectionError).hint && "no hint",
      other?.message !== message && `a create says: ${other?.message}`,
      other?.id !== undefined && "a create leaves something in the state",
      [...this.#secrets].some((secret) => message.includes(secret)) && "a secret is shown",
    ].filter(Boolean);
    return this.#shown([message, ...problems].join("\n"));
  }

  #tells({ phase, message }: ConnectionError): boolean {
    return phase === this.phase || message.includes(`(${phase}: `);
  }

  #shown(text: string): string {
    // One may be the beginning of another.
    const words = this.#words.toSorted(([one], [other]) => other.length - one.length);
    return words.reduce((all, [found, shown]) => all.replaceAll(found, shown), text);
  }
}

/** Every text that a property or variable of a secret holds. */
function secretsOf(given: readonly (Properties | undefined)[]): string[] {
  return given
    .flatMap((properties) => Object.entries(properties ?? {}))
    .filter(([name]) => /^(password|passphrase|privateKey)$|PASSWORD|PASSPHRASE|KEY$/.test(name))
    .map(([, text]) => String(text).split("\n")[1] ?? String(text));
}

async function withEnvironment<T>(
  given: Readonly<Record<string, string>>,
  body: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(given).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, given);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

export const textOf = (path: string) => readFile(path, "utf8");
