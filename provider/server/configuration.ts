import { SettingsError } from "../errors";
import type { CommandResult } from "../host/host";
import type { Session } from "../host/session";
import type { SettingChange } from "../plan/step";
import { bytesToText, confEntries, editConf, parseConf } from "../postgresql/conf";
import { settledElsewhere } from "../postgresql/conf-tree";
import { postgresCheck } from "../postgresql/programs";
import type { Observed } from "../schema/observed";
import { writing } from "./copies";
import { type Observation, observe } from "./observe";
import { needsRehearsal, rehearsing } from "./rehearsal";
import { describe, stateDirectory, type Target } from "./target";

/**
 * Edits postgresql.conf in place and takes overriding lines out of postgresql.auto.conf. The server reads the
 * candidate first, and tries a start with it where only that tells; what it refuses is never published. The files that are known to work stay in `previous`, until
 * these are known to work too.
 * @returns what has to happen for the server to take them
 */
export async function writeConfiguration(
  target: Target,
  session: Session,
  changes: readonly SettingChange[],
  seen?: Observation,
): Promise<Observed["unapplied"]> {
  const { postgresqlConf, autoConf, observed, entries, files } = seen ?? (await observe(target));
  const values = Object.fromEntries(changes.map(({ name, to }) => [name, to]));
  const overridden = changes.filter(({ name }) => name in observed.overrides).map(({ name }) => [name, null]);
  const candidate = editConf(postgresqlConf, values, settledElsewhere(files.conf, entries));
  const auto = editConf(autoConf, Object.fromEntries(overridden));
  const originals = rememberOriginals(observed.originals, postgresqlConf, changes);
  const unapplied =
    ["restart", "pending"].includes(observed.unapplied) ||
    changes.some((change) => change.appliedBy === "restart")
      ? "restart"
      : "reload";
  const own = stateDirectory(target);
  // On standard input like the candidates: the text of a setting may be a secret.
  const notes = Buffer.from(JSON.stringify(originals));
  const result = await session.step({
    name: "configuration",
    script,
    args: [
      target.dataDirectory,
      own,
      unapplied,
      needsRehearsal(target.version, changes) ? "rehearse" : "read",
      String(notes.length),
      String(Buffer.byteLength(candidate, "latin1")),
      ...postgresCheck({
        binDirectory: target.binDirectory,
        dataDirectory: target.dataDirectory,
        name: "max_connections",
      }),
    ],
    stdin: Buffer.concat([notes, Buffer.from(candidate + auto, "latin1")]),
    seconds: 60,
  });
  if (result.exitCode === 0) return unapplied;
  throw failureOf(target, files.conf, result);
}

/** What the script exits with where it knows why. */
const codes = { refused: 3, missing: 4 } as const;

function failureOf(target: Target, conf: string, { exitCode, stdout, stderr }: CommandResult): SettingsError {
  const where = describe(target);
  if (exitCode === codes.missing) {
    const [file, copy] = stdout.toString("utf8").split("\n");
    const from = copy ? `the copy ${copy}` : "a copy";
    return new SettingsError(`configuration: ${file} of ${where} is missing`, {
      hint: `Put it back from ${from}, and run this again. Nothing was changed.`,
    });
  }
  if (exitCode !== codes.refused) {
    return new SettingsError(`configuration: it cannot be written for ${where}:\n${quote(stderr)}`, {
      hint: "Nothing was changed.",
    });
  }
  return new SettingsError(
    `configuration: PostgreSQL refuses it for ${where}:\n${quote(asPublished(stderr, conf))}`,
    {
      hint: 'Where that is for a line which the program does not declare, correct or remove it on the host, or declare `unmanagedSettings: "remove"`. Nothing was changed.',
    },
  );
}

/** The candidate is gone by the time that somebody reads of it. */
function asPublished(words: string, conf: string): string {
  const name = conf.slice(conf.lastIndexOf("/"));
  return words.replaceAll(`${name}.candidate`, name);
}

/**
 * The candidate lies beside the real file, where relative includes still lead somewhere. The notes of what we took over
 * and of what is still to be applied are on disk before the rename: a stop between the two leaves a note too many, never
 * one too few.
 */
const script = `data=$1 own=$2 unapplied=$3 judge=$4 notes=$5 size=$6; shift 6
auto=$data/postgresql.auto.conf
${writing}${rehearsing}
missing() {
  echo "$1"
  for copy in "$own/previous" "$own/started"; do [ ! -e "$copy/\${1##*/}" ] || { echo "$copy/\${1##*/}"; return; }; done
}
locate
trap 'rm -rf "$conf.candidate" "$auto.candidate" "$auto.before" "$own/originals.json.new" "$own/candidates" "$own/rehearsal"' EXIT
for file in "$conf" "$auto"; do
  [ ! -L "$file" ] || { echo "$file is a symbolic link, which is not followed" >&2; exit 1; }
  [ -e "$file" ] || { missing "$file"; exit ${codes.missing}; }
  cp -p "$file" "$file.candidate" || exit 1
done
cat >"$own/candidates" || exit 1
tail -c "+$((notes + 1))" "$own/candidates" | head -c "$size" >"$conf.candidate" &&
  tail -c "+$((notes + size + 1))" "$own/candidates" >"$auto.candidate" &&
  head -c "$notes" "$own/candidates" >"$own/originals.json.new" || exit 1
rm -f "$own/candidates"
begin_write || exit 1
note() { note_write "$unapplied"; }
undo() {
  [ ! -e "$auto.before" ] || mv -f "$auto.before" "$auto"
  undo_write
}
if ! cmp -s "$auto.candidate" "$auto"; then
  note && cp -p "$auto" "$auto.before" && publish "$auto.candidate" "$auto" || exit 1
fi
"$@" "--config-file=$conf.candidate" >/dev/null || { undo; exit ${codes.refused}; }
# Where nothing runs, the start is as good a judge.
[ "$judge" = read ] || [ -z "$running" ] || rehearse "$1" || { undo; exit ${codes.refused}; }
echo "$unapplied $running" >"$own/unapplied.new" || exit 1
flush "$own/originals.json.new" "$own/unapplied.new" "$conf.candidate"
mv -f "$own/originals.json.new" "$own/originals.json" && mv -f "$own/unapplied.new" "$own/unapplied" || exit 1
flush "$own"
mv -f "$conf.candidate" "$conf" || exit 1
flush "\${conf%/*}"
`;

/** What was there before the first change of ours; a setting that was given back is forgotten. */
export function rememberOriginals(
  before: Readonly<Record<string, string | null>>,
  postgresqlConf: string,
  changes: readonly SettingChange[],
): Record<string, string | null> {
  const found = Object.fromEntries(
    confEntries(parseConf(postgresqlConf)).map((e) => [e.name, bytesToText(e.value)]),
  );
  const originals = { ...before };
  for (const { name, declared } of changes) {
    if (!declared) delete originals[name];
    else if (!(name in originals)) originals[name] = found[name] ?? null;
  }
  return originals;
}

const quote = (text: string): string => text.trim().replace(/^/gm, "  ");
