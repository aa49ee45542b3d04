/** How a test's program gets to the machine: here, over SSH, by the system's ssh, or over SSH through another host. */
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { nameOf } from "../../provider/host/ssh/login";
import { serverUser } from "./servers";
import { type Login, type TestHost, testHost } from "./ssh/host";

export type WayName = "local" | "ssh" | "openssh" | "jump";

export interface Way {
  /** As messages call the machine. */
  readonly where: string;
  /** Of an Instance. */
  readonly args: {
    readonly host?: Readonly<Partial<Record<"ssh" | "openssh", Readonly<Record<string, unknown>>>>>;
    readonly become?: object;
  };
  /** The machine, where it is another one. */
  readonly host?: TestHost;
  dispose(): Promise<void>;
}

/** Hosts of its own; their logins may become the servers' user by sudo. */
export async function openWay(name: WayName): Promise<Way> {
  if (name === "local") return { where: "this machine", args: {}, dispose: async () => undefined };
  const bastion = name === "jump" ? await testHost() : undefined;
  // Without root both are this machine, and nothing is behind anything.
  const host = await testHost({ behind: bastion?.isolated ? bastion : undefined });
  const login = await loginTo(host, "deploy");
  const jump = bastion && (await hopTo(bastion));
  const known = [host, bastion].flatMap((one) => (one ? [one.knownHosts] : []));
  const ssh = { ...hop(host, login), knownHosts: known, ...(jump && { jump: [jump] }) };
  return {
    where: nameOf({ host: host.address, port: host.port }),
    args: {
      host: name === "openssh" ? { openssh: await byConfiguration(host, login) } : { ssh },
      ...(host.isolated && { become: { method: "sudo" } }),
    },
    host,
    async dispose() {
      await host.dispose();
      await bastion?.dispose();
    },
  };
}

/** All but the address is said by a configuration, and none of it by the user's own. */
export async function byConfiguration(
  { folder, address, port, knownHosts }: Pick<TestHost, "folder" | "address" | "port" | "knownHosts">,
  { name, keyFile }: Login,
) {
  const configFile = join(folder, `config_${name}`);
  const lines = [
    `User ${name}`,
    `IdentityFile ${keyFile}`,
    "IdentityAgent none",
    `UserKnownHostsFile ${knownHosts}`,
    "GlobalKnownHostsFile /dev/null",
  ];
  await writeFile(configFile, `${lines.join("\n")}\n`);
  return { host: address, port, configFile };
}

/** Without root there is only the tests' own user, who is the servers' too. */
export function loginTo(host: TestHost, name: string): Promise<Login> {
  if (!host.isolated) return host.login(userInfo().username);
  return host.login(name, { shell: "/bin/bash", sudo: [`${name} ALL=(${serverUser()}) NOPASSWD: ALL`] });
}

/** Of a way: the host, with a login of that name. */
export async function hopTo(host: TestHost, login = "jump") {
  return hop(host, await loginTo(host, login));
}

function hop({ address, port }: TestHost, { name, keyFile }: Login) {
  return { host: address, port, user: name, privateKeyFile: keyFile };
}
