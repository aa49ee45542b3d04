import { anyPlace, fullUnitName, printUnit, type Scope } from "../postgresql/unit";
import type { InstanceInputs } from "../schema/inputs";
import type { ServiceManager } from "./step";

/** What runs the server, as the program wants it. */
export interface DesiredService {
  /** null: nobody said, and it stays as it is. */
  readonly manager: ServiceManager | null;
  /** Where a unit of a new instance shall be; null: nobody has looked yet, or there is one. */
  readonly scope: Scope | null;
  /** A unit that somebody else made; null: one of ours. */
  readonly unit: string | null;
  readonly enabled: boolean;
  /** Of a unit of ours, for any state directory, by where it is; null: its owner is not known yet. */
  readonly text: Readonly<Record<Scope, string>> | null;
}

export function desireService(inputs: InstanceInputs, owner: string | null): DesiredService {
  const { serviceManager, service, name, state, walDirectory, tablespaces = {}, socketDirectory } = inputs;
  const { enabled = true, unit, environment = {} } = service ?? {};
  const directories = [...(walDirectory === undefined ? [] : [walDirectory]), ...Object.values(tablespaces)];
  const facts = { name, stateDirectory: anyPlace, directories, environment, socketDirectory };
  const printed = (scope: Scope, owner: string) => printUnit({ ...facts, scope, owner });
  return {
    scope: null,
    manager: serviceManager ?? (service === undefined ? null : "systemd"),
    unit: unit === undefined ? null : fullUnitName(unit),
    enabled: enabled && state === "started",
    text: owner === null ? null : { system: printed("system", owner), user: printed("user", owner) },
  };
}
