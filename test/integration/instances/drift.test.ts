/** Each kind of what somebody may do by hand: seen by a refresh with its place, repaired by the next update, then nothing to plan. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, handles, type Live, messageOf, place } from "../../support/instances";
import { completePrograms, editAsOwner } from "../../support/servers";

const said = vi.hoisted((): string[] => []);
vi.mock("../../../provider/resources/engine", async (original) => ({
  ...(await original<object>()),
  logFor: () => ({
    say: async (severity: string, text: string) => void said.push(`${severity}: ${text}`),
    progress: () => undefined,
  }),
}));

interface Kind {
  readonly kind: string;
  /** A shell script in the data directory with the programs on the PATH, or SQL. */
  readonly deed: string | { readonly sql: string };
  /** What a refresh puts in place of the inputs. */
  readonly found?: object;
  /** What it says beside. */
  readonly says?: RegExp;
  /** What the next preview says. */
  readonly announces?: RegExp;
  /** What the program declares beside the rest. */
  readonly declares?: Properties;
  /** False: neither the preview nor the repair may restart it. */
  readonly restarts?: false;
  /** What is so after the repair: SQL and its answer. */
  readonly after?: readonly [sql: string, answer: string];
}

const verifier = `SCRAM-SHA-256$4096:${"a".repeat(22)}==$${"b".repeat(43)}=:${"c".repeat(43)}=`;
const hup = "kill -HUP $(head -n 1 postmaster.pid)";

