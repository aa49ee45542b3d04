/** A host that still hears and is heard no more, as when a firewall drops its packets. */
import type { TestHost } from "./interface";

/** While `body` runs, nothing that the host sends to the other end of its network arrives. */
export async function inTheDark<T>({ address, run }: TestHost, body: () => Promise<T>): Promise<T> {
  const other = address.replace(/\d+$/, (last) => `${Number(last) - 1}`);
  const route = async (verb: "add" | "del") => {
    const { code, stderr } = await run(["ip", "route", verb, "blackhole", other]);
    if (code !== 0) throw new Error(`ip: ${stderr}`);
  };
  await route("add");
  try {
    return await body();
  } finally {
    await route("del");
  }
}
