import { connect as connectSocket, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Algorithms, Client, ClientChannel } from "ssh2";
import type { ConnectionError } from "../../errors";
import { TooManyShells } from "../shell-host";
import { authenticator } from "./authenticator";
import { explain, explainDial, lostBy, notForwarded, timedOut } from "./explain";
import { hostKeyPolicy } from "./host-key";
import { library } from "./library";
import { endpointOf, type Hop, knownAs, nameOf, type SshArgs } from "./login";
import type { Authentication } from "./means";

/** What one connection is made with. */
export interface Route {
  readonly hop: Hop;
  readonly settings: Pick<SshArgs, "knownHosts" | "hostKeyPolicy" | "connectTimeout" | "keepAlive">;
  authenticate(): Promise<Authentication>;
  /** A connection to the host before, on the way; undefined: from this machine. */
  readonly via?: Connection;
}

const defaults = { connectTimeout: 10, keepAlive: 10 };
/** A connection that nobody uses is closed; the next command opens another. */
const idleSeconds = 10;
/** Signs of life without answer until the connection is lost. */
const missedSigns = 3;

/** ssh2's own defaults without what rests on SHA-1; the order of the host's keys is another question. */
const algorithms: Algorithms = {
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
};

/** An SSH connection that is open and through authentication. */
export class Connection {
  #lost: ConnectionError | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;

  private constructor(
    readonly name: string,
    private readonly client: Client,
    private readonly socket: Duplex,
    private readonly via: Connection | undefined,
  ) {
    client.on("error", (error) => this.#end(lostBy(name, error.message)));
    client.on("close", () => this.#end(lostBy(name, "closed by the other side")));
  }

  /** @throws ConnectionError that says how far it came */
  static async open(route: Route): Promise<Connection> {
    route.via?.use(true);
    try {
      return await Connection.#open(route);
    } catch (error) {
      route.via?.use(false);
      throw error;
    }
  }

  static async #open(route: Route): Promise<Connection> {
    const { hop, settings, via } = route;
    const name = nameOf(hop);
    const { host, port } = endpointOf(hop);
    const seconds = settings.connectTimeout ?? hop.configured?.connectTimeout ?? defaults.connectTimeout;
    const policy = await hostKeyPolicy({
      ...hop,
      ...knownAs(hop),
      knownHosts: settings.knownHosts,
      hostKeyPolicy: settings.hostKeyPolicy,
    });
    const authentication = await route.authenticate();
    const began = performance.now();
    const socket = via ? await via.forward(host, port, name, seconds) : await dial(host, port, name, seconds);
    const client = new (library().Client)();
    let refusal: ConnectionError | undefined;
    let greeting = "";
    // Paused until ssh2 reads, who tells nobody what a stranger says.
    socket.pause().once("data", (first: Buffer) => {
      greeting = first.toString("utf8");
    });
    return new Promise((resolve, reject) => {
      const handler = authenticator(authentication, () =>
        failed(level("client-authentication", "it asks for what is not declared")),
      );
      const failed = (error: Error & { level?: string }) => {
        if (error.level === "agent") return;
        reject(refusal ?? explain(name, error, { ...handler.attempt(), greeting, seconds }));
        client.destroy();
        socket.destroy();
      };
      client.once("ready", () => {
        client.off("error", failed);
        // At once: what is lost before whoever waits for it has its turn would find nobody who listens.
        resolve(new Connection(name, client, socket, via));
      });
      client.on("error", failed);
      client.on("banner", handler.hear);
      client.on("change password", () => failed(level("client-authentication", "the password has expired")));
      client.once("close", () => failed(new Error("it closed the connection")));
      client.connect({
        sock: socket as Socket,
        username: authentication.user,
        authHandler: handler.next,
        // ssh2 takes anything but a literal false for a yes.
        hostVerifier: (blob: Buffer, verify: (valid: boolean) => void) => {
          refusal = policy.judge(blob);
          verify(refusal === undefined);
        },
        algorithms: { ...algorithms, serverHostKey: policy.algorithms },
        readyTimeout: Math.max(1, seconds * 1000 - (performance.now() - began)),
        keepaliveInterval: (settings.keepAlive ?? hop.configured?.keepAlive ?? defaults.keepAlive) * 1000,
        keepaliveCountMax: missedSigns,
      });
    });
  }

  get lost(): ConnectionError | undefined {
    return this.#lost;
  }

  /** @throws TooManyShells when sshd's MaxSessions is reached */
  exec(command: string): Promise<ClientChannel> {
    return this.#channel(
      (done) => this.client.exec(command, done),
      (error) => {
        const full = /open fail|administratively prohibited/i.test(error.message);
        return full ? new TooManyShells(error.message) : lostBy(this.name, error.message);
      },
    );
  }

  /** A connection from that host to another. Its sshd waits for as long as TCP does; we do not. */
  forward(host: string, port: number, name: string, seconds: number): Promise<Duplex> {
    const opened = this.#channel(
      (done) => this.client.forwardOut("127.0.0.1", 0, host, port, done),
      (error) => notForwarded(name, this.name, error),
    );
    // As a socket does it: where the other end is gone, nothing is left half open, and ssh2 hears of it.
    opened.then(
      (channel) => channel.once("end", () => channel.end()),
      () => undefined,
    );
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(notForwarded(name, this.name, new Error(`timed out after ${seconds} s`)));
        opened.then(
          (late) => late.destroy(),
          () => undefined,
        );
      }, seconds * 1000);
      opened.then(resolve, reject).finally(() => clearTimeout(limit));
    });
  }

  #channel(
    open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
    explained: (error: Error) => Error,
  ): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      const gone = () => reject(this.#lost ?? lostBy(this.name, "closed by the other side"));
      this.client.once("close", gone);
      try {
        open((error, channel) => {
          this.client.off("close", gone);
          if (error) reject(explained(error));
          else resolve(channel);
        });
      } catch (error) {
        // ssh2 throws where it has seen the end already, and has yet to say so: nobody else shall use it.
        this.client.off("close", gone);
        const words = `closed by the other side (${(error as Error).message})`;
        this.#end(lostBy(this.name, words));
        reject(this.#lost);
      }
    });
  }

  /** As long as somebody waits for it, so does the process. */
  use(is: boolean): void {
    this.#users += is ? 1 : -1;
    clearTimeout(this.#idle);
    // ssh2's own timer for signs of life would keep a script from ending.
    if (this.#users === 0) this.#idle = setTimeout(() => this.close(), idleSeconds * 1000).unref();
  }

  close(): void {
    this.#end(lostBy(this.name, "closed here"));
  }

  #end(why: ConnectionError): void {
    if (this.#lost) return;
    this.#lost = why;
    clearTimeout(this.#idle);
    this.via?.use(false);
    this.client.end();
    setImmediate(() => this.socket.destroy());
  }
}

/** A TCP connection; here the phases can still be told apart. */
function dial(host: string, port: number, name: string, seconds: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true });
    const limit = setTimeout(() => {
      socket.destroy();
      reject(timedOut(name, seconds));
    }, seconds * 1000);
    socket.once("connect", () => {
      clearTimeout(limit);
      resolve(socket);
    });
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      clearTimeout(limit);
      reject(explainDial(name, cause));
    });
  });
}

function level(name: string, message: string): Error & { level: string } {
  return Object.assign(new Error(message), { level: name });
}
