/** OpenSSH's agent. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { until } from "../processes";
import { execute } from "./clients";
import { program } from "./programs";

export interface Agent {
  add(keyFile: string): Promise<void>;
  end(): Promise<void>;
}

/** Listens at a socket of that path. */
export async function sshAgent(socket: string): Promise<Agent> {
  const child = spawn(program("ssh-agent"), ["-D", "-a", socket], { stdio: "ignore" });
  const exited = once(child, "exit");
  await until("the agent listens", () => existsSync(socket));
  return {
    async add(keyFile) {
      const { code, stderr } = await execute(program("ssh-add"), ["-q", keyFile], {
        ...process.env,
        SSH_AUTH_SOCK: socket,
      });
      if (code !== 0) throw new Error(stderr);
    },
    async end() {
      child.kill();
      await exited;
    },
  };
}
