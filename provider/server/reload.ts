import { InstanceStateError, QueryError, SettingsError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import type { PostmasterPid } from "../postgresql/pidfile";
import { withSession } from "./connect";
import { putBack, refusedFiles } from "./copies";
import { addressOf, observe } from "./observe";
import { pgCtl } from "./service";
import { describe, type Target } from "./target";

/** Seconds until the server must have taken the files, and let a new connection in. */
const limit = 15;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const tooManyConnections = "53300";

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
  let full = false;
  for (const start = performance.now(); performance.now() - start < limit * 1000; ) {
    const now = await loaded().catch((error: QueryError) => error);
    if (now instanceof QueryError) {
      problem = now.message;
      // All connections taken: others got in, and so shall we.
      if (now.sqlstate === tooManyConnections) full = true;
    } else if (now?.at !== before?.at) {
      if (!now?.errors) return applied(session, postmaster, waits && now?.pending === true);
      problem = String(now.errors);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  if (full)
    throw new WaitTimeoutError(`reload of ${describe(target)}`, limit, problem, {
      hint: "Nothing was put back.",
    });
  const restored = await putBack(session, target);
  if (restored) await pgCtl(target).reload(session);
  throw new SettingsError(`reload of ${describe(target)}: ${problem}`, {
    hint: restored
      ? `The files are back as they were, and the server was told so. ${refusedFiles(target)}`
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

/** The files are proved; what we wrote for a restart still waits. */
async function applied(session: Session, postmaster: PostmasterPid, pending: boolean): Promise<void> {
  if (pending) await session.write("unapplied", `pending ${postmaster.pid} ${postmaster.startTime}\n`);
  await session.remove("previous", ...(pending ? [] : ["unapplied"]));
}
