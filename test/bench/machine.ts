/** What a figure depends on: nothing that names the machine, its user or its folders. */
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { version as ownVersion } from "../../package.json";
import { execute } from "./execute";

export function machine(): Record<string, unknown> {
  return {
    platform: process.platform,
    architecture: process.arch,
    kernel: release(),
    processor: cpus()[0]?.model.trim(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

export async function versions(more: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  return {
    "pulumi-pginstance": ownVersion,
    node: process.versions.node,
    openssh: await openssh(),
    ...more,
  };
}

/** It says its version where other programs complain. */
async function openssh(): Promise<string> {
  const text = await execute("sh", ["-c", "ssh -V 2>&1"]);
  return /OpenSSH_([^ ,]+)/.exec(text)?.[1] ?? "unknown";
}
