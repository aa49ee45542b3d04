import * as pulumi from "@pulumi/pulumi";
import type { InstanceListItem, InstanceStatus } from "../provider/instances";
import type { Become, HostArgs } from "./host";

/**
 * Look-ups: what is on a host, asked in the program itself, at preview as at update. They change nothing and take no
 * lock, and need what the provider needs to get to the host. No secret is in any result.
 */

/** Which instance on which host. */
export interface InstanceLookupArgs {
  /** As of an `Instance`. Default: this machine. */
  host?: pulumi.Unwrap<HostArgs>;
  /** As of an `Instance`. Default: by what the login is. */
  become?: pulumi.Unwrap<Become>;
  /** Name of the instance. */
  name: string;
  /** Major version. */
  version: "14" | "15" | "16" | "17" | "18";
  /** Where it is, if not at `<owner's home>/pginstance/<version>/<name>`. */
  dataDirectory?: string;
  /** The user that owns it. Default: `postgres` where there is one, else the login. */
  owner?: string;
  /** Name of the superuser. Default: `postgres`. */
  superuser?: string;
  /** Where clients connect to. Default: the `host` of `ssh` or `openssh`, or `localhost`. */
  address?: string;
}

/** An instance as it is. */
export interface InstanceLookup extends Omit<InstanceStatus, "settings"> {
  /** What clients connect to. */
  readonly address: string;
  /** `postgresql://` address for the superuser, without password. */
  readonly uri: string;
}

/**
 * An instance of this provider, whichever stack made it. It fails when there is none.
 *
 * @example const { port, role } = await getInstance({ name: "orders", version: "17" });
 */
export async function getInstance(args: InstanceLookupArgs): Promise<InstanceLookup> {
  const { get } = await import("../provider/instances/index.js");
  const { host, ref, address } = split(args);
  const { settings, ...found } = await get(host, ref);
  const bracketed = address.includes(":") ? `[${address.replace("%", "%25")}]` : address;
  return { ...found, address, uri: `postgresql://${found.superuser}@${bracketed}:${found.port}/postgres` };
}

/**
 * As {@link getInstance}, of arguments that may be outputs: asked when they are known. Pulumi takes the result for secret
 * when one of them is.
 */
export function getInstanceOutput(args: pulumi.Input<LookupInputs>): pulumi.Output<InstanceLookup> {
  return pulumi.output(args).apply((known) => getInstance(known as InstanceLookupArgs));
}

/** {@link InstanceLookupArgs} as inputs. */
export type LookupInputs = { [K in keyof InstanceLookupArgs]: pulumi.Input<InstanceLookupArgs[K]> };

/** What to list, and where to look. */
export interface InstanceListArgs extends Pick<InstanceLookupArgs, "host" | "become" | "owner"> {
  /** Of this major version alone. Default: all. */
  version?: InstanceLookupArgs["version"];
  /**
   * Folders to look below, five levels deep, beside the owner's own place and those that a unit of this provider starts.
   * Default: none.
   */
  under?: string[];
  /** Whether clusters that this provider did not make are listed, too. Default: false. */
  others?: boolean;
}

/** The instances of an owner on a host, by version and name; one that is broken is listed with its `problem`. */
export async function listInstances(args: InstanceListArgs = {}): Promise<InstanceListItem[]> {
  const { list } = await import("../provider/instances/index.js");
  const { host = { local: {} }, ...options } = args;
  const items: InstanceListItem[] = [];
  for await (const item of list(host as Parameters<typeof list>[0], options as Parameters<typeof list>[1])) {
    items.push(item);
  }
  return items;
}

/** As {@link listInstances}, of arguments that may be outputs. */
export function listInstancesOutput(
  args: pulumi.Input<{ [K in keyof InstanceListArgs]: pulumi.Input<InstanceListArgs[K]> }> = {},
): pulumi.Output<InstanceListItem[]> {
  return pulumi.output(args).apply((known) => listInstances(known as InstanceListArgs));
}

/** A setting of a running server. */
export interface SettingLookup {
  /** In the base unit; null where it is not shown, since it may hold a secret. */
  readonly value: string | null;
  /** Whether `value` is left out. */
  readonly hidden: boolean;
  /** The base unit; null: none. */
  readonly unit: string | null;
  /** Where it comes from, as in `configuration file`. */
  readonly source: string;
  /** Whether the file says something else, which waits for a restart. */
  readonly pendingRestart: boolean;
}

/**
 * The settings of a running instance, by name. Not shown are commands, connection strings, and texts of extensions: any
 * of these may hold a secret.
 *
 * @example const { shared_buffers } = await getSettings({ name: "orders", version: "17" });
 */
export async function getSettings(args: InstanceLookupArgs): Promise<Record<string, SettingLookup>> {
  const { connect, mayBeSecret, settings } = await import("../provider/instances/index.js");
  const { host, ref } = split(args);
  const client = await connect(host, ref);
  const rows = await settings(client);
  client.close();
  const shown = rows.map(({ name, setting, vartype, unit, source, pendingRestart }) => {
    const hidden = vartype === "string" && mayBeSecret(name);
    return [name, { value: hidden ? null : setting, hidden, unit, source, pendingRestart }];
  });
  return Object.fromEntries(shown);
}

/** As {@link getSettings}, of arguments that may be outputs. */
export function getSettingsOutput(
  args: pulumi.Input<LookupInputs>,
): pulumi.Output<Record<string, SettingLookup>> {
  return pulumi.output(args).apply((known) => getSettings(known as InstanceLookupArgs));
}

type Ways = Parameters<typeof import("../provider/instances/index.js").get>;

function split(args: InstanceLookupArgs): { host: Ways[0]; ref: Ways[1]; address: string } {
  const {
    host = { local: {} },
    address = (args.host?.ssh ?? args.host?.openssh)?.host ?? "localhost",
    ...ref
  } = args;
  return { host: host as Ways[0], ref: ref as Ways[1], address };
}
