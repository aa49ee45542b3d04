/** Configurations of ssh, one a row of a table. */
import { join } from "node:path";
import type { Properties } from "../../../provider/schema/check";
import { execute } from "./clients";
import type { TestHost } from "./host";
import type { Given, WaysIn } from "./ways-in";

let count = 0;

/**
 * The way by the system's ssh with these lines, and with the key of a login of the host where they name none; no file of
 * the machine's own users counts. `/keys/` stands for the folder of the host.
 */
export async function configured(
  ways: WaysIn,
  lines: readonly string[],
  more: Properties = {},
): Promise<Given> {
  return { openssh: { configFile: await configFile(ways, lines), ...more } };
}

/** The same by the transport ssh, which is told of nothing else either. */
export async function configuredHere(
  ways: WaysIn,
  lines: readonly string[],
  more: Properties = {},
): Promise<Given> {
  return { ssh: { configFile: await configFile(ways, lines), ...more } };
}

async function configFile(ways: WaysIn, lines: readonly string[]): Promise<string> {
  const { folder, knownHosts } = ways.host;
  const usual = {
    User: "postgres",
    IdentityFile: join(folder, "key_postgres"),
    IdentityAgent: "none",
    UserKnownHostsFile: knownHosts,
    GlobalKnownHostsFile: "/dev/null",
  };
  const said = lines.map((line) => line.replaceAll("/keys/", `${folder}/`));
  const rest = Object.entries(usual).filter(([name]) => !said.some((line) => line.startsWith(`${name} `)));
  const text = [...said, "Match all", ...rest.map((line) => line.join(" ")), ""].join("\n");
  const file = await ways.write(`config${count++}`, text);
  ways.call(file, "/config");
  return file;
}

const block = (name: string, { folder, address }: TestHost, user: string) => [
  `Host ${name}`,
  `HostName ${address}`,
  `User ${user}`,
  `IdentityFile ${folder}/key_${user}`,
];

/** The lines for `db2` behind two jumps of other logins, after these, since the first value of an option counts. */
export const overJumps = (
  { jump, inner, db2 }: Readonly<Record<"jump" | "inner" | "db2", TestHost>>,
  lines: readonly string[],
): string[] => [
  ...lines,
  ...block("db2", db2, "postgres"),
  "ProxyJump jump,inner",
  ...block("jump", jump, "passing"),
  ...block("inner", inner, "passing"),
  "Host *",
  "UserKnownHostsFile /keys/all",
];

export async function keygen(...words: readonly string[]): Promise<void> {
  const made = await execute("ssh-keygen", ["-q", ...words]);
  if (made.code !== 0) throw new Error(made.stderr);
}

/** Of `known_hosts`. */
export const knownAs = (host: TestHost, key: string) => `${host.address} ${key}\n`;
