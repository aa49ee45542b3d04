import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Downtime, downtimeOf } from "../support/downtime";
import type { Run } from "../support/engine";
import { progressOf, sayingsOf, text } from "../support/said";
import { Scenario } from "../support/scenario";
import { completePrograms, editAsOwner, freePort } from "../support/servers";

/** The table of changes, row by row, on one instance: what the preview says, what the update does, what a client notices. */
interface Row {
  readonly change: string;
  /** Properties beside those of the rows before, as JavaScript text; what is declared anew wins. */
  readonly args: string;
  /** What the preview says beside the engine's own diff; none: nothing. */
  readonly says?: RegExp;
  /** What the update does, as its progress calls it. */
  readonly does: readonly string[];
  /** none: the same server goes on; restart, downtime: another one. */
  readonly effect: "none" | "restart" | "downtime" | "stopped";
  /** false: where clients connect to is what changes. */
  readonly measured?: boolean;
}

const [conf, reload, restart] = [
  "writing postgresql.conf",
  "reloading the configuration",
  "restarting the server",
];
const [stop, start] = ["stopping the server", "waiting for the server"];

const verifier = `SCRAM-SHA-256$4096:${"a".repeat(22)}==$${"b".repeat(43)}=:${"c".repeat(43)}=`;

describe("each row of the table of changes, in order:", () => {
  let it: Scenario;
  let bins: Readonly<Record<"15" | "17", string>>;
  let args: string[] = [];
  const table: Record<string, unknown>[] = [];
  const at = (name: string) => JSON.stringify(join(it.directory.path, name));
  const declare = () => it.declare(args.join(", "));
  const started = () => it.ask("SELECT pg_postmaster_start_time()::text");

  beforeAll(async () => {
    const [fifteen, seventeen] = await Promise.all([completePrograms("15"), completePrograms("17")]);
    bins = { "15": fifteen, "17": seventeen };
    it = await Scenario.open({ major: "15" });
    args = [`binDirectory: ${JSON.stringify(bins["15"])}`];
    await declare();
    expect(await it.project.up()).toMatchObject({ exitCode: 0 });
    await it.ask("CREATE ROLE probe LOGIN PASSWORD 'probe'");
    await it.ask("GRANT CREATE ON SCHEMA public TO probe");
    await editAsOwner('mkdir "$1"', join(it.directory.path, "run"));
  });
  afterAll(async () => {
    console.log(`Rows of the table of changes:\n${table.map((row) => JSON.stringify(row)).join("\n")}`);
    await it.close();
  });

  const rows: readonly (() => Row | Promise<Row>)[] = [
    () => ({
      change: "a setting of context user",
      args: 'settings: { work_mem: "9MB" }',
      does: [conf, reload],
      effect: "none",
    }),
    () => ({
      change: "one that new sessions take",
      args: 'settings: { work_mem: "9MB", log_connections: true }',
      says: /plan: log_connections: for new sessions only, open ones keep what they have/,
      does: [conf, reload],
      effect: "none",
    }),
    () => ({
      change: "one of context postmaster, no restart allowed",
      args: 'settings: { work_mem: "9MB", max_connections: 60 }',
      says: /plan: max_connections 100 -> 60: written, pending until the next restart \(restartOnChanges is false\)/,
      does: [conf, reload],
      effect: "none",
    }),
    () => ({
      change: "restartOnChanges",
      args: "restartOnChanges: true",
      says: /warning: restart of 15\/main on \S.*: max_connections is pending\. Clients are disconnected\./,
      does: [restart],
      effect: "restart",
    }),
    () => ({
      change: "restartTriggers",
      args: "restartTriggers: { certificate: 1 }",
      says: /warning: restart of .*: restartTriggers changed\./,
      does: [restart],
      effect: "restart",
    }),
    () => ({
      change: "hba, ident, auth",
      args: 'hba: { app: { type: "host", database: "all", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" } }, ident: { jo: { map: "m", systemUser: "jo", databaseUser: "app" } }, auth: { hostssl: "scram-sha-256" }',
      does: ["writing pg_hba.conf", reload],
      effect: "none",
    }),
    () => ({
      change: "superuserPasswordVerifier, replicationRole, replicationSlots",
      args: `superuserPasswordVerifier: "${verifier}", replicationRole: { name: "replicator" }, replicationSlots: ["standby1"]`,
      does: [
        "setting the superuser's password",
        "setting up the replication role",
        "making replication slots",
      ],
      effect: "none",
    }),
    () => ({
      change: "tablespaces, a new one",
      args: `tablespaces: { fast: ${at("ssd")} }`,
      does: ["making a tablespace"],
      effect: "none",
    }),
    () => ({
      change: "tablespaces, another place",
      args: `tablespaces: { fast: ${at("nvme")} }`,
      says: /warning: stop of .* \(fast\) for tablespace fast \S+ -> \S+: downtime until that is done/,
      does: [stop, "moving a tablespace", start, "removing what was moved"],
      effect: "downtime",
    }),
    () => ({
      change: "walDirectory",
      args: `walDirectory: ${at("wal")}`,
      says: /warning: stop of .* \(fast\) for WAL \S+ -> \S+: downtime until that is done/,
      does: [stop, "moving the WAL", start, "removing what was moved"],
      effect: "downtime",
    }),
    () => ({
      change: "walDirectory, back",
      args: `walDirectory: ${JSON.stringify(join(it.data, "pg_wal"))}`,
      says: /warning: stop of .* \(fast\) for WAL/,
      does: [stop, "moving the WAL", start, "removing what was moved"],
      effect: "downtime",
    }),
    () => ({
      change: "dataChecksums",
      args: "dataChecksums: false",
      says: /warning: stop of .* \(fast\) for data checksums switched off: downtime until that is done/,
      does: [stop, "pg_checksums at work", start],
      effect: "downtime",
    }),
    () => ({
      change: "timeouts, stopMode, deletionProtection, address",
      args: 'timeouts: { start: 90 }, stopMode: "smart", address: "db.example"',
      does: [],
      effect: "none",
    }),
    () => ({
      change: "state: stopped",
      args: 'stopMode: "fast", state: "stopped"',
      says: /warning: stop of .* \(fast\): downtime until it is started again/,
      does: [stop],
      effect: "stopped",
      measured: false,
    }),
    () => ({
      change: "state: started",
      args: 'state: "started"',
      says: /plan: start of 15\/main/,
      does: [start],
      effect: "restart",
      measured: false,
    }),
    async () => ({
      change: "port",
      args: `port: ${await freePort()}`,
      says: /warning: restart of .*: port \d+ -> \d+\. Clients are disconnected/,
      does: [conf, restart],
      effect: "restart",
      measured: false,
    }),
    () => ({
      change: "socketDirectory",
      args: `socketDirectory: ${at("run")}`,
      says: /warning: restart of .*: unix_socket_directories\. Clients are disconnected/,
      does: [conf, restart],
      effect: "restart",
      measured: false,
    }),
    () => ({
      change: "version raised",
      args: `replicationSlots: [], version: "17", binDirectory: ${JSON.stringify(bins["17"])}, upgrade: { dropsReplication: true }`,
      says: /warning: upgrade of 15\/main on .* to 17 by pg_upgrade \(copy, 1 job\): downtime/,
      does: ["preparing the upgrade"],
      effect: "downtime",
    }),
  ];

  test.each(rows.map((row, index) => [index + 1, row] as const))("row %i", async (_, row) => {
    const { change, args: more, says, does, effect, measured = true } = await row();
    args.push(more);
    await declare();
    const preview = await it.project.preview();
    expect(preview, text(preview)).toMatchObject({ exitCode: 0 });
    const announced = sayingsOf(preview);
    if (says) expect(announced.join("\n"), change).toMatch(says);
    else expect(announced, change).toEqual([]);
    const before = effect === "restart" && !measured ? undefined : await started();
    let up: Run | undefined;
    const body = async () => {
      up = await it.project.up();
    };
    let seen: Downtime | undefined;
    if (measured) {
      const sockets = (await it.edit('sed -n 5p "$1/postmaster.pid"')).trim();
      const port = Number((await it.edit('sed -n 4p "$1/postmaster.pid"')).trim());
      seen = await downtimeOf({ host: sockets, port, password: "probe" }, body);
    } else await body();
    expect(up, up && text(up)).toMatchObject({ exitCode: 0 });
    const done = up ? progressOf(up) : [];
    const said = up ? sayingsOf(up) : [];
    expect(said, change).toEqual(announced);
    expect(done.slice(0, Math.max(does.length, 1)), change).toEqual(does);
    if (effect !== "stopped" && before !== undefined) {
      if (effect === "none") expect(await started(), change).toBe(before);
      else expect(await started(), change).not.toBe(before);
    }
    table.push({ change, said, done, downtime: seen?.milliseconds });
  });

  test("nothing is left to do after them", async () => {
    expect(await it.project.preview("--expect-no-changes")).toMatchObject({ exitCode: 0 });
  });

  test("what cannot be changed is refused in the preview, all of it at once, with the way that there is", async () => {
    const refused: readonly [args: string, words: readonly RegExp[]][] = [
      [
        'version: "16", settings: { block_size: 4096, work_men: "9MB", work_mem: "1" }',
        [
          /version: 17 cannot be lowered to 16/,
          /settings\.block_size: is fixed/,
          /settings\.work_men: .*Did you mean work_mem\?/,
          /settings\.work_mem: /,
        ],
      ],
      [
        `name: "other", dataDirectory: ${at("elsewhere")}, owner: "nobody"`,
        [
          /name: changing main to other is not possible/,
          /dataDirectory: changing .* is not done by the provider/,
          /owner: changing .* is not done by the provider/,
        ],
      ],
    ];
    for (const [more, words] of refused) {
      await it.declare([...args, more].join(", "));
      const preview = await it.project.preview();
      expect(preview.exitCode, more).not.toBe(0);
      for (const word of words) expect(text(preview), more).toMatch(word);
    }
    await it.declare([...args, 'superuser: "admin"'].join(", "));
    expect(text(await it.project.preview())).toMatch(
      /warning: superuser changed: a new, empty cluster replaces this one\. All its data is lost/,
    );
  });

  test("a replacement that cannot be made leaves the old cluster there", async () => {
    const started = "SELECT pg_postmaster_start_time()::text";
    const before = await it.ask(started);
    await it.declare([...args, 'locale: "xx_XX.UTF-8"'].join(", "));
    const up = await it.project.up();
    expect(up.exitCode).not.toBe(0);
    expect(text(up)).toContain(
      `the old cluster was not deleted, since no new one can be made: locale: ${it.where} has no locale "xx_XX.UTF-8"`,
    );
    expect(await it.ask(started)).toBe(before);
  });
});
