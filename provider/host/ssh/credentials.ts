/** Where the key, the passphrase and the password of a login are found. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { ConnectionError } from "../../errors";
import type { Configured, Means, Secrets } from "./login";

export interface Credential {
  readonly value: string;
  /** As in "$DB1_PASSWORD" or "~/.ssh/deploy". */
  readonly name: string;
}

/** Environment variables that stand for means which are not declared. */
export const variables = {
  privateKey: "PGINSTANCE_SSH_PRIVATE_KEY",
  privateKeyFile: "PGINSTANCE_SSH_PRIVATE_KEY_FILE",
  passphrase: "PGINSTANCE_SSH_PASSPHRASE",
  password: "PGINSTANCE_SSH_PASSWORD",
} as const;

/** All that a login to one host can draw on. */
export interface Access {
  /** As messages call it. */
  readonly host: string;
  readonly means: Means;
  readonly secrets: Secrets;
  /** Those of the variables above that are for this host. */
  readonly variables: Partial<typeof variables>;
  readonly environment: NodeJS.ProcessEnv;
  readonly configured?: Configured | undefined;
}

type Place = (access: Access) => Credential | undefined | Promise<Credential | undefined>;

/** The first place that has it wins: what is declared by reference, then the environment, then what the state holds. */
const places = {
  privateKey: [
    (access) => fileAt(access, access.means.privateKeyFile, "privateKeyFile"),
    named("privateKeyEnv"),
    preset("privateKey"),
    (access) => fileAt(access, preset("privateKeyFile")(access)?.value, variables.privateKeyFile),
    inline("privateKey"),
  ],
  passphrase: [named("passphraseEnv"), preset("passphrase"), inline("passphrase")],
  password: [named("passwordEnv"), preset("password"), inline("password")],
} as const satisfies Record<string, readonly Place[]>;

export async function credential(kind: keyof typeof places, access: Access): Promise<Credential | undefined> {
  for (const place of places[kind]) {
    const found = await place(access);
    if (found) return found;
  }
  return undefined;
}

/** A variable that the declaration names, so it has to be there. */
function named(property: "privateKeyEnv" | "passphraseEnv" | "passwordEnv") {
  return ({ host, means, environment }: Access): Credential | undefined => {
    const name = means[property];
    if (name === undefined) return undefined;
    const value = environment[name];
    if (value) return { value, name: `$${name}` };
    throw new ConnectionError(`${host}: the environment variable ${name}, named by ${property}, is not set`, {
      host,
      phase: "auth",
      hint: "It is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
    });
  };
}

/** One of our own variables; an empty one counts as none, since that is how CI systems have those that are not set. */
function preset(kind: keyof typeof variables) {
  return ({ variables: own, environment }: Access): Credential | undefined => {
    const name = own[kind];
    const value = name && environment[name];
    return value ? { value, name: `$${name}` } : undefined;
  };
}

function inline(kind: keyof Secrets) {
  return ({ secrets }: Access): Credential | undefined => {
    const value = secrets[kind];
    return value ? { value, name: "the declaration" } : undefined;
  };
}

async function fileAt(
  { host, environment }: Access,
  path: string | undefined,
  origin: string,
): Promise<Credential | undefined> {
  if (path === undefined) return undefined;
  const refuse = (message: string, hint: string, cause?: unknown) =>
    new ConnectionError(`${host}: ${message}`, { host, phase: "auth", hint, cause });
  // A key in the place of its path must not get into the message.
  if (path.length > 255 || /\n|-----BEGIN|PuTTY-User-Key-File/.test(path)) {
    throw refuse(
      `${origin} is to be the path of a private key, and is not`,
      `The text itself belongs in ${variables.privateKey}, or in a variable that privateKeyEnv names.`,
    );
  }
  const file = expanded(path, environment);
  try {
    return { value: await readFile(file, "utf8"), name: path };
  } catch (error) {
    throw refuse(
      `the private key ${file}, named by ${origin}, ${problemOf(error)}`,
      "It is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
      error,
    );
  }
}

/** `~/` as in a shell; else from the folder in which the provider runs. */
export function expanded(path: string, environment: NodeJS.ProcessEnv): string {
  return resolve(path.replace(/^~(?=\/|$)/, () => environment.HOME || homedir()));
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EACCES: "may not be read by the user that runs Pulumi",
  EPERM: "may not be read by the user that runs Pulumi",
  EISDIR: "is a directory",
};

/** To follow the name of the file. */
export function problemOf(error: unknown): string {
  const { code = "no code" } = error as NodeJS.ErrnoException;
  return problems[code] ?? `cannot be read (${code})`;
}
