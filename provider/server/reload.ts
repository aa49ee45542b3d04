import { InstanceStateError, QueryError, SettingsError } from "../errors";
import type { Session } from "../host/session";
import type { PostmasterPid } from "../postgresql/pidfile";
import { withSession } from "./connect";
import { addressOf, observe } from "./observe";
import { pgCtl, putBack } from "./service";
import { describe, type Target } from "./target";

/** Seconds until the server must have taken the files, and let a new connection in. */
const limit = 15;

/**
 * `pg_ctl reload` returns 0 for a refused file, so what counts is what a new connection sees: the time of the last
 * load has moved, and no line has an error. Else the files go back as they were.
 */
export async function reloadAndVerify(target: Target, session: Session): Promise<void> {
  const { postmaster, observed } = await observe(target);
  if (!postmaster || observed.server !== "running") {
    throw new InstanceStateError(`reload: ${describe(target)} is ${observed.server}, and takes no sessions`);
  }
  const address = addressOf(target, postmaster);
  const loaded = () => withSession(address, async (client) => (await client.query(question))[0]?.[0]);
  const before = await loaded();
  const waits = observed.unapplied === "restart" || observed.unapplied === "pending";
  await pgCtl(target).reload(session);
  let problem = "the server did not read its files";
  for (const start = performance.now(); performance.now() - start < limit * 1000; ) {
    const now = await loaded().catch((error: QueryError) => error);
    if (now instanceof QueryError) problem = now.message;
    else if (now?.at !== before?.at) {
      if (!now?.errors) return applied(session, postmaster, waits && now?.pending === true);
      problem = String(now.errors);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  const restored = await putBack(session, target);
  throw new SettingsError(`reload of ${describe(target)}: ${problem}`, {
    hint: restored
      ? "The files are back as they were, and the server was told so."
      : "The files were not changed: what they say was there before.",
  });
}

/** An error on a line that only waits for a restart is no refusal. */
const question = `
  SELECT pg_conf_load_time()::text AS at,
    (SELECT coalesce(bool_or(pending_restart), false) FROM pg_settings) AS pending,
    (SELECT string_agg(format('%s:%s: %s: %s', f.sourcefile, f.sourceline, f.name, f.error), E'\\n')
       FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)
      WHERE f.error IS NOT NULL AND NOT coalesce(s.pending_restart, false)
        AND coalesce(s.context, '') <> 'postmaster') AS errors`;

/** What we wrote for a restart still waits, and can still be put back. */
async function applied(session: Session, postmaster: PostmasterPid, pending: boolean): Promise<void> {
  if (!pending) return session.remove("unapplied", "previous");
  return session.write("unapplied", `pending ${postmaster.pid} ${postmaster.startTime}\n`);
}
