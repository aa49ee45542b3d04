import { type Conninfo, parseConninfo, placeOf, printConninfo } from "../postgresql/conninfo";
import type { InstanceInputs } from "../schema/inputs";

/** Where the password for the primary lies, and which; both as far as they are known. */
export interface Passfile {
  readonly path: string;
  readonly digest: string;
}

/** What a standby shall follow, and how. */
export interface DesiredStandby {
  /** As `primary_conninfo` has it. */
  readonly conninfo: string;
  /** The primary, as people call it. */
  readonly where: string;
  /** The slot on the primary; null: none. */
  readonly slot: string | null;
  readonly passfile: Passfile | null;
  readonly password: string | undefined;
  readonly status: "streaming" | "promoted";
  readonly promoteWhen: "primaryDown" | "always";
  readonly rejoin: "refuse" | "rewind" | "rebuild";
}

export function desireStandby(
  { standby, name }: Pick<InstanceInputs, "standby" | "name">,
  passfile: Passfile | null,
): DesiredStandby | null {
  if (standby === undefined) return null;
  const parameters: Conninfo = parseConninfo(standby.primary) ?? {};
  return {
    conninfo: printConninfo({ ...parameters, ...(passfile && { passfile: passfile.path }) }),
    where: placeOf(parameters),
    slot: standby.slot === false ? null : (standby.slot ?? slotNameOf(name)),
    passfile,
    password: standby.password,
    status: standby.status ?? "streaming",
    promoteWhen: standby.promoteWhen ?? "primaryDown",
    rejoin: standby.rejoin ?? "refuse",
  };
}

/** The name of the instance, in the letters that a slot's name may have. */
const slotNameOf = (name: string): string => name.toLowerCase().replace(/[^a-z0-9_]/g, "_");

/** The settings by which a standby follows. They stay after a promotion, when nobody reads them. */
export function standbySettings(standby: DesiredStandby | null): Record<string, string | null> {
  return standby ? { primary_conninfo: standby.conninfo, primary_slot_name: standby.slot } : {};
}
