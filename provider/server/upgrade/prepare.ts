import { CommandError } from "../../errors";
import type { CommandResult } from "../../host/host";
import type { Session } from "../../host/session";
import type { Upgrade } from "../../plan/upgrade";
import { type Adaptation, adaptations, carriedOriginals } from "../../postgresql/carried";
import { bytesToText, confEntries, editConf, parseConf } from "../../postgresql/conf";
import { settledElsewhere } from "../../postgresql/conf-tree";
import { initdb, postgresCheck } from "../../postgresql/programs";
import { initdbLike, type PgUpgradeOptions, pgUpgrade } from "../../postgresql/upgrade-programs";
import { rememberOriginals } from "../configuration";
import type { Observation } from "../observe";
import { ownFiles } from "../own-files";
import { describe, stateDirectory, type Target } from "../target";
import type { Journal } from "./journal";
import type { Survey } from "./survey";

/** Where the new cluster is built. */
export const newCluster = (target: Target): string => `${stateDirectory(target)}/new`;

export function pgUpgradeOptions(target: Target, journal: Journal, step: Upgrade): PgUpgradeOptions {
  return {
    binDirectories: [target.binDirectory, journal.binDirectory],
    dataDirectories: [target.dataDirectory, newCluster(target)],
    superuser: target.superuser,
    mode: step.mode,
    jobs: step.jobs,
  };
}

/**
 * Makes the new, empty cluster with the old one's configuration and everything that its files name, and lets pg_upgrade
 * hold both against each other while the old server runs on.
 * @returns the system identifier of the new cluster
 */
export async function prepare(
  target: Target,
  session: Session,
  seen: Observation,
  step: Upgrade,
  journal: Journal,
  { encoding, form }: Survey,
): Promise<string> {
  const place = [target.dataDirectory, stateDirectory(target)];
  const { binDirectory } = journal;
  const dataDirectory = newCluster(target);
  const run = async (name: string, script: string, args: readonly string[], stdin?: Buffer) => {
    const whole = script + orGiveUp;
    const result = await session.step({
      name,
      script: whole,
      args: [...place, ...args],
      stdin,
      seconds: 3600,
    });
    if (result.exitCode === 0) return result.stdout.toString("latin1").trim();
    throw cannot(target, step, name, result);
  };
  await run(
    "initdb of the upgrade",
    initScript,
    initdb({
      binDirectory,
      dataDirectory,
      superuser: target.superuser,
      locale: form.collate,
      encoding,
      dataChecksums: seen.control?.dataChecksums ?? true,
      major: step.to,
      more: initdbLike(form),
    }),
  );
  const files = newFiles(target, seen, step, journal);
  const notes = Buffer.from(JSON.stringify(files.originals));
  const sizes = [notes.length, Buffer.byteLength(files.conf, "latin1")].map(String);
  const configFile = `${dataDirectory}/postgresql.conf`;
  const read = postgresCheck({ binDirectory, dataDirectory, configFile, name: "max_connections" });
  // On standard input: the text of a setting may be a secret.
  const stdin = Buffer.concat([notes, Buffer.from(files.conf + files.auto, "latin1")]);
  await run("configuration of the upgrade", carryScript, [files.logDirectory, ...sizes, ...read], stdin);
  const check = [...pgUpgrade(pgUpgradeOptions(target, journal, step)), "--check"];
  return run("pg_upgrade --check", checkScript, check);
}

function cannot(target: Target, { to }: Upgrade, command: string, result: CommandResult): CommandError {
  const { exitCode, stderr } = result;
  const quoted = stderr.trim().replace(/^/gm, "  ");
  return new CommandError(`${command}: ${describe(target)} cannot be upgraded to ${to}:\n${quoted}`, {
    command,
    exitCode,
    stderr,
    hint: `Nothing was changed: ${describe(target)} is as before.`,
  });
}

interface NewFiles {
  readonly conf: string;
  readonly auto: string;
  readonly originals: Readonly<Record<string, string | null>>;
  /** Not carried over. */
  readonly logDirectory: string;
}

