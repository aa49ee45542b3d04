/** What an application sees of a downtime: a client that writes a row every 5 ms and connects again when it is cut off. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

export interface Address {
  /** The folder of its socket: it is there whatever network the server is in. */
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

export interface Downtime {
  /** The longest time between two writes that were committed. */
  readonly milliseconds: number;
  readonly written: number;
}

/** Runs the body while a client writes; every row that it was told to be committed must be there after. */
export async function downtimeOf(address: Address, body: () => Promise<void>): Promise<Downtime> {
  let isOver = false;
  let written = 0;
  let longest = 0;
  let client: Client | undefined;
  let last = 0;
  const writeOne = async () => {
    client ??= await connected(address);
    if (written === 0) {
      await client.query("DROP TABLE IF EXISTS public.heartbeat; CREATE TABLE public.heartbeat (n int)");
    }
    await client.query("INSERT INTO public.heartbeat VALUES ($1)", [written]);
    const now = performance.now();
    if (last > 0) longest = Math.max(longest, now - last);
    last = now;
    written += 1;
  };
  await writeOne();
  const writing = (async () => {
    for (;;) {
      const isLast = isOver;
      try {
        await writeOne();
        if (isLast) return;
      } catch {
        client = undefined;
      }
      await sleep(5);
    }
  })();
  try {
    await body();
  } finally {
    isOver = true;
    await Promise.race([writing, sleep(10_000)]);
  }
  const kept = await client?.query("SELECT count(DISTINCT n)::int AS kept FROM public.heartbeat");
  await client?.end();
  if (kept?.rows[0]?.kept !== written) {
    throw new Error(`${written} rows were committed, and ${kept?.rows[0]?.kept} are there`);
  }
  return { milliseconds: Math.round(longest), written };
}

async function connected(address: Address): Promise<Client> {
  const client = new Client({ ...address, user: "probe", database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
