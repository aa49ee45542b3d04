/** With what to log in to a host, in the order in which it is tried. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { userInfo } from "node:os";
import type { AnyAuthMethod } from "ssh2";
import { ConnectionError } from "../../errors";
import { type Access, type Credential, credential, expanded, problemOf, variables } from "./credentials";
import { type Hop, type Means, nameOf, type Secrets } from "./login";
import { type Refusal, readPrivateKey, reasonOf, refusedKey } from "./private-key";

export interface Authentication {
  readonly user: string;
  /** For ssh2's `authHandler`, which sends nothing else, no request of type "none" either. */
  readonly methods: AnyAuthMethod[];
  /** For messages, one a method, as in "key of ~/.ssh/deploy", "agent", "password of $DB1_PASSWORD". */
  readonly tried: string[];
  /** What has to be masked in messages. */
  readonly secrets: string[];
}

/**
 * The means of the host where the instance is: one key, the agent, one password, in this order, as far as there are
 * any. Each of key, passphrase and password is the first that is there of:
 *
 * 1. what the declaration refers to: privateKeyFile, then privateKeyEnv; passphraseEnv; passwordEnv;
 * 2. the environment: PGINSTANCE_SSH_PRIVATE_KEY, then PGINSTANCE_SSH_PRIVATE_KEY_FILE; PGINSTANCE_SSH_PASSPHRASE;
 *    PGINSTANCE_SSH_PASSWORD;
 * 3. what the declaration holds, and the state with it: privateKey; passphrase; password.
 *
 * An agent is asked when one is declared. When there is no key, agent or password at all, it is as with ssh: the agent
 * of SSH_AUTH_SOCK unless `agent` is false, then those of ~/.ssh/id_ed25519, id_ecdsa and id_rsa that can be read with
 * the passphrase, if there is one. Everything is looked up anew at each call, where the provider runs.
 */
export function authenticationOf(
  hop: Hop,
  secrets: Secrets | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<Authentication> {
  const { configured } = hop;
  return authentication(
    { host: nameOf(hop), means: hop, secrets: secrets ?? {}, variables, environment, configured },
    hop,
  );
}

/**
 * The means of a host on the way. The PGINSTANCE_SSH_* variables are not for it when it has means of its own. When it
 * has none, the key and the agent of the target open it as well; never the password, since a host that gets one knows
 * it. A target without key and agent leaves the jump with what ssh has by itself.
 */
export function jumpAuthenticationOf(
  jump: Hop,
  secrets: Secrets | undefined,
  target: Hop & Secrets,
  environment: NodeJS.ProcessEnv,
): Promise<Authentication> {
  const host = nameOf(jump);
  const { configured } = jump;
  const own: Access = { host, means: jump, secrets: secrets ?? {}, variables: {}, environment, configured };
  return authentication(hasMeans(own) ? own : inherited(own, target), jump);
}

function hasMeans({ means, secrets, configured }: Access): boolean {
  const { agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv } = means;
  const { privateKey, passphrase, password } = secrets;
  const referred = [agent, privateKeyFile, privateKeyEnv, passphraseEnv, passwordEnv];
  const ofFile = [configured?.identityFiles?.length, configured?.agent];
  return [...referred, privateKey, passphrase, password, ...ofFile].some(Boolean);
}

function inherited(jump: Access, target: Means & Secrets): Access {
  const { agent, privateKeyFile, privateKeyEnv, passphraseEnv, privateKey, passphrase } = target;
  return {
    ...jump,
    means: { agent: jump.means.agent ?? agent, privateKeyFile, privateKeyEnv, passphraseEnv },
    secrets: { privateKey, passphrase },
    variables: { ...variables, password: undefined },
  };
}

/** A method, how messages call it, and what it must not show. */
interface Way {
  readonly method: AnyAuthMethod;
  readonly name: string;
  readonly secrets: readonly string[];
}

async function authentication(access: Access, { user: declared }: Hop): Promise<Authentication> {
  const user = declared ?? runningUser(access.host);
  const own = [await key(access, user), await agent(access, user), await password(access, user)];
  const given = own.filter((way) => way !== undefined);
  const ways = given.length > 0 ? given : await usual(access, user);
  return {
    user,
    methods: ways.map((way) => way.method),
    tried: ways.map((way) => way.name),
    secrets: ways.flatMap((way) => way.secrets),
  };
}

/** Fails where the system has no name for the user's number, as in some containers. */
function runningUser(host: string): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new ConnectionError(`${host}: the user that runs Pulumi has no name here`, {
      host,
      phase: "auth",
      hint: "Declare `user`, the one to log in as.",
      cause,
    });
  }
}

