import { UnsupportedError } from "../errors";
import type { Session } from "../host/session";
import { pgChecksums } from "../postgresql/programs";
import { offline } from "./offline";
import { describe, type Target } from "./target";

/**
 * Writes every page anew, or switches the check off. pg_control tells that it is done at the very end: one that was
 * interrupted is done again.
 */
export function setChecksums(target: Target, session: Session, enable: boolean): Promise<void> {
  const [program = "", ...args] = pgChecksums(target.binDirectory, target.dataDirectory, enable);
  return offline(target, session, {
    name: "checksums",
    script: '"$@"',
    args: [program, ...args],
    what: `pg_checksums ${enable ? "--enable" : "--disable"}`,
  });
}

/** @throws UnsupportedError where it is missing: not every build has it */
export async function requireChecksumsProgram(target: Target): Promise<void> {
  const [program = ""] = pgChecksums(target.binDirectory, target.dataDirectory, true);
  const result = await target.host.run({
    name: "facts",
    script: '[ -x "$1" ]',
    args: [program],
    user: target.owner,
  });
  if (result.exitCode === 0) return;
  throw new UnsupportedError(
    `dataChecksums: ${describe(target)} has no ${program}, which alone changes them in place`,
    {
      hint:
        `Nothing was changed. Install the complete PostgreSQL ${target.version} (Debian: apt-get install ` +
        `postgresql-${target.version}) and declare its binDirectory, or leave dataChecksums as it is.`,
    },
  );
}
