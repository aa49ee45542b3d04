/** The thread of a client: asks the server again and again, connects again when it is cut off, and knows its longest wait. */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Client as PgClient } from "pg";

export interface Client {
  /** The folder of its socket. */
  readonly host: string;
  readonly port: number;
}

/** Sent twice: at the first answer, and at the first answer after it was told to end. */
export interface Gap {
  readonly milliseconds: number;
}

async function watch(address: Client): Promise<void> {
  let ended = false;
  parentPort?.once("message", () => {
    ended = true;
  });
  let answered: number | undefined;
  let longest = 0;
  let client: PgClient | undefined;
  const tell = () => parentPort?.postMessage({ milliseconds: longest } satisfies Gap);
  for (;;) {
    try {
      client ??= await connected(address);
      const last = ended;
      await client.query("SELECT 1");
      const now = performance.now();
      if (answered === undefined) tell();
      else longest = Math.max(longest, now - answered);
      answered = now;
      if (last) break;
    } catch {
      client = undefined;
    }
    await sleep(1);
  }
  tell();
  await client?.end();
}

async function connected(address: Client): Promise<PgClient> {
  const client = new PgClient({
    ...address,
    user: "probe",
    database: "postgres",
    connectionTimeoutMillis: 1000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

watch(workerData as Client);
