/** An Instance as the engine would drive it, by the provider's own methods, in a folder of its own. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { LocalHost } from "../../provider/host/local";
import { Session } from "../../provider/host/session";
import type { Major } from "../../provider/postgresql/version";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { query } from "../../provider/server/connect";
import { addressOf, type Observation, observe } from "../../provider/server/observe";
import { stateDirectory, type Target } from "../../provider/server/target";
import {
  binDirectory,
  editAsOwner,
  freePort,
  type OwnedDirectory,
  ownedDirectory,
  serverUser,
} from "./servers";

/** Whom servers run as. */
export const owner = serverUser() ?? userInfo().username;

export interface Place {
  readonly folder: OwnedDirectory;
  readonly port: number;
  readonly target: Target;
  /** Inputs that `check` has accepted, its defaults among them. */
  inputs(more?: Properties): Promise<Properties>;
}

/** Where an instance can be made; nothing is there yet. Sockets lie in the folder too. */
export async function place(major: Major, name = "main"): Promise<Place> {
  const [folder, port, programs] = await Promise.all([ownedDirectory(), freePort(), binDirectory(major)]);
  const dataDirectory = join(folder.path, "instances", major, name);
  const target = {
    host: new LocalHost(),
    owner,
    dataDirectory,
    binDirectory: programs,
    version: major,
    name,
    superuser: "postgres",
  };
  return {
    folder,
    port,
    target,
    async inputs({ settings, ...more } = {}) {
      const urn = `urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::${name}`;
      const { inputs, failures } = await instance.check(
        {},
        {
          __urn: urn,
          version: major,
          port,
          dataDirectory,
          binDirectory: programs,
          owner,
          deletionProtection: false,
          settings: given({ unix_socket_directories: folder.path, ...(settings as object) }),
          ...more,
        },
      );
      if (failures?.length) throw new Error(failures.map(({ reason }) => reason).join("\n"));
      return inputs;
    },
  };
}

/** Without what is undefined: that is how a test takes away what stands here. */
const given = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));

export interface Live extends Place {
  readonly id: string;
  readonly outs: Properties;
  /** In a session of the superuser. */
  sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  observe(): Promise<Observation>;
  /** With the instance's lock. */
  locked<T>(body: (session: Session) => Promise<T>): Promise<T>;
}

/** A running instance. */
export async function liveInstance(major: Major, more: Properties = {}): Promise<Live> {
  const at = await place(major);
  try {
    const { id, outs } = await instance.create(await at.inputs(more));
    return { ...at, id, outs: outs as Properties, ...handles(at.target) };
  } catch (error) {
    await at.folder.dispose();
    throw error;
  }
}

/** What can be done to an instance that exists. */
export function handles(target: Target): Pick<Live, "sql" | "observe" | "locked"> {
  return {
    observe: () => observe(target),
    async sql(text) {
      const { postmaster } = await observe(target);
      if (!postmaster) throw new Error("the server does not run");
      return (await query(addressOf(target, postmaster), [text])).at(-1) ?? [];
    },
    async locked(body) {
      const session = await Session.open(target.host, stateDirectory(target), target.owner);
      try {
        return await body(session);
      } finally {
        await session.close();
      }
    },
  };
}

/** A client over TCP, as an application would be; whoever gets it ends it. */
export async function connectByPassword(
  port: number,
  password: string,
  database = "postgres",
  user = "postgres",
): Promise<Client> {
  const client = new Client({ host: "127.0.0.1", port, user, password, database });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** What an operation throws; a text when it throws nothing. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

/** Each configuration file of the instance with its mode and bytes, and what else an interrupted edit would leave. */
export function configurationOf({ dataDirectory }: Pick<Target, "dataDirectory">): Promise<string> {
  const script =
    'cd "$1"; stat -c "%n %a %U %i %Y" postgresql*.conf*; cat postgresql*.conf* | od -c; ls "$1.pginstance"';
  return editAsOwner(script, dataDirectory);
}

/** As the engine shows it: the provider's errors there are no more than their messages. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
