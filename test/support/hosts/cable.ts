/** A cable between two booted hosts, beside those that both have to this machine. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { program, searchPath } from "../ssh/programs";
import type { BootedHost } from "./booted";

type End = Pick<BootedHost, "name" | "address">;

export interface Cable {
  /** Nothing arrives any more, and nobody is told. This machine reaches both as before. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** From then on each reaches the other by its one address. Lasts over reboots, and ends with either host. */
export async function cableBetween(one: End, other: End): Promise<Cable> {
  const plug = (to: End) => `to-${to.name}`;
  await ip(
    "link",
    "add",
    plug(other),
    "netns",
    one.name,
    "type",
    "veth",
    "peer",
    plug(one),
    "netns",
    other.name,
  );
  const ends = [
    [one, other],
    [other, one],
  ] as const;
  const each = async (what: (from: End, to: End) => Promise<void>) => {
    for (const [from, to] of ends) await what(from, to);
  };
  const mend = async () => {
    await each((from, to) => ip("-n", from.name, "link", "set", plug(to), "up"));
    // A cable that was down has lost its routes.
    await each((from, to) =>
      ip("-n", from.name, "route", "replace", to.address, "dev", plug(to), "src", from.address),
    );
  };
  await mend();
  return {
    mend,
    cut: () => each((from, to) => ip("-n", from.name, "route", "replace", "blackhole", to.address)),
  };
}

async function ip(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(program("ip"), args, { env: { PATH: searchPath } });
}
