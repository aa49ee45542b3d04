/** Configurations of ssh as they are read here, beside what ssh itself says that it understands (`ssh -G`). */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostNameOf, readConfigFile, type Wanted } from "../../../../provider/host/ssh/config-file";
import { portOf, secondsOf } from "../../../../provider/host/ssh/config-values";
import { execute } from "../../../support/ssh/clients";
import { program } from "../../../support/ssh/programs";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgi-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What both say of a host, as ssh prints it. */
type Understood = Readonly<Record<string, string | undefined>>;

async function byUs(file: string, wanted: Wanted): Promise<Understood> {
  const found = await readConfigFile(file, wanted);
  const words = (keyword: string) => found.get(keyword)?.[0]?.words.join(" ");
  const proxy = found.get("proxy")?.[0];
  const isJump = proxy?.keyword === "proxyjump";
  return {
    hostname: hostNameOf(wanted.host, found),
    port: String(wanted.port ?? portOf(found.get("port")?.[0]) ?? 22),
    user: wanted.user ?? words("user") ?? userInfo().username,
    identityfile: found
      .get("identityfile")
      ?.map(({ words: [word] }) => word)
      .join(" "),
    identitiesonly: words("identitiesonly")?.toLowerCase() ?? "no",
    identityagent: words("identityagent"),
    proxyjump: isJump && proxy.words[0] !== "none" ? proxy.words.join(" ") : undefined,
    proxycommand: proxy?.keyword === "proxycommand" ? proxy.words.join(" ") : undefined,
    userknownhostsfile: words("userknownhostsfile"),
    globalknownhostsfile: words("globalknownhostsfile"),
    hostkeyalias: words("hostkeyalias"),
    connecttimeout: String(secondsOf(found.get("connecttimeout")?.[0]) ?? "none"),
    serveraliveinterval: String(secondsOf(found.get("serveraliveinterval")?.[0]) ?? 0),
  };
}

async function bySsh(
  file: string,
  { host, port, user }: Wanted,
  names: readonly string[],
): Promise<Understood> {
  const words = [
    ...(port === undefined ? [] : ["-p", `${port}`]),
    ...(user === undefined ? [] : ["-l", user]),
  ];
  const { code, stdout, stderr } = await execute(program("ssh"), ["-G", "-F", file, ...words, "--", host]);
  if (code !== 0) throw new Error(stderr);
  const lines = stdout.split("\n").map((line) => line.split(/ (.*)/s));
  const all = (name: string) => lines.filter(([first]) => first === name).map(([, value]) => value);
  return Object.fromEntries(
    names.map((name) => [name, all(name).length > 0 ? all(name).join(" ") : undefined]),
  );
}

const me = userInfo().username;

type Row = [what: string, text: string, wanted?: Partial<Wanted>];

const rows: readonly Row[] = [
  ["nothing", ""],
  ["comments and empty lines", "# a\n\n   # b\n\nPort 7 # behind\n"],
  ["keywords in any case, and both ways to separate", "PORT=7\nuSeR = deploy\nhostname\t10.0.0.7\n"],
  ["the first value", "Port 7\nPort 8\nHost *\n Port 9\n"],
  ["a general block first", "Host *\n  User general\nHost db1\n  User special\n"],
  ["a special block first", "Host db1\n  User special\nHost *\n  User general\n"],
  ["patterns", "Host web* db? !db2\n  User one\nHost *\n  User two\n"],
  ["an excluded name", "Host * !db1\n  User one\nHost db*\n  User two\n"],
  ["a name in another case", "Host DB1\n  User one\n"],
  ["quotes", 'User "deploy"\nIdentityFile "/keys/a b"\nHost "db1"\n  Port 7\n'],
  ["key files that add up", "IdentityFile /keys/a\nHost db1\n IdentityFile /keys/b\n IdentityFile /keys/a\n"],
  ["the name of the host in its HostName", "HostName %h.example.com\n"],
  ["ProxyJump before ProxyCommand", "ProxyJump a,deploy@b:7\nProxyCommand nc %h %p\n"],
  ["ProxyCommand before ProxyJump", "ProxyCommand nc %h %p\nProxyJump a\n"],
  ["no ProxyJump", "ProxyJump none\nHost *\nProxyJump a\n"],
  ["times", "ConnectTimeout 1m30s\nServerAliveInterval 15\n"],
  ["known hosts", "UserKnownHostsFile /keys/a /keys/b\nGlobalKnownHostsFile /keys/c\nHostKeyAlias orders\n"],
  ["agents", "IdentityAgent /run/agent\nIdentitiesOnly yes\n"],
  ["what the program says", "Port 7\nUser deploy\n", { port: 8, user: "admin" }],
  ["Match all", "Match all\n  User one\n"],
  ["Match host", "HostName 10.0.0.7\nMatch host 10.0.0.*\n  User one\n"],
  ["Match host before the name is said", "Match host 10.0.0.7\n  User one\nHost *\nHostName 10.0.0.7\n"],
  ["Match originalhost", "HostName 10.0.0.7\nMatch originalhost db1\n  User one\n"],
  ["Match with several names", "Match originalhost web1,db1\n  User one\n"],
  ["Match with an excluded name", "Match originalhost db*,!db1\n  User one\n"],
  ["Match with a negation", "Match !originalhost web1\n  User one\n"],
  ["Match user", "Match user deploy\n  Port 7\n", { user: "deploy" }],
  ["Match user of the file", "User deploy\nMatch user deploy\n  Port 7\n"],
  ["Match localuser", `Match localuser ${me}\n  Port 7\n`],
  [
    "Match of several criteria",
    "Match originalhost db1 user nobody\n  Port 7\nMatch originalhost db1 localuser *\n Port 8\n",
  ],
  ["Match final", "Match final\n  Port 7\nHost db1\n  HostName 10.0.0.7\n"],
  [
    "Match final, and the name by then",
    "Match final host 10.0.0.7\n  Port 7\nHost db1\n  HostName 10.0.0.7\nIdentityFile /keys/a\n",
  ],
  ["Include", "Include FOLDER/one\nPort 9\n"],
  ["Include of what is not there", "Include FOLDER/nowhere\nPort 9\n"],
  ["Include by a pattern", "Include FOLDER/parts/*.conf\n"],
  ["Include of several", "Include FOLDER/parts/b.conf FOLDER/one\n"],
  ["Include under a block that is for others", "Host web1\n  Include FOLDER/one\nHost *\n  Port 9\n"],
  ["Include that has blocks of its own", "Host db1\n  Include FOLDER/blocks\n  User inside\n"],
];

const files = {
  one: "Port 7\n",
  blocks: "Host web1\n  User web\nHost db1\n  Port 8\n",
  "parts/a.conf": "Port 11\n",
  "parts/b.conf": "Port 12\nUser b\n",
  "parts/c.off": "Port 13\n",
  "parts/.d.conf": "Port 14\n",
};

describe("a configuration of ssh", () => {
  beforeAll(async () => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
  });

  it.each<Row>(rows)("with %s is read as ssh reads it", async (_, text, more) => {
    const file = join(folder, "config");
    await writeFile(file, text.replaceAll("FOLDER", folder));
    const wanted = { host: "db1", ...more };
    const ours = await byUs(file, wanted);
    const theirs = await bySsh(file, wanted, Object.keys(ours));
    // Where the file says nothing, ssh shows its own default.
    const unsaid = await bySsh("/dev/null", wanted, Object.keys(ours));
    const said = Object.entries(ours).map(([name, value]) => [name, value ?? unsaid[name]]);
    expect(Object.fromEntries(said)).toEqual(theirs);
  });
});
