import type { InputFailure } from "../errors";
import { findSetting } from "../postgresql/settings";
import { equalValues } from "../postgresql/values";
import type { InstanceInputs } from "../schema/inputs";
import type { Remembered } from "../schema/state";

/**
 * What stands against an instance becoming a standby, or ceasing to be one: a row each. What is not there yet, as after a
 * base backup that was cut off, is neither.
 */
export function judgeStandby({ observed }: Remembered, wanted: InstanceInputs): InputFailure[] {
  const { standby } = wanted;
  const isStandby = observed.role === "standby";
  const isPrimary = observed.existence === "present" && !isStandby;
  const returns = standby?.status === "streaming" && (isPrimary || observed.rejoining);
  const rejoin = standby?.rejoin ?? "refuse";
  const hints = findSetting(wanted.version, "wal_log_hints");
  const hasHints = equalValues(hints, observed.settings.wal_log_hints?.value ?? "off", "on");
  const { elsewhere } = observed;
  const rows: readonly [property: string, broken: boolean, reason: string][] = [
    [
      "standby",
      isStandby && standby === undefined,
      'this instance is a standby; to make it a primary declare status: "promoted", and leave `standby` out later',
    ],
    [
      "standby.status",
      returns && !observed.rejoining && rejoin === "refuse",
      'this instance is a primary with data of its own. To keep it so declare status: "promoted"; to make it a standby, which ' +
        'gives up everything that only it has, declare rejoin: "rewind" or rejoin: "rebuild"',
    ],
    [
      "standby.rejoin",
      returns && rejoin !== "refuse" && elsewhere.length > 0,
      `its configuration is not in the data directory (${elsewhere.join(", ")}), and a return as a standby writes it there; ` +
        "make a new standby instead",
    ],
    [
      "standby.rejoin",
      returns && rejoin === "rewind" && observed.dataChecksums !== true && !hasHints,
      'pg_rewind needs data checksums or wal_log_hints = on, and this instance has neither; rejoin: "rebuild" does without',
    ],
    [
      "standby.rejoin",
      observed.rejoining && !(returns && rejoin !== "refuse"),
      'a return as a standby was begun and is not through: the data is of no use until it is. Declare rejoin: "rebuild"',
    ],
  ];
  return rows.filter(([, broken]) => broken).map(([property, , reason]) => ({ property, reason }));
}
