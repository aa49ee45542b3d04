import { CommandError } from "../errors";
import type { Session } from "../host/session";
import type { Step } from "../plan/step";
import { editAccess } from "../postgresql/access";
import type { Observed } from "../schema/observed";
import { writing } from "./copies";
import type { Observation } from "./observe";
import { describe, stateDirectory, type Target } from "./target";

/** What stands in pg_hba.conf and pg_ident.conf after an edit, and what makes the server take it. */
export interface AccessWritten extends Pick<Observation, "hba" | "ident"> {
  readonly unapplied: Observed["unapplied"];
}

/**
 * Edits pg_hba.conf and pg_ident.conf in place. No program of
 * PostgreSQL judges a candidate of these files, so the reload does, and puts them back.
 */
export async function writeAccess(
  target: Target,
  session: Session,
  { wanted, unmanaged }: Extract<Step, { kind: "writeAccess" }>,
  seen: Observation,
): Promise<AccessWritten> {
  const edited = (file: "hba" | "ident") => editAccess(seen[file], wanted[file], unmanaged);
  const written = { hba: edited("hba"), ident: edited("ident") };
  const unapplied = ["restart", "pending"].includes(seen.observed.unapplied) ? "restart" : "reload";
  const result = await session.step({
    name: "access",
    script,
    args: [target.dataDirectory, stateDirectory(target), unapplied, String(written.hba.length)],
    // On standard input: an option of a record may be a secret.
    stdin: Buffer.from(written.hba + written.ident, "latin1"),
    seconds: 60,
  });
  if (result.exitCode === 0) return { ...written, unapplied };
  throw new CommandError(
    `access: cannot write pg_hba.conf and pg_ident.conf of ${describe(target)}: ${result.stderr.trim()}`,
    { command: "access", exitCode: result.exitCode, stderr: result.stderr, hint: "Nothing was changed." },
  );
}

/** The note comes before the files, and pg_ident.conf before the records that name its maps. */
const script = `data=$1 own=$2 unapplied=$3 size=$4
${writing}
locate
trap 'rm -f "$hba.candidate" "$ident.candidate" "$own/candidates"' EXIT
for file in "$hba" "$ident"; do
  [ ! -L "$file" ] || { echo "$file is a symbolic link, which is not followed" >&2; exit 1; }
  [ ! -e "$file" ] || cp -p "$file" "$file.candidate" || exit 1
done
cat >"$own/candidates" || exit 1
head -c "$size" "$own/candidates" >"$hba.candidate" && tail -c "+$((size + 1))" "$own/candidates" >"$ident.candidate" || exit 1
rm -f "$own/candidates"
begin_write && note_write "$unapplied" || { undo_write; exit 1; }
publish "$ident.candidate" "$ident" && publish "$hba.candidate" "$hba" || exit 1
flush "\${hba%/*}" "\${ident%/*}"
`;