const declared: Properties = {
  restartOnChanges: true,
  superuserPasswordVerifier: verifier,
  replicationRole: { name: "replicator" },
  replicationSlots: ["one"],
  dataChecksums: true,
  hba: {
    app: { type: "host", database: "all", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" },
  },
  ident: { jo: { map: "m", systemUser: "jo", databaseUser: "app" } },
};
const settings = { work_mem: "5MB", log_min_messages: "error", max_connections: 40 };

const kinds: readonly Kind[] = [
  {
    kind: "a setting edited",
    deed: `sed -i 's/^work_mem.*/work_mem = 6MB/' postgresql.conf`,
    found: { settings: { work_mem: "6MB" } },
    says: /work_mem was changed in postgresql\.conf:\d+/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "a later line of it",
    deed: `echo "Work_Mem 7MB" >>postgresql.conf; ${hup}`,
    found: { settings: { work_mem: "7MB" } },
    says: /work_mem was changed in postgresql\.conf:\d+/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "its line removed",
    deed: `sed -i '/^[Ww]ork_[Mm]em/d' postgresql.conf; ${hup}`,
    found: { settings: { work_mem: "4MB" } },
    says: /work_mem is no longer in postgresql\.conf/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "an include that overrides it",
    deed: `echo "work_mem = 8MB" >extra.conf; echo "include 'extra.conf'" >>postgresql.conf; ${hup}`,
    found: { settings: { work_mem: "8MB" } },
    says: /work_mem is overridden in extra\.conf:1/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "ALTER SYSTEM",
    deed: { sql: "ALTER SYSTEM SET work_mem = '9MB'; SELECT pg_reload_conf()" },
    found: { settings: { work_mem: "9MB" } },
    says: /work_mem is overridden in postgresql\.auto\.conf:3 \(ALTER SYSTEM\)/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "ALTER SYSTEM of what only a restart takes",
    deed: { sql: "ALTER SYSTEM SET max_connections = 50; SELECT pg_reload_conf()" },
    found: { settings: { max_connections: 50 } },
    says: /max_connections is overridden in postgresql\.auto\.conf:3/,
    // What it goes back to is what the server runs with.
    restarts: false,
    after: ["SHOW max_connections", "40"],
  },
  {
    kind: "a server started by hand with a command line",
    deed: `pg_ctl -w -m fast stop >/dev/null; pg_ctl -w -l /dev/null -o "-c work_mem=11MB" start >/dev/null`,
    found: { settings: { work_mem: "11MB" } },
    says: /work_mem is overridden by how the server was started/,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "an undeclared setting, kept",
    deed: { sql: "ALTER SYSTEM SET log_statement = 'ddl'; SELECT pg_reload_conf()" },
    says: /info: plan: 1 setting that nobody declares: log_statement \(postgresql\.auto\.conf:\d+\)/,
    after: ["SHOW log_statement", "ddl"],
  },
  {
    kind: "an undeclared setting, removed",
    declares: { unmanagedSettings: "remove" },
    deed: `echo "temp_buffers = 9MB" >>postgresql.conf; ${hup}`,
    says: /2 settings that nobody declares: log_statement .*temp_buffers/,
    after: ["SELECT current_setting('temp_buffers') || current_setting('log_statement')", "8MBnone"],
  },
  {
    kind: "a record that nobody declares, kept",
    deed: `echo "host all all 10.9.9.9/32 md5" >>pg_hba.conf; ${hup}`,
    says: /info: plan: 1 access record that nobody declares: "host all all 10\.9\.9\.9\/32 md5" \(pg_hba\.conf\)/,
    after: ["SELECT count(*) FROM pg_hba_file_rules WHERE address = '10.9.9.9'", "1"],
  },
  {
    kind: "a line that the server refuses",
    deed: `sed -i 's/^work_mem.*/work_mem = banana/' postgresql.conf; ${hup}; sleep 0.5`,
    found: { settings: { work_mem: "banana" } },
    says: /warning: the server does not take this line of its files: \S+postgresql\.conf:\d+: work_mem: /,
    after: ["SHOW work_mem", "5MB"],
  },
  {
    kind: "an hba record edited",
    deed: `sed -i '/pginstance hba.app/ s/10.0.0.0/11.0.0.0/' pg_hba.conf; ${hup}`,
    found: { hba: { app: { address: "11.0.0.0/8" } } },
    after: ["SELECT count(*) FROM pg_hba_file_rules WHERE address = '10.0.0.0'", "1"],
  },
  {
    kind: "an hba record lost",
    deed: `sed -i '/pginstance hba.app/d' pg_hba.conf; ${hup}`,
    found: { hba: {} },
    after: ["SELECT count(*) FROM pg_hba_file_rules WHERE address = '10.0.0.0'", "1"],
  },
  {
    kind: "an ident record lost",
    deed: `sed -i '/pginstance ident.jo/d' pg_ident.conf; ${hup}`,
    found: { ident: {} },
  },
  {
    kind: "the superuser's password",
    deed: { sql: "ALTER ROLE postgres PASSWORD 'other'" },
    after: ["SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'", verifier],
  },
  {
    kind: "the replication role",
    deed: { sql: "ALTER ROLE replicator NOREPLICATION" },
    found: { replicationRole: { name: "no_replicator" } },
    after: ["SELECT rolreplication FROM pg_roles WHERE rolname = 'replicator'", "true"],
  },
  {
    kind: "a slot dropped",
    deed: { sql: "SELECT pg_drop_replication_slot('one')" },
    found: { replicationSlots: [] },
    after: ["SELECT count(*) FROM pg_replication_slots", "1"],
  },
  {
    kind: "data checksums",
    deed: "pg_ctl -w -m fast stop >/dev/null; pg_checksums --disable >/dev/null; pg_ctl -w -l /dev/null start >/dev/null",
    found: { dataChecksums: false },
    after: ["SHOW data_checksums", "on"],
  },
  {
    kind: "stopped",
    deed: "pg_ctl -w -m fast stop >/dev/null",
    found: { state: "stopped" },
    after: ["SELECT 1", "1"],
  },
  {
    kind: "crashed",
    deed: "pg_ctl -m immediate stop >/dev/null",
    found: { state: "stopped" },
    says: /^warning: the server of 17\/main on this machine does not run: it crashed, or was killed$/m,
    after: ["SELECT 1", "1"],
  },
  {
    kind: "a server older than its binaries",
    // As after an update of the package, which restarts nothing.
    deed: `real=$(readlink "$BIN/postgres"); rm "$BIN/postgres"
      printf '#!/bin/sh\n[ "$1" != --version ] || { echo "postgres (PostgreSQL) 17.99"; exit; }\nexec %s "$@"\n' "$real" >"$BIN/postgres"
      chmod +x "$BIN/postgres"`,
    declares: { settings: { ...settings, work_mem: "6MB" } },
    announces:
      /^warning: a restart of 17\/main on this machine is pending for server_version 17\.\d+ -> 17\.99$/m,
    after: ["SHOW work_mem", "6MB"],
  },
];

describe("what somebody did by hand, in order:", () => {
  let live: Live;
  let outs: Properties;
  let programs: string;
  const table: object[] = [];
  const started = () => live.sql("SELECT pg_postmaster_start_time()::text AS at");
  const inputs = (more: Properties = {}) =>
    live.inputs({ ...declared, binDirectory: programs, settings, ...more });

  beforeAll(async () => {
    const at = await place("17");
    programs = join(at.folder.path, "bin");
    await editAsOwner('mkdir "$1" && ln -s "$2"/* "$1"', programs, await completePrograms("17"));
    const target = { ...at.target, binDirectory: programs };
    live = { ...at, ...handles(target), id: "", outs: {} };
    const made = await instance.create(await inputs());
    live = { ...live, id: made.id };
    outs = made.outs as Properties;
  });
  beforeEach(() => void said.splice(0));
  afterAll(async () => {
    console.log(`Drift:\n${table.map((row) => JSON.stringify(row)).join("\n")}`);
    await live?.folder.dispose();
  });

  it.each(kinds)("$kind", async (row) => {
    const { kind, deed, found, says, announces, restarts, declares = {}, after } = row;
    if (typeof deed === "string") {
      await editAsOwner(
        `cd "$1" && PGDATA=$1 BIN=$2 PATH=$2:$PATH && export PGDATA && ${deed}`,
        live.target.dataDirectory,
        programs,
      );
    } else for (const statement of deed.sql.split("; ")) await live.sql(statement);
    const wanted = await inputs(declares);
    said.splice(0);
    const seen = await instance.read(live.id, outs);
    if (found) expect(seen.inputs).toMatchObject(found);
    if (says) expect(said.join("\n")).toMatch(says);
    const lines = said.splice(0);
    const { changes } = await instance.diff(live.id, seen.props as Properties, wanted);
    const announced = said.splice(0);
    if (announces) expect(announced.join("\n")).toMatch(announces);
    const before = restarts === false ? await started() : undefined;
    outs = (await instance.update(live.id, seen.props as Properties, wanted)).outs as Properties;
    if (restarts === false) {
      expect(announced.join("\n")).not.toContain("restart");
      expect(await started()).toEqual(before);
    }
    expect(said.filter((line) => line.startsWith("warning"))).toEqual([]);
    if (after) expect(String(Object.values((await live.sql(after[0]))[0] ?? {})[0])).toBe(after[1]);
    expect(await instance.diff(live.id, outs, wanted)).toMatchObject({ changes: false });
    const again = await instance.read(live.id, outs);
    expect(again.props).toEqual(outs);
    table.push({ kind, seen: lines, changes: changes ?? "inputs", announced });
  });

  it.each([
    {
      ...{ file: "postgresql.conf", line: "work_mem == what", mark: "== what" },
      says: /warning: the server does not take this line of its files: \S+postgresql\.conf:\d+: syntax error/,
      refuses: /^restart: 17\/main on this machine would not start with its files:\n.*syntax error in file /,
    },
    {
      ...{ file: "pg_hba.conf", line: "hosst all all 10.9.9.9/32 md5", mark: "hosst" },
      says: /warning: with this line the server takes nothing of its file, and would not start: \S+pg_hba\.conf:\d+: invalid connection type "hosst"/,
      refuses:
        /^access: 17\/main on this machine would not start with its pg_hba\.conf:\n {2}\S+pg_hba\.conf:\d+: invalid connection type "hosst"/,
    },
  ])(
    "a line of $file that is none: a refresh says it, and no restart finds it out by a downtime",
    async (it) => {
      const { dataDirectory } = live.target;
      const edit = (script: string) => editAsOwner(script, dataDirectory, it.file, it.line, it.mark);
      const before = await started();
      await edit('echo "$3" >>"$1/$2"');
      await instance.read(live.id, outs);
      expect(said.join("\n")).toMatch(it.says);
      const last = outs.settings as Properties;
      const wanted = await inputs({ settings: last, restartTriggers: it.file });
      const message = messageOf(await failureOf(instance.update(live.id, outs, wanted)));
      expect(message).toMatch(it.refuses);
      expect(message).toMatch(/\nNothing was stopped\. Correct the file, and run this again\.$/);
      expect(await started()).toEqual(before);
      await edit('sed -i "/$4/d" "$1/$2"');
      outs = (await instance.update(live.id, outs, wanted)).outs as Properties;
      expect(await started()).not.toEqual(before);
    },
  );

  it("a data directory that is not there: a refresh warns, and nothing is made in its place", async () => {
    const { binDirectory, dataDirectory } = live.target;
    const script = (deed: string) => editAsOwner(deed, binDirectory, dataDirectory);
    await script('"$1/pg_ctl" -s -D "$2" -m fast stop && mv "$2" "$2.away"');
    // As under a disk that is not mounted.
    await script('mkdir -p "$2/lost+found"');
    expect(messageOf(await failureOf(instance.read(live.id, outs)))).toBe(
      `dataDirectory: ${dataDirectory} on this machine is not empty, and holds no PostgreSQL instance. It was not touched.\n` +
        "An instance of ours was there: if its disk is only not mounted, mount it; else put back what was there.",
    );
    await script('rmdir "$2/lost+found"');
    expect(await instance.read(live.id, outs)).toEqual({});
    await script('rmdir "$2"');
    expect(said).toEqual([
      `warning: 17/main on this machine is gone: ${dataDirectory} is missing or empty\n` +
        "If its disk is only not mounted, or it was renamed, mount it or put it back before the next `pulumi up`, which " +
        "otherwise makes nothing in its place.",
    ]);
    const wanted = await inputs({});
    expect(messageOf(await failureOf(instance.create(wanted)))).toBe(
      `17/main on this machine was complete, and ${dataDirectory} is missing or empty now. Nothing was made in its place.\n` +
        "If its disk is only not mounted, or it was renamed, mount it or put it back, and run this again. " +
        `For a new, empty one remove ${dataDirectory}.pginstance on the host first.`,
    );
    await script('mv "$2.pginstance" "$2.pginstance.away"');
    expect(await instance.read(live.id, outs)).toEqual({});
    expect(said.at(-1)).toMatch(/otherwise makes a new, empty cluster there\.$/);
    await script('mv "$2.pginstance.away" "$2.pginstance"');
    await script('mv "$2.away" "$2"');
    expect((await instance.read(live.id, outs)).id).toBe(live.id);
  });
});
