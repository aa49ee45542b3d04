import { Config } from "@pulumi/pulumi";
import { Instance } from "pulumi-pginstance";

const config = new Config();
const version = config.require<"14" | "15" | "16" | "17" | "18">("version");
const user = config.require("user");
const password = config.requireSecret("replicatorPassword");
const [primaryHost, standbyHost] = [config.require("primaryHost"), config.require("standbyHost")];

const primary = new Instance("primary", {
  host: { ssh: { host: primaryHost, user } },
  version,
  settings: { listen_addresses: "*" },
  restartOnChanges: true,
  // The standby logs in as this role, from that machine; `all` in a record does not mean replication.
  replicationRole: { name: "replicator", password },
  hba: {
    standby: {
      type: "host",
      database: "replication",
      user: "replicator",
      address: standbyHost,
      method: "scram-sha-256",
    },
  },
});

const standby = new Instance("standby", {
  host: { ssh: { host: standbyHost, user } },
  version,
  settings: { listen_addresses: "*" },
  restartOnChanges: true,
  standby: { primary, password, status: config.require<"streaming" | "promoted">("status") },
});

export const primaryUri = primary.uri;
export const standbyUri = standby.uri;
export const standbyRole = standby.role;
