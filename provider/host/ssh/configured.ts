/** The way to a host with what a configuration of ssh says of it: all that the program does not declare itself. */
import { ConnectionError } from "../../errors";
import { at, ConfigFileError, type Found, hostNameOf, readConfigFile } from "./config-file";
import { agentOf, jumpsOf, type Names, pathsOf, portOf, secondsOf } from "./config-values";
import { expanded } from "./credentials";
import { type Configured, type Hop, nameOf, type SshArgs } from "./login";

/** Read anew at each call. @throws ConnectionError that names file and line */
export async function configured(args: SshArgs): Promise<SshArgs> {
  if (args.configFile === undefined) return args;
  const file = expanded(args.configFile, process.env);
  try {
    const { hop, jumps } = await lookedUp(file, args);
    const jump = await wayOver(file, args.jump ?? jumps());
    return { ...hop, ...(jump.length > 0 && { jump }) };
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    const host = nameOf(args);
    throw new ConnectionError(`${host}: ${error.message}`, {
      host,
      phase: "connect",
      cause: error,
      hint: "Correct the file of `configFile`, declare in the program what it is to say, or declare `openssh` in place of `ssh`: that runs the ssh of where Pulumi runs, which can do all of it.",
    });
  }
}

const most = 8;

/** Each looked up in the same file; the first may have jumps of its own before it. */
async function wayOver(file: string, jumps: readonly Hop[]): Promise<Hop[]> {
  const way: Hop[] = [];
  let left = [...jumps];
  for (let next = left.pop(); next; next = left.pop()) {
    if (way.length === most) throw new ConfigFileError(`${file}: more than ${most} jumps`);
    const { hop, jumps: before } = await lookedUp(file, next);
    way.unshift(hop);
    if (left.length === 0) left = before();
  }
  return way;
}

/** What this transport cannot do, or would do otherwise than the file wants it. */
const refused: readonly (readonly [keyword: string, harmless: RegExp])[] = [
  ["certificatefile", /^none$/i],
  ["pkcs11provider", /^none$/i],
  ["knownhostscommand", /^none$/i],
  ["revokedhostkeys", /^none$/i],
  ["canonicalizehostname", /^no$/i],
];

async function lookedUp<H extends Hop>(file: string, hop: H) {
  const found = await readConfigFile(file, hop);
  for (const [keyword, harmless] of refused) {
    const entry = found.get(keyword)?.find(({ words: [word = ""] }) => !harmless.test(word));
    if (entry) throw at(entry, `${entry.spelling} is not for the transport ssh`);
  }
  const [user] = hop.user === undefined ? (found.get("user")?.[0]?.words ?? []) : [hop.user];
  const port = hop.port ?? portOf(found.get("port")?.[0]) ?? 22;
  const alias = found.get("hostkeyalias")?.[0]?.words[0];
  const names: Names = { name: hop.host, host: hostNameOf(hop.host, found), port, user, alias };
  return {
    hop: { ...hop, ...(user !== undefined && { user }), configured: configuredAs(names, found) },
    jumps: () => jumpsOf(found.get("proxy")?.[0], names),
  };
}

function configuredAs(names: Names, found: Found): Configured {
  const first = (keyword: string) => found.get(keyword)?.[0];
  const files = (keyword: string) => found.get(keyword)?.flatMap((entry) => pathsOf(entry, names));
  const isOnlyIdentities = first("identitiesonly")?.words[0]?.toLowerCase() === "yes";
  return {
    host: names.host,
    port: names.port,
    alias: names.alias,
    identityFiles: files("identityfile"),
    agent: isOnlyIdentities ? false : agentOf(first("identityagent"), names),
    userKnownHosts: files("userknownhostsfile"),
    globalKnownHosts: files("globalknownhostsfile"),
    connectTimeout: secondsOf(first("connecttimeout")),
    keepAlive: secondsOf(first("serveraliveinterval")),
  };
}
