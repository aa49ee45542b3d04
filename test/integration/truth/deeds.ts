/** What people do to a server by hand, done to a real one. Each says whether it could be done, and whether that was anything. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Properties } from "../../../provider/schema/check";
import { end, processesIn, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";
import type { Site } from "./site";

export interface Deed {
  readonly kind: DeedKind;
  /** Of a setting that is declared. */
  readonly name: string;
  readonly value: string;
  /** Which of several. */
  readonly pick: number;
}

type Lines = readonly string[];

interface Way {
  /** Where there is no such thing on the other. */
  readonly on?: "primary" | "standby";
  /** What the program must say for it to be anything. */
  readonly needs?: Properties;
  readonly do: (site: Site, deed: Deed) => Promise<boolean>;
}

const running = { state: "started" };
const stopped = { state: "stopped" };
const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"A".repeat(43)}=:${"A".repeat(43)}=`;

export const deeds = {
  edited: conf((lines, deed) => lines.map((line) => (isOf(deed.name, line) ? lineOf(deed) : line))),
  editedLater: conf((lines, deed) => [...lines, lineOf(deed)]),
  removed: conf((lines, { name }) => lines.filter((line) => !isOf(name, line))),
  misspelt: conf((lines, { name }) =>
    lines.map((line) => (isOf(name, line) ? `${name} = '\u00e9 much'` : line)),
  ),
  undeclared: conf((lines, { pick }) => [...lines, `commit_siblings = ${6 + (pick % 9)}`]),
  undeclaredStart: conf((lines, { pick }) => [...lines, `track_activity_query_size = ${2000 + (pick % 9)}`]),
  portMoved: conf((lines, _, { ports }) =>
    lines.map((line) => (isOf("port", line) ? `port = ${ports.at(-1)}` : line)),
  ),
  included: { do: include },
  alterSystem: sql(running, ({ name, value }) => `ALTER SYSTEM SET ${name} = ${quoted(value)}`),
  hbaFirst: file("pg_hba.conf", (lines) => ["host all all 0.0.0.0/0 reject", ...lines]),
  hbaLost: file("pg_hba.conf", (lines, { pick }) => withoutOne(lines, pick)),
  hbaEdited: file("pg_hba.conf", (lines, { pick }) => withOther(lines, pick, "local all jo reject")),
  hbaTurned: file("pg_hba.conf", (lines) => lines.toReversed()),
  identEdited: file("pg_ident.conf", (lines, { pick }) => withOther(lines, pick, "pginstance jo jo")),
  reloaded: { needs: running, do: reload },
  stopped: { needs: running, do: stop },
  killed: { needs: running, do: kill },
  started: { needs: stopped, do: (site) => start(site) },
  commandLine: {
    needs: running,
    do: async (site, { name, value }) => (await stop(site)) && start(site, `-c ${name}=${inShell(value)}`),
  },
  restarted: { needs: running, do: async (site) => (await stop(site)) && start(site) },
  promoted: { on: "standby", needs: running, do: promote },
  password: ofPrimary(
    { ...running, superuserPasswordVerifier: verifier },
    () => "ALTER ROLE postgres PASSWORD 'by hand'",
  ),
  roleChanged: ofPrimary(
    { ...running, replicationRole: { name: "replicator" } },
    () => "ALTER ROLE replicator NOREPLICATION",
  ),
  slotDropped: ofPrimary(
    { ...running, replicationSlots: ["one", "two"] },
    () => "SELECT pg_drop_replication_slot('two')",
  ),
  tablespaceDropped: ofPrimary({ ...running, tablespaces: { fast: "/ssd" } }, () => "DROP TABLESPACE fast"),
  checksums: { on: "primary", needs: { dataChecksums: true }, do: checksums },
} satisfies Record<string, Way>;

export type DeedKind = keyof typeof deeds;

export const deedKinds = Object.keys(deeds) as DeedKind[];

/** What can be done to one, or to the other. */
export const deedKindsOf = (role: "primary" | "standby"): readonly DeedKind[] =>
  deedKinds.filter((kind) => [undefined, role].includes((deeds[kind] as Way).on));

export const needsOf = (kind: DeedKind): Properties => (deeds[kind] as Way).needs ?? {};

export const doDeed = (site: Site, deed: Deed): Promise<boolean> => deeds[deed.kind].do(site, deed);

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

const inShell = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

const lineOf = ({ name, value }: Deed): string =>
  `${name} = ${quoted(value.replaceAll("\\", "\\\\"))} # by hand`;