async function key(access: Access, username: string): Promise<Way | undefined> {
  const found = await credential("privateKey", access);
  if (!found) return undefined;
  const passphrase = await credential("passphrase", access);
  const way = keyWay(found, passphrase, username);
  if (typeof way !== "string") return way;
  const by = way === "passphraseWrong" ? `, with the passphrase of ${passphrase?.name},` : "";
  throw refusedKey(access.host, `key of ${found.name}${by}`, way);
}

function keyWay(found: Credential, passphrase: Credential | undefined, username: string): Way | Refusal {
  const read = readPrivateKey(found.value, passphrase?.value);
  if (typeof read === "string") return read;
  return {
    method: { type: "publickey", username, key: read },
    name: `key of ${found.name}`,
    secrets: [found.value.trim(), ...(passphrase ? [passphrase.value] : [])],
  };
}

async function password(access: Access, username: string): Promise<Way | undefined> {
  const found = await credential("password", access);
  return (
    found && {
      method: { type: "password", username, password: found.value },
      name: `password of ${found.name}`,
      secrets: [found.value],
    }
  );
}

async function agent(access: Access, username: string): Promise<Way | undefined> {
  const { host, means } = access;
  if (!means.agent) return undefined;
  const way = await agentAt(means.agent === true ? undefined : means.agent, access, username);
  if (typeof way !== "string") return way;
  throw new ConnectionError(`${host}: no agent: ${way}`, {
    host,
    phase: "auth",
    hint: 'Start one where Pulumi runs (eval "$(ssh-agent)", then ssh-add), or declare `privateKeyFile` instead.',
  });
}

const usualFiles = ["id_ed25519", "id_ecdsa", "id_rsa"].map((file) => `~/.ssh/${file}`);

/** What ssh tries when it is told nothing, or by its configuration alone. */
async function usual(access: Access, username: string): Promise<Way[]> {
  const { host, means, configured } = access;
  const passphrase = await credential("passphrase", access);
  const files = configured?.identityFiles ?? usualFiles;
  const isWithout = means.agent === false || configured?.agent === false;
  const candidates = [
    isWithout ? noAgent(means) : await agentAt(configured?.agent || undefined, access, username),
    ...(await Promise.all(files.map((file) => identity(file, passphrase, access, username)))),
  ];
  const ways = candidates.filter((candidate) => typeof candidate !== "string");
  if (ways.length > 0) return ways;
  throw new ConnectionError(`${host}: nothing to log in with as ${username}: ${candidates.join("; ")}`, {
    host,
    phase: "auth",
    hint: `Declare \`privateKeyFile\`, \`agent: true\` or \`passwordEnv\`, or set ${variables.privateKeyFile}.`,
  });
}

const noAgent = ({ agent }: Means) =>
  agent === false ? "agent is false" : "the configuration wants no agent (IdentityAgent, IdentitiesOnly)";

/** The way, or why there is none. */
async function agentAt(
  declared: string | undefined,
  { environment }: Access,
  username: string,
): Promise<Way | string> {
  const socket = declared ?? environment.SSH_AUTH_SOCK;
  if (!socket) return "SSH_AUTH_SOCK is not set";
  const path = process.platform === "win32" ? socket : expanded(socket, environment);
  const problem = await silence(path);
  return problem
    ? `nothing answers at ${path}${declared ? "" : ", which SSH_AUTH_SOCK names"} (${problem})`
    : { method: { type: "agent", username, agent: path }, name: "agent", secrets: [] };
}

/** Why nobody listens at a socket; what an agent is in Windows, only ssh2 knows. */
function silence(path: string): Promise<string | undefined> {
  if (process.platform === "win32") return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown reason"));
  });
}

/** The way, or why there is none. */
async function identity(
  name: string,
  passphrase: Credential | undefined,
  { environment }: Access,
  username: string,
): Promise<Way | string> {
  try {
    const value = await readFile(expanded(name, environment), "utf8");
    const way = keyWay({ value, name }, passphrase, username);
    return typeof way === "string" ? `${name} ${reasonOf(way)}` : way;
  } catch (error) {
    return `${name} ${problemOf(error)}`;
  }
}
