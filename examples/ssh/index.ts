import { Config } from "@pulumi/pulumi";
import { Instance } from "pulumi-pginstance";

const config = new Config();

const machine = {
  host: config.require("host"),
  port: config.getNumber("sshPort"),
  user: config.require("user"),
  // For what is not declared, as `ssh -F`; by openssh ~/.ssh/config without it.
  configFile: config.get("sshConfig"),
};

const orders = new Instance("orders", {
  host: config.getBoolean("openssh")
    ? { openssh: machine }
    : {
        ssh: {
          ...machine,
          // Read where Pulumi runs; no state holds the key. Without it: the agent, then the usual keys.
          privateKeyFile: config.get("privateKeyFile"),
          // In place of those of the user who runs Pulumi; a host that none of them knows is refused.
          knownHosts: config.getObject<string[]>("knownHosts"),
        },
      },
  version: config.require<"14" | "15" | "16" | "17" | "18">("version"),
  port: config.getNumber("port"),
  settings: {
    shared_buffers: "25%",
    max_connections: 200,
  },
  // Found by themselves when left out.
  binDirectory: config.get("binDirectory"),
  dataDirectory: config.get("dataDirectory"),
  owner: config.get("owner"),
  // Production keeps the default, true; then `pulumi destroy` is refused.
  deletionProtection: config.getBoolean("deletionProtection"),
});

export const uri = orders.uri;
export const serverVersion = orders.serverVersion;
