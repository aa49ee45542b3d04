import type { InstanceInputs } from "../schema/inputs";
import type { Made } from "../schema/state";
import { find, findExisting, type HostArgs, type Ref } from "./find";

/** An instance as it is: what a manifest would say of it, and what only the host knows. */
export interface InstanceStatus
  extends Pick<InstanceInputs, "name" | "version" | "port" | "state" | "superuser">,
    Pick<
      Made,
      | "dataDirectory"
      | "binDirectory"
      | "owner"
      | "systemIdentifier"
      | "serverVersion"
      | "role"
      | "logFile"
      | "pendingRestart"
      | "pendingRestartReasons"
    > {
  readonly locale: string | null;
  readonly encoding: string | null;
  readonly dataChecksums: boolean | null;
  /** As the files have them, last line wins. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What is there.
 * @throws InstanceNotFoundError when there is nothing
 * @throws InstanceExistsError when something else is there
 */
export async function get(host: HostArgs, ref: Ref): Promise<InstanceStatus> {
  const { remembered } = await findExisting(host, ref);
  const { inputs, observed, hostMemory, resolvedSettings, schemaVersion, phase, declared, ...made } =
    remembered;
  const { name, version, port, state, superuser } = inputs;
  const { locale, encoding, dataChecksums } = observed;
  const settings = Object.entries(observed.settings).map(([setting, { value }]) => [setting, value]);
  return {
    ...{ name, version, port, state, superuser },
    ...made,
    ...{ locale, encoding, dataChecksums },
    settings: Object.fromEntries(settings),
  };
}

/** Whether an instance of ours is there. */
export async function exists(host: HostArgs, ref: Ref): Promise<boolean> {
  return (await find(host, ref)) !== undefined;
}