/** The old files, with what the new major takes differently, paths that move with the cluster, and what is declared. */
function newFiles(target: Target, seen: Observation, step: Upgrade, journal: Journal): NewFiles {
  const carry = (text: string) => moved(adapted(text, step), target.dataDirectory, journal.dataDirectory);
  const conf = carry(seen.postgresqlConf);
  const auto = carry(seen.autoConf);
  const entries = confEntries(parseConf(auto)).map(({ name }) => name);
  const values = Object.fromEntries(step.changes.map(({ name, to }) => [name, to]));
  const overridden = step.changes
    .filter(({ name }) => entries.includes(name))
    .map(({ name }) => [name, null]);
  const known = carriedOriginals(seen.observed.originals, step.adapted);
  return {
    conf: editConf(conf, values, settledElsewhere(seen.files.conf, seen.entries)),
    auto: editConf(auto, Object.fromEntries(overridden)),
    originals: rememberOriginals(known, conf, step.changes),
    logDirectory: seen.observed.settings.log_directory?.value ?? "log",
  };
}

/** What this file itself says: one of two lines of a name may be in the other file. */
function adapted(text: string, { from, to }: Upgrade): string {
  const lines = confEntries(parseConf(text)).map(({ name, value }) => [name, bytesToText(value)]);
  const edits = adaptations(from, to, Object.fromEntries(lines)).flatMap(edit);
  return editConf(text, Object.fromEntries(edits));
}

function edit({ name, to, value }: Adaptation): [string, string | null][] {
  if (to === null || to === name) return [[name, value]];
  return [
    [name, null],
    [to, value],
  ];
}

/** Paths into the old data directory, as of certificates. */
function moved(text: string, from: string, to: string): string {
  if (from === to) return text;
  const inside = confEntries(parseConf(text))
    .map(({ name, value }) => [name, bytesToText(value)] as const)
    .filter(([, value]) => value.startsWith(`${from}/`))
    .map(([name, value]) => [name, `${to}${value.slice(from.length)}`]);
  return editConf(text, Object.fromEntries(inside));
}

/** Shell functions with $own and $new set: pg_upgrade in a folder of its own, and what it and its logs say of a failure. */
export const pgUpgradeFunctions = `pg_upgrade() {
  rm -rf "$own/upgrade" && mkdir "$own/upgrade" && cd "$own/upgrade" || return 1
  # A socket's path may have 107 bytes, and that of a state directory be longer.
  sockets=$(mktemp -d /tmp/pginstance.XXXXXX) || return 1
  "$@" --socketdir="$sockets" >"$own/upgrade/output" 2>&1; ended=$?
  cd / && rm -rf "$sockets"
  return $ended
}
explain() {
  tail -n 25 "$own/upgrade/output" >&2
  find "$new/pg_upgrade_output.d" -name '*.txt' 2>/dev/null | while read -r list; do
    echo "\${list##*/}:" >&2; head -n 20 "$list" | sed 's/^/  /' >&2
  done
  named=$(grep -o '/[^" ]*\\.log' "$own/upgrade/output" | tail -n 1)
  [ -z "$named" ] || { echo "\${named##*/}:" >&2; tail -n 8 "$named" | sed 's/^/  /' >&2; }
}
`;

/** As if nothing had been begun. */
const orGiveUp = `
code=$?
[ $code -eq 0 ] || rm -rf "$new" "$own/upgrade" "$own/originals.json.upgrade" "$own/upgrade.json" "$own/upgrade.stage"
exit $code
`;

const initScript = `data=$1 own=$2 new=$2/new; shift 2
rm -rf "$new" && "$@" >&2`;

const carryScript = `data=$1 own=$2 new=$2/new logs=$3 notes=$4 size=$5; shift 5
${ownFiles}candidates() {
  cat >"$own/candidates" &&
    tail -c "+$((notes + 1))" "$own/candidates" | head -c "$size" >"$new/postgresql.conf" &&
    tail -c "+$((notes + size + 1))" "$own/candidates" >"$new/postgresql.auto.conf" &&
    head -c "$notes" "$own/candidates" >"$own/originals.json.upgrade" && rm -f "$own/candidates"
}
own_files "$data" "$new" && candidates && "$@" >/dev/null`;

const checkScript = `data=$1 own=$2 new=$2/new; shift 2
${pgUpgradeFunctions}
pg_upgrade "$@" && rm -rf "$own/upgrade" "$new/pg_upgrade_output.d" &&
  od -An -v -t u8 -N 8 "$new/global/pg_control" | tr -d ' \\n' || { explain; false; }`;