function isOf(name: string, line: string): boolean {
  const found = /^\s*([\w.]+)/.exec(line)?.[1] ?? "";
  return found.toLowerCase() === name.toLowerCase();
}

const isRecord = (line: string): boolean => /^[a-z]/.test(line);

function nthRecord(lines: Lines, pick: number): number {
  const records = lines.flatMap((line, index) => (isRecord(line) ? [index] : []));
  return records[pick % records.length] ?? -1;
}

function withoutOne(lines: Lines, pick: number): Lines {
  const index = nthRecord(lines, pick);
  return lines.filter((_, other) => other !== index);
}

/** Another record, with the comment that says whose it is. */
function withOther(lines: Lines, pick: number, record: string): Lines {
  const index = nthRecord(lines, pick);
  return lines.map((line, other) => (other === index ? line.replace(/^[^#]*/, `${record} `) : line));
}

type Edit = (lines: Lines, deed: Deed, site: Site) => Lines;

function conf(edit: Edit): Way {
  return file("postgresql.conf", edit);
}

function file(name: string, edit: Edit): Way {
  return {
    async do(site, deed) {
      const path = join(site.data, name);
      const before = await readFile(path, "latin1");
      const lines = before.replace(/\n$/, "").split("\n");
      const after = `${edit(lines, deed, site).join("\n")}\n`;
      if (after === before) return false;
      await writeFile(path, after, "latin1");
      return true;
    },
  };
}

/** What the server refuses was not done: it is stopped, has no such thing, or lets nobody in. */
function sql(needs: Properties, statement: (deed: Deed) => string): Way {
  return {
    needs,
    do: (site, deed) =>
      site.sql(statement(deed)).then(
        () => true,
        () => false,
      ),
  };
}

function ofPrimary(needs: Properties, statement: (deed: Deed) => string): Way {
  return { ...sql(needs, statement), on: "primary" };
}

/** A file of somebody else's, after all that is there. */
async function include(site: Site, deed: Deed): Promise<boolean> {
  await editAsOwner('echo "$2" >"$1/by-hand.conf"', site.data, lineOf(deed));
  const line = "include 'by-hand.conf'";
  return conf((lines) => [...lines.filter((other) => other !== line), line]).do(site, deed);
}

/** One that is a primary already says so. */
function promote(site: Site): Promise<boolean> {
  return editAsOwner('"$2/pg_ctl" -D "$1" -w promote >/dev/null 2>&1', site.data, site.bin).then(
    () => true,
    () => false,
  );
}

/** A reload says nothing of its end; where nobody is let in to ask for it, it has had time enough. */
async function reload(site: Site): Promise<boolean> {
  const { postmaster, loadedAt } = await site.observe();
  if (!postmaster) return false;
  await editAsOwner('"$2/pg_ctl" -D "$1" reload >/dev/null', site.data, site.bin);
  const isTaken = async () => (await site.observe()).loadedAt !== loadedAt;
  if (loadedAt === undefined) await sleep(200);
  else await until("the reload", isTaken, 1).catch(() => undefined);
  return true;
}

async function stop(site: Site): Promise<boolean> {
  if (!(await site.postmaster())) return false;
  await editAsOwner('"$2/pg_ctl" -D "$1" -m fast -w stop >/dev/null', site.data, site.bin);
  return true;
}

/** A file that somebody broke lets no server start. */
async function start(site: Site, options = ""): Promise<boolean> {
  if (await site.postmaster()) return false;
  const script = '"$2/pg_ctl" -D "$1" -w -l "$1.by-hand.log" -o "$3" start >/dev/null 2>&1';
  return editAsOwner(script, site.data, site.bin, options).then(
    () => true,
    () => false,
  );
}

async function kill(site: Site): Promise<boolean> {
  const pid = await site.postmaster();
  if (!pid) return false;
  end(pid);
  // The next server believes a zombie.
  await until("the end of it", () => !existsSync(`/proc/${pid}`) && processesIn(site.data).length === 0);
  return true;
}

async function checksums(site: Site): Promise<boolean> {
  const isOn = (await site.observe()).observed.dataChecksums;
  const ran = await stop(site);
  const script = '"$2/pg_checksums" -D "$1" "$3" >/dev/null 2>&1';
  const isDone = await editAsOwner(script, site.data, site.bin, isOn ? "--disable" : "--enable").then(
    () => true,
    () => false,
  );
  if (ran) await start(site);
  return isDone;
}
