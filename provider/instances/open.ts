import type { Host } from "../host/host";
import { LocalHost } from "../host/local";
import type { OpensshArgs } from "../host/openssh/login";
import { OpensshHost } from "../host/openssh/openssh-host";
import { type AcceptedKeys, withAccepted } from "../host/ssh/accepted-keys";
import type { SshArgs } from "../host/ssh/login";
import { SshHost } from "../host/ssh/ssh-host";
import type { Desired } from "../plan/desired";
import { fullUnitName } from "../postgresql/unit";
import { canonicalJson } from "../schema/canonical";
import type { InstanceInputs } from "../schema/inputs";
import type { Remembered } from "../schema/state";
import { gatherFacts, type HostFacts } from "../server/facts";
import type { Target } from "../server/target";
import type { Successor } from "../server/upgrade/upgrade";
import { desiredOf, digest, successionOf } from "./desired";

const hosts = new Map<string, Host>();

/**
 * How to get to the host: an input of every operation, never part of who an instance is. Nothing is connected yet; all
 * who go the same way get the same host, and share its shells and its connection.
 */
export function openHost(
  { host, become }: Pick<InstanceInputs, "host" | "become">,
  accepted?: AcceptedKeys,
): Host {
  // Where no state keeps what is taken, nothing is.
  const ssh =
    host.ssh && (accepted ? withAccepted(host.ssh, accepted) : { ...host.ssh, hostKeyPolicy: undefined });
  const way = digest(canonicalJson({ host: ssh ? { ssh } : host, become }));
  const known = hosts.get(way);
  const opened = known ?? hostOf(host.openssh, ssh, become);
  hosts.set(way, opened);
  return opened;
}

function hostOf(
  openssh: OpensshArgs | undefined,
  ssh: SshArgs | undefined,
  become: InstanceInputs["become"],
): Host {
  if (openssh) return new OpensshHost(openssh, become);
  return ssh ? new SshHost(ssh, become) : new LocalHost(become);
}

/** An instance at its place, and what the program wants of it there. */
export interface Opened {
  readonly target: Target;
  readonly facts: HostFacts;
  readonly desired: Desired;
  /** What the state had of the keys that were taken on the way. */
  readonly accepted: AcceptedKeys;
  /** Where an upgrade leads, when one is wanted. */
  readonly successor?: Successor;
}

/**
 * What the program does not say, the state remembers; what neither does, the host decides.
 * @param usualBinDirectory what to do with where the host has no programs of this major
 */
export async function open(
  inputs: InstanceInputs,
  remembered?: Remembered,
  usualBinDirectory = remembered?.binDirectory,
): Promise<Opened> {
  const accepted = remembered?.hostKeys ?? {};
  const host = openHost(inputs, accepted);
  const owner = inputs.owner ?? remembered?.owner;
  const there = remembered?.observed.existence === "present" ? remembered.observed.version : null;
  const isUpgrade = there !== null && there !== inputs.version;
  const found = await gatherFacts(host, {
    version: there ?? inputs.version,
    owner,
    binDirectory: isUpgrade ? undefined : inputs.binDirectory,
    usualBinDirectory,
  });
  // Shares of memory were planned with what is remembered.
  const facts = { ...found, memory: remembered?.hostMemory ?? found.memory };
  const { name, superuser } = inputs;
  const version = there ?? inputs.version;
  const target: Target = {
    host,
    owner: facts.owner,
    dataDirectory:
      inputs.dataDirectory ?? remembered?.dataDirectory ?? `${facts.home}/pginstance/${version}/${name}`,
    binDirectory: facts.binDirectory,
    version,
    name,
    superuser,
    unit: inputs.service?.unit && fullUnitName(inputs.service.unit),
    replication: { role: inputs.replicationRole?.name, slots: inputs.replicationSlots ?? [] },
  };
  const at = { dataDirectory: target.dataDirectory, owner: facts.owner };
  const desired = desiredOf(inputs, facts.memory, remembered, at);
  const next = remembered && successionOf(remembered, inputs);
  if (!next) return { target, facts, desired, accepted };
  // The programs of the new major, before anything else: without them there is no upgrade.
  const { version: major, binDirectory } = inputs;
  const programs = await gatherFacts(host, { version: major, owner: facts.owner, binDirectory });
  return { target, facts, desired, accepted, successor: { ...next, binDirectory: programs.binDirectory } };
}
