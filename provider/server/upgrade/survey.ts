import { InstanceStateError, UnsupportedError } from "../../errors";
import { sectionFunction, sections } from "../../host/shell";
import type { Upgrade } from "../../plan/upgrade";
import { lostNames } from "../../postgresql/carried";
import { type ClusterForm, upgradePrograms } from "../../postgresql/upgrade-programs";
import { type Address, query } from "../connect";
import { addressOf, type Observation } from "../observe";
import { describe, type Target } from "../target";
import type { Journal } from "./journal";

/** What an upgrade has to know of the old cluster. */
export interface Survey {
  readonly encoding: string;
  readonly form: ClusterForm;
  readonly tablespaces: readonly string[];
}

/**
 * Everything that can be asked while the old server runs, before anything is done.
 * @throws InstanceStateError naming all that stands against the upgrade, with the way out of each
 * @throws UnsupportedError when programs are missing
 */
export async function survey(
  target: Target,
  seen: Observation,
  step: Upgrade,
  way: Pick<Journal, "binDirectory" | "dataDirectory" | "oldCluster">,
  dropsReplication: boolean,
): Promise<Survey> {
  const { postmaster, control } = seen;
  if (!postmaster || !control || seen.refusal !== undefined) {
    const state = seen.refusal ?? `is ${seen.observed.server}`;
    throw new InstanceStateError(
      `upgrade: ${describe(target)} cannot be asked, and an upgrade asks first: ${state}`,
      { hint: "Nothing was changed." },
    );
  }
  const address = addressOf(target, postmaster);
  const rows = await query(address, questions);
  const texts = (index: number) => (rows[index] ?? []).map(({ text }) => String(text));
  const [template] = rows[0] ?? [];
  const tablespaces = texts(5);
  const place = await lookAtPlace(target, way, tablespaces);
  const inDatabases = await settingsOfFunctions(address, texts(6));
  const settings = [...texts(4), ...inDatabases].map((text) => text.split("\t"));
  const lost = lostNames(
    step.from,
    step.to,
    settings.map(([name = ""]) => name),
  );
  const logical = Number(step.from) < 17 ? texts(2) : [];
  const problems = [
    ...texts(1).map(
      (count) => `it has ${count} prepared transaction(s): COMMIT PREPARED or ROLLBACK PREPARED them`,
    ),
    ...(dropsReplication ? [] : [...logical.map(logicalWords), ...texts(3).map(standbyWords)]),
    ...settings
      .filter(([name = ""]) => lost.includes(name))
      .map(([name, where, remedy]) => `${where} sets ${name}, which ${step.to} does not have: ${remedy}`),
    ...seen.refusedRecords.map((line) => `no server starts with this line of pg_hba.conf: ${line}`),
    ...place.problems,
    ...(step.mode === "copy" ? place.space : []),
  ];
  if (problems.length > 0) {
    throw new InstanceStateError(
      `upgrade of ${describe(target)} to ${step.to}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
      { hint: "Nothing was changed." },
    );
  }
  const provider = template?.provider === "i" || template?.provider === "b" ? template.provider : "c";
  return {
    encoding: String(template?.encoding),
    form: {
      collate: String(template?.collate),
      ctype: String(template?.ctype),
      provider,
      providerLocale: template?.locale === null ? null : String(template?.locale),
      walSegmentSize: control.walSegmentSize,
      groupAccess: place.groupAccess,
    },
    tablespaces,
  };
}

const drops = "or set upgrade: { dropsReplication: true }";
const logicalWords = (slot: string) => `logical slot ${slot} would be lost: drop it, ${drops}`;
const standbyWords = (standby: string) =>
  `standby ${standby} is attached, and must be made anew afterwards: stop it, ${drops}`;

/** Columns of pg_database differ by major: as JSON they may be missing. */
const questions: readonly string[] = [
  `SELECT datcollate AS collate, datctype AS ctype, pg_encoding_to_char(encoding) AS encoding,
          to_jsonb(d) ->> 'datlocprovider' AS provider,
          coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
     FROM pg_database d WHERE datname = 'template0'`,
  "SELECT count(*) AS text FROM pg_prepared_xacts HAVING count(*) > 0",
  "SELECT slot_name AS text FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT temporary ORDER BY 1",
  `SELECT concat_ws(' at ', nullif(application_name, ''), host(client_addr)) AS text FROM pg_stat_replication r
    WHERE state <> 'backup' AND NOT EXISTS
      (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical') ORDER BY 1`,
  `SELECT concat_ws(E'\\t', split_part(line, '=', 1),
            concat_ws(' in ', 'role ' || quote_ident(rolname), 'database ' || quote_ident(datname)),
            CASE WHEN rolname IS NULL THEN format('ALTER DATABASE %I RESET %I', datname, split_part(line, '=', 1))
                 ELSE format('ALTER ROLE %I %s RESET %I', rolname, 'IN DATABASE ' || quote_ident(datname), split_part(line, '=', 1))
            END) AS text
     FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole,
          unnest(setconfig) AS line ORDER BY 1`,
  `SELECT pg_tablespace_location(oid) AS text FROM pg_tablespace WHERE pg_tablespace_location(oid) <> '' ORDER BY 1`,
  "SELECT datname AS text FROM pg_database WHERE datallowconn ORDER BY 1",
];

/** A function with a setting of its own cannot be restored either where that is gone. */
async function settingsOfFunctions(address: Address, databases: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const database of databases) {
    const [rows] = await query(address, [ofFunctions], 60, [database]);
    found.push(...(rows ?? []).map(({ text }) => String(text)));
  }
  return found;
}

const ofFunctions = `
  SELECT concat_ws(E'\\t', split_part(line, '=', 1), format('function %s of database %I', p.oid::regprocedure, current_database()),
           format('ALTER ROUTINE %s RESET %I', p.oid::regprocedure, split_part(line, '=', 1))) AS text
    FROM pg_proc p, unnest(proconfig) AS line WHERE p.oid >= 16384`;

interface Found {
  readonly groupAccess: boolean;
  readonly problems: readonly string[];
  /** What a copy lacks. */
  readonly space: readonly string[];
}

/** Programs, places and free space, in one script. */
async function lookAtPlace(
  target: Target,
  way: Pick<Journal, "binDirectory" | "dataDirectory" | "oldCluster">,
  tablespaces: readonly string[],
): Promise<Found> {
  const output = sections();
  const { dataDirectory, binDirectory } = target;
  const args = [
    output.nonce,
    dataDirectory,
    binDirectory,
    way.binDirectory,
    way.dataDirectory,
    way.oldCluster,
  ];
  const result = await target.host.run({
    name: "look before an upgrade",
    script,
    args: [...args, ...tablespaces],
    user: target.owner,
    seconds: 600,
  });
  const parts = output.parse(result.stdout);
  const lines = (name: string) => (parts.get(name)?.toString("utf8") ?? "").split("\n").filter(Boolean);
  if (!parts.has("end")) throw new InstanceStateError(`upgrade: cannot look around: ${result.stderr.trim()}`);
  const missing = lines("missing");
  if (missing.length > 0) {
    throw new UnsupportedError(`upgrade: ${target.host.name} lacks ${missing.join(", ")}`, {
      hint: "pg_upgrade needs all programs of both majors (Debian: apt-get install postgresql-<major>). Nothing was changed.",
    });
  }
  return { groupAccess: lines("group").length > 0, problems: lines("problem"), space: lines("space") };
}

const script = `${sectionFunction}data=$1 bin=$2 new_bin=$3 place=$4 old=$5; shift 5
section missing
for program in ${upgradePrograms.from.join(" ")}; do [ -x "$bin/$program" ] || echo "$bin/$program"; done
for program in ${upgradePrograms.to.join(" ")}; do [ -x "$new_bin/$program" ] || echo "$new_bin/$program"; done
section group; [ "$(ls -ld "$data" | cut -c5)" != r ] || echo yes
mount_of() { df -P "$1" | tail -n 1 | awk '{ print $6 }'; }
free() { df -Pk "$1" | tail -n 1 | awk '{ print $4 }'; }
section problem
up=$(dirname "$data")
[ -w "$up" ] || echo "$up is not writable, and directories are renamed there: let the owner write to it"
[ "$(mount_of "$data")" = "$(mount_of "$up")" ] || echo "$data is a mount point, which cannot be renamed: mount its parent instead"
[ ! -L "$data" ] || echo "$data is a symbolic link: declare what it leads to"
[ ! -L "$data/pg_wal" ] || echo "$data/pg_wal is a symbolic link: move the WAL back into the data directory first"
[ -f "$data/postgresql.conf" ] || echo "$data has no postgresql.conf: use the tools that made this cluster (Debian: pg_upgradecluster)"
[ "$old" = "$data" ] || [ ! -e "$old" ] || echo "$old exists already, and the old cluster is to stay there: move it away"
if [ "$place" != "$data" ]; then
  for taken in "$place" "$place.pginstance"; do [ ! -e "$taken" ] || echo "$taken exists already: move it away"; done
  there=$(dirname "$place"); while [ ! -e "$there" ]; do there=$(dirname "$there"); done
  [ "$(mount_of "$there")" = "$(mount_of "$up")" ] || echo "$place is on another file system than $data: declare dataDirectory"
fi
for space in "$@"; do
  case $space in "$data"/*) echo "tablespace $space lies in the data directory: move it out" ;; esac
done
section space
needed=$(du -sk "$data" | cut -f1); wal=$(du -sk "$data/pg_wal" | cut -f1); needed=$((needed - wal))
had=$(free "$up")
[ "$had" -gt "$needed" ] || echo "a copy needs $((needed / 1024)) MB, and $up has $((had / 1024)) MB free: make room, or use another upgrade.mode"
for space in "$@"; do
  needed=$(du -sk "$space" | cut -f1) had=$(free "$space")
  [ "$had" -gt "$needed" ] || echo "a copy needs $((needed / 1024)) MB, and $space has $((had / 1024)) MB free: make room, or use another upgrade.mode"
done
section end
`;
