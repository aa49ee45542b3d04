import { findSetting } from "../postgresql/settings";
import { parseValue, valueToText } from "../postgresql/values";
import type { Major } from "../postgresql/version";
import type { InstanceInputs } from "../schema/inputs";
import { type DesiredAccess, desireAccess } from "./access";
import { type DesiredService, desireService } from "./desired-service";
import { type DesiredStandby, desireStandby, type Passfile, standbySettings } from "./desired-standby";

/** What the program wants, with everything that planning needs resolved. */
export interface Desired {
  readonly inputs: InstanceInputs;
  /** Settings as texts, lower-case names, the provider's own included; null is the compiled default. */
  readonly settings: Readonly<Record<string, string | null>>;
  /** Shares of memory as they were resolved, for the state. */
  readonly resolved: Readonly<Record<string, string>>;
  /** Digest of `restartTriggers`; null when there are none. */
  readonly restartTriggers: string | null;
  /** null: whoever owns it is not known yet, and with it the record that lets the owner in. */
  readonly access: DesiredAccess | null;
  /** Seconds per operation; a wait that reaches its limit stops nothing. */
  readonly timeouts: {
    readonly start: number;
    readonly stop: number;
    readonly promote: number;
    readonly upgrade: number;
  };
  readonly service: DesiredService;
  /** null: an instance of its own. */
  readonly standby: DesiredStandby | null;
  /** Where an upgrade leaves the cluster that there is; undefined where nothing is known of one. */
  readonly oldCluster?: string;
}

/** Nothing is trusted; the owner comes in by a record of its own, before these. */
export const defaultAuth = { local: "scram-sha-256", host: "scram-sha-256" } as const;

export const defaultTimeouts = { start: 60, stop: 300, promote: 60, upgrade: 86_400 } as const;

/** What was resolved before and stays pinned: a host that got more memory changes nothing by itself. */
export interface Pinned {
  readonly inputs: InstanceInputs;
  readonly resolvedSettings: Readonly<Record<string, string>>;
}

export function desire(
  inputs: InstanceInputs,
  context: {
    hostMemory: number | null;
    pinned?: Pinned;
    restartTriggers: string | null;
    passfile?: Passfile | null;
    owner?: string | null;
    oldCluster?: string;
  },
): Desired {
  const standby = desireStandby(inputs, context.passfile ?? null);
  const { socketDirectory: sockets } = inputs;
  const own = {
    port: String(inputs.port),
    cluster_name: inputs.name,
    ...(sockets !== undefined && { unix_socket_directories: sockets }),
    ...standbySettings(standby),
  };
  const settings: Record<string, string | null> = { ...own };
  const resolved: Record<string, string> = {};
  for (const [given, value] of Object.entries(inputs.settings ?? {})) {
    const name = given.toLowerCase();
    const share = shareOfMemory(inputs.version, name, value);
    if (share === undefined) {
      settings[name] = value === null ? null : valueToText(value);
      continue;
    }
    const pinned =
      context.pinned?.inputs.settings?.[given] === value && context.pinned.resolvedSettings[name];
    const text = pinned || resolveShare(inputs.version, name, share, context.hostMemory);
    settings[name] = text;
    if (context.hostMemory !== null) resolved[name] = text;
  }
  return {
    inputs,
    settings,
    resolved,
    restartTriggers: context.restartTriggers,
    access: context.owner ? accessOf(inputs, context.owner) : null,
    timeouts: { ...defaultTimeouts, ...inputs.timeouts },
    service: desireService(inputs, context.owner ?? null),
    standby,
    oldCluster: context.oldCluster,
  };
}

function accessOf({ superuser, hba, ident, auth }: InstanceInputs, owner: string): DesiredAccess {
  return desireAccess({ superuser, hba, ident, auth, owner, defaultAuth });
}

/** Of a text or an extension's setting, `%` is a letter like others. */
function shareOfMemory(version: Major, name: string, value: unknown): number | undefined {
  const isNumber = findSetting(version, name)?.vartype === "integer";
  return isNumber && typeof value === "string" && value.trim().endsWith("%")
    ? Number.parseFloat(value)
    : undefined;
}

/** Whole megabytes, within what the setting takes. Without a host yet, the words for the preview. */
function resolveShare(version: Major, name: string, percent: number, memory: number | null): string {
  if (memory === null) return `${percent}% of the host's memory`;
  const megabytes = `${Math.max(1, Math.floor((memory * percent) / 100 / 1024 / 1024))}MB`;
  const setting = findSetting(version, name);
  if (setting === undefined || parseValue(setting, megabytes).ok) return megabytes;
  const bound = megabytes === "1MB" ? setting.min : setting.max;
  return bound ?? megabytes;
}
