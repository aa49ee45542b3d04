/** How a test's program gets to the machine: here, over SSH, or over SSH through another host. */
import { userInfo } from "node:os";
import { serverUser } from "./servers";
import { type Login, type TestHost, testHost } from "./ssh/host";

export const ways = ["local", "ssh", "jump"] as const;
export type WayName = (typeof ways)[number];

export interface Way {
  /** As messages call the machine. */
  readonly where: string;
  /** The args of an Instance. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The machine, where it is another one. */
  readonly host?: TestHost;
  dispose(): Promise<void>;
}

/** Hosts of its own; the login of the last may become the servers' user by sudo. */
export async function openWay(name: WayName): Promise<Way> {
  if (name === "local") return { where: "this machine", args: {}, dispose: async () => undefined };
  const bastion = name === "jump" ? await testHost() : undefined;
  const host = await testHost({ behind: bastion });
  const login = await loginTo(host, "deploy");
  const jump = bastion && (await hopTo(bastion));
  const known = [host, bastion].flatMap((one) => (one ? [one.knownHosts] : []));
  const ssh = { ...hop(host, login), knownHosts: known, ...(jump && { jump: [jump] }) };
  return {
    where: `${host.address.includes(":") ? `[${host.address}]` : host.address}${host.port === 22 ? "" : `:${host.port}`}`,
    args: { host: { ssh }, ...(host.isolated && { become: { method: "sudo" } }) },
    host,
    async dispose() {
      await host.dispose();
      await bastion?.dispose();
    },
  };
}

/** Without root there is only the tests' own user, who is the servers' too. */
function loginTo(host: TestHost, name: string): Promise<Login> {
  if (!host.isolated) return host.login(userInfo().username);
  return host.login(name, { shell: "/bin/bash", sudo: [`${name} ALL=(${serverUser()}) NOPASSWD: ALL`] });
}

async function hopTo(host: TestHost) {
  return hop(host, await loginTo(host, "jump"));
}

function hop({ address, port }: TestHost, { name, keyFile }: Login) {
  return { host: address, port, user: name, privateKeyFile: keyFile };
}
