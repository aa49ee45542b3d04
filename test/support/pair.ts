/** Two machines with a network between them, and how a program gets to each; without root both are this machine. */
import { nameOf } from "../../provider/host/ssh/login";
import { testHost } from "./ssh/host";
import { hopTo } from "./way";

export interface Member {
  /** As messages call it. */
  readonly where: string;
  /** What the other one reaches it by. */
  readonly address: string;
  /** Of an Instance. */
  readonly args: Readonly<Record<string, unknown>>;
}

export interface Pair {
  readonly first: Member;
  /** Behind the first: the cable between them is the only way to it. */
  readonly second: Member;
  dispose(): Promise<void>;
}

export async function openPair(): Promise<Pair> {
  const near = await testHost();
  const far = await testHost({ behind: near.isolated ? near : undefined });
  const hops = await Promise.all([near, far].map((host) => hopTo(host, "deploy")));
  const become = near.isolated && { become: { method: "sudo" } };
  const knownHosts = [near.knownHosts, far.knownHosts];
  const jump = near.isolated ? { jump: [hops[0]] } : {};
  return {
    first: {
      where: nameOf({ host: near.address, port: near.port }),
      address: near.isolated ? otherEnd(far.address) : near.address,
      args: { host: { ssh: { ...hops[0], knownHosts } }, ...become },
    },
    second: {
      where: nameOf({ host: far.address, port: far.port }),
      address: far.address,
      args: { host: { ssh: { ...hops[1], knownHosts, ...jump } }, ...become },
    },
    async dispose() {
      await far.dispose();
      await near.dispose();
    },
  };
}

/** Of a cable with four addresses: the one before. */
function otherEnd(address: string): string {
  return address.replace(/\d+$/, (last) => String(Number(last) - 1));
}
