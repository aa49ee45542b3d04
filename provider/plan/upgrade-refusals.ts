import type { InputFailure } from "../errors";
import type { InstanceInputs } from "../schema/inputs";
import type { Remembered } from "../schema/state";

/** What can be known of an upgrade without the host; the rest is looked at in the update, before anything is done. */
export function upgradeRefusals(
  { observed, phase, dataDirectory }: Remembered,
  wanted: InstanceInputs,
): InputFailure[] {
  const { version: from } = observed;
  const { version: to, upgrade } = wanted;
  if (from === null || from === to) return [];
  const change = `raising ${from} to ${to}`;
  const logical = Object.keys(observed.slots).filter((name) => observed.slots[name] === "logical");
  const rows: readonly [refused: boolean, reason: string][] = [
    [
      Number(from) > Number(to),
      `${from} cannot be lowered to ${to}: PostgreSQL has no way back; restore a dump into a new instance`,
    ],
    [
      observed.elsewhere.length > 0,
      `${change} is not done while configuration is outside the data directory (${observed.elsewhere.join(", ")}): use the ` +
        "tool that made this instance (Debian: pg_upgradecluster) and adopt what it made",
    ],
    [
      observed.role === "standby",
      `${change} is done on the primary alone; make the standby anew from the upgraded primary`,
    ],
    [
      observed.walDirectory !== null && observed.walDirectory !== `${dataDirectory}/pg_wal`,
      `${change} is not done while the WAL is elsewhere: set walDirectory: "${dataDirectory}/pg_wal" first, and move it again afterwards`,
    ],
    [
      phase === "creating",
      `${change} is an upgrade, and this instance was never complete: finish it as ${from} first`,
    ],
    [
      observed.standbys.length > 0 && upgrade?.dropsReplication !== true,
      `${change} is not survived by the attached standbys (${observed.standbys.join(", ")}): stop them first and make them anew ` +
        "afterwards, or set upgrade: { dropsReplication: true }",
    ],
    [
      logical.length > 0 && Number(from) < 17 && upgrade?.dropsReplication !== true,
      `${change} loses logical replication slots (${logical.join(", ")}), which an upgrade keeps from 17 on only: drop ` +
        "them, or set upgrade: { dropsReplication: true }",
    ],
  ];
  return rows.filter(([refused]) => refused).map(([, reason]) => ({ property: "version", reason }));
}
