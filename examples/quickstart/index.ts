import { Config } from "@pulumi/pulumi";
import { Instance } from "pulumi-pginstance";

const config = new Config();

const main = new Instance("main", {
  version: config.require<"14" | "15" | "16" | "17" | "18">("version"),
  port: config.requireNumber("port"),
  settings: {
    work_mem: config.require("work_mem"),
    max_connections: 50,
  },
  // Found by themselves when left out; `npm run quickstart` sets them to keep its server apart.
  binDirectory: config.get("binDirectory"),
  dataDirectory: config.get("dataDirectory"),
  owner: config.get("owner"),
  // For a trial that ends with `pulumi destroy`. Production keeps the default, true.
  deletionProtection: false,
});

export const uri = main.uri;
export const dataDirectory = main.dataDirectory;
export const serverVersion = main.serverVersion;
