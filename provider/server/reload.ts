import { InstanceStateError, QueryError, SettingsError, WaitTimeoutError } from "../errors";
import type { Session } from "../host/session";
import type { PostmasterPid } from "../postgresql/pidfile";
import type { Major } from "../postgresql/version";
import { type Address, query } from "./connect";
import { putBack, refusedFiles } from "./copies";
import { addressOf, type Observation, observe } from "./observe";
import { refusedLines, refusedRecords } from "./questions";
import { pgCtl } from "./service";
import { describe, type Target } from "./target";

/** What a reload has to have read: the settings alone, or the records of pg_hba.conf and pg_ident.conf too. */
type Proves = "settings" | "all";

/** Seconds until the server must have taken the files, and let a new connection in. */
const limit = 15;
/** Seconds after which a plain refusal counts as one: until then the postmaster may not have read its signal. */
const grace = 1;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const tooManyConnections = "53300";
const cannotConnectNow = "57P03";

/**
 * `pg_ctl reload` returns 0 for a refused file, so what counts is what a new connection sees: the time of the last
 * load has moved, and no line has an error. Else the files go back as they were.
 */
export async function reloadAndVerify(
  target: Target,
  session: Session,
  seen?: Observation,
  proves: Proves = "all",
): Promise<void> {
  const { postmaster, observed, loadedAt } = seen ?? (await observe(target));
  if (!postmaster || observed.server !== "running") {
    throw new InstanceStateError(`reload: ${describe(target)} is ${observed.server}, and takes no sessions`);
  }
  const look = () =>
    ask(addressOf(target, postmaster), proves === "all" ? accessQuestions(target.version) : []);
  const before = loadedAt ?? (await look().catch(asAnswer)).at ?? "";
  await pgCtl(target).reload(session);
  const outcome = await waitForLoad(look, before);
  if (outcome.kind === "taken") {
    const waits = observed.unapplied === "restart" || observed.unapplied === "pending";
    return applied(session, postmaster, waits && outcome.pending);
  }
  if (outcome.kind === "full") {
    throw new WaitTimeoutError(`reload of ${describe(target)}`, limit, outcome.problem, {
      hint: "All connections are taken, so nobody can tell how it went; nothing was put back.",
    });
  }
  const restored = await putBack(session, target);
  if (restored) await pgCtl(target).reload(session);
  throw new SettingsError(`reload of ${describe(target)}: ${outcome.problem}`, {
    hint: restored
      ? `The files are back as they were, and the server was told so. ${refusedFiles(target)}`
      : "The files were not changed: what they say was there before.",
  });
}

type Outcome =
  | { readonly kind: "taken"; readonly pending: boolean }
  | { readonly kind: "full" | "refused"; readonly problem: string };

async function waitForLoad(look: () => Promise<Load>, before: string): Promise<Outcome> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  let last: Outcome = { kind: "refused", problem: "the server did not read its files" };
  while (seconds() < limit) {
    const now = await look().catch(asAnswer);
    if (now instanceof QueryError) {
      const { sqlstate, message } = now;
      last = { kind: sqlstate === tooManyConnections ? "full" : "refused", problem: message };
      const passes =
        sqlstate === undefined || sqlstate === tooManyConnections || sqlstate === cannotConnectNow;
      if (!passes && seconds() > grace) return last;
    } else if (now.at !== before) {
      return now.errors ? { kind: "refused", problem: now.errors } : { kind: "taken", pending: now.pending };
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return last;
}

/** What the server says is an answer; that the host is out of reach is none. Whom it refuses knows of no load. */
function asAnswer(error: unknown): QueryError & { readonly at?: undefined } {
  if (error instanceof QueryError) return error;
  throw error;
}

interface Load {
  readonly at: string;
  readonly pending: boolean;
  readonly errors: string;
}

async function ask(address: Address, more: readonly string[]): Promise<Load> {
  const answers = (await query(address, [question, ...more])).map(([row]) => row);
  const [row] = answers;
  const errors = answers.flatMap((answer) => (answer?.errors ? [String(answer.errors)] : []));
  return { at: String(row?.at), pending: row?.pending === true, errors: errors.join("\n") };
}

/** Before 15 there is no view for pg_ident.conf, and before 16 it does not say which file a line is of. */
function accessQuestions(version: Major): string[] {
  const refusedMaps = `
    SELECT format('%s:%s: %s', coalesce(to_jsonb(m) ->> 'file_name', 'pg_ident.conf'), line_number, error) AS line
      FROM pg_ident_file_mappings AS m WHERE error IS NOT NULL`;
  const refused = [refusedRecords, ...(Number(version) >= 15 ? [refusedMaps] : [])];
  return refused.map((lines) => `SELECT string_agg(line, E'\\n') AS errors FROM (${lines}) AS refused`);
}

const question = `
  SELECT pg_conf_load_time()::text AS at,
    (SELECT coalesce(bool_or(pending_restart), false) FROM pg_settings) AS pending,
    (SELECT string_agg(line, E'\\n') FROM (${refusedLines}) AS refused) AS errors`;

/** The files are proved; what we wrote for a restart still waits. */
async function applied(session: Session, postmaster: PostmasterPid, pending: boolean): Promise<void> {
  if (pending) await session.write("unapplied", `pending ${postmaster.pid} ${postmaster.startTime}\n`);
  await session.remove("previous", ...(pending ? [] : ["unapplied"]));
}
