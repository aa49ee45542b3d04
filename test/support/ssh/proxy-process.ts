/** The proxy in a process of its own, for tests that block theirs and need a network meanwhile. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { readsTypeScript } from "./plain-node";
import type { Boundary, Counters, ProxyOptions, Target, TcpProxy } from "./proxy";

export interface ProxyProcess {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  seen(): Promise<{ readonly counters: Counters; readonly boundaries: readonly Boundary[] }>;
  tell<K extends "cut" | "cutAfter" | "halfOpen" | "resume" | "resetCounters">(
    method: K,
    ...args: Parameters<TcpProxy[K]>
  ): Promise<void>;
  close(): Promise<void>;
}

/** Every message is a call, and has one answer; the end of the tests' process is its own. */
const program = `${readsTypeScript}
const { tcpProxy } = require(${JSON.stringify(join(__dirname, "proxy.ts"))});
let proxy;
process.on("message", async ([method, args]) => {
  if (method === "listen") proxy = await tcpProxy(...args);
  else if (method !== "seen") await proxy[method](...args);
  const { host, port, counters, boundaries } = proxy;
  process.send({ host, port, counters, boundaries });
});
process.on("disconnect", () => process.exit());
`;

export async function proxyProcess(target: Target, options: ProxyOptions = {}): Promise<ProxyProcess> {
  const child = spawn(process.execPath, ["-e", program], {
    cwd: __dirname,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const ask = async (method: string, args: readonly unknown[] = []) => {
    child.send([method, args]);
    const answer = await Promise.race([once(child, "message"), exited.then(() => undefined)]);
    if (answer === undefined) throw new Error("the proxy's process has ended");
    return answer[0];
  };
  const { host, port } = await ask("listen", [target, options]);
  return {
    ...{ host, port, pid: child.pid as number },
    seen: () => ask("seen"),
    tell: async (method, ...args) => void (await ask(method, args)),
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
