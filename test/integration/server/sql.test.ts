/** Statements to a real server: through the relay, and through psql where a host has nothing to relay by. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QueryError } from "../../../provider/errors";
import type { Host } from "../../../provider/host/host";
import { LocalHost } from "../../../provider/host/local";
import { noRelay } from "../../../provider/host/relay";
import { type Address, query } from "../../../provider/server/connect";
import { findInstalled } from "../../../scripts/setup/postgresql.mjs";
import { failureOf, owner } from "../../support/instances";
import { editAsOwner } from "../../support/servers";
import { type TestServer, testServer } from "../postgresql/test-server";

const major = "15";
const few = "max_connections = 3\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0\n";

let server: TestServer;
let local: Address;

beforeAll(async () => {
  server = await testServer(major, { settings: few });
  await server.start();
  local = {
    host: new LocalHost(),
    owner,
    binDirectory: server.binDirectory,
    socketDirectory: dirname(server.dataDirectory),
    port: 5432,
    superuser: "postgres",
  };
});
afterAll(() => server?.remove());

/** The same host without a program that could relay. */
function withoutRelay(host: Host): Host {
  return {
    name: host.name,
    reserve: (user) => host.reserve(user),
    run: (command) =>
      command.script.includes("relay")
        ? Promise.resolve({ exitCode: noRelay, stdout: Buffer.alloc(0), stderr: "" })
        : host.run(command),
  };
}

const ways: readonly (readonly [string, () => Address])[] = [
  ["the relay", () => local],
  ["psql", () => ({ ...local, host: withoutRelay(local.host) })],
];

/** The embedded servers come without it. */
const psql = existsSync(join(findInstalled(major)?.binDirectory ?? "/", "psql"));

describe.each(psql ? ways : ways.slice(0, 1))("by %s", (way, at) => {
  const words = (text: string) => `session of postgres at port 5432 of this machine: ${text}`;

  it("each statement's rows come back, in the types of PostgreSQL", async () => {
    const rows = await query(at(), [
      "SELECT 1 AS number, true AS yes, NULL AS nothing, 'é''\n\\ 🐘' AS text",
      "CREATE TEMP TABLE t (a int)",
      "INSERT INTO t VALUES (1), (2)",
      "SELECT a FROM t ORDER BY a",
      "SELECT a FROM t WHERE a > 2",
      "SHOW max_connections",
    ]);
    expect(rows).toEqual([
      [{ number: 1, yes: true, nothing: null, text: "é'\n\\ 🐘" }],
      [],
      [],
      [{ a: 1 }, { a: 2 }],
      [],
      [{ max_connections: "3" }],
    ]);
  });

  it("an error is the server's, with its code, and what stands behind it is not run", async () => {
    const statements = ["SELECT 1", "SELECT * FROM no_such", "CREATE TABLE public.behind ()"];
    const error = await failureOf(query(at(), statements));
    expect(error).toBeInstanceOf(QueryError);
    expect(error).toMatchObject({ message: words('relation "no_such" does not exist'), sqlstate: "42P01" });
    expect(await query(at(), ["SELECT to_regclass('public.behind') AS found"])).toEqual([[{ found: null }]]);
  });

  it("what ALTER ROLE puts into sessions changes nothing of ours", async () => {
    const settings = {
      statement_timeout: "1ms",
      default_transaction_read_only: "on",
      search_path: "nowhere",
      log_transaction_sample_rate: "1",
    };
    for (const [name, value] of Object.entries(settings)) {
      await query(at(), [`ALTER ROLE postgres SET ${name} = '${value}'`]);
    }
    try {
      const shown = await query(at(), [
        "SELECT pg_sleep(0.1) IS NULL AS slept",
        ...Object.keys(settings).map((name) => `SHOW ${name}`),
      ]);
      expect(Object.assign({}, ...shown.flat())).toEqual({
        slept: false,
        statement_timeout: "0",
        default_transaction_read_only: "off",
        search_path: "pg_catalog",
        log_transaction_sample_rate: "0",
      });
    } finally {
      await query(at(), ["ALTER ROLE postgres RESET ALL"]);
    }
  });

  it("large statements and answers pass", async () => {
    const text = "0123456789".repeat(300_000);
    expect(await query(at(), [`SELECT '${text}' || md5('') AS text`])).toEqual([
      [{ text: `${text}d41d8cd98f00b204e9800998ecf8427e` }],
    ]);
  });

  it("a cluster without a database postgres is reached by template1", async () => {
    await query(local, ["DROP DATABASE postgres"], 30, ["template1"]);
    try {
      expect(await query(at(), ["SELECT current_database()::text AS name"])).toEqual([
        [{ name: "template1" }],
      ]);
    } finally {
      await query(local, ["CREATE DATABASE postgres"]);
    }
  });

  it("a server that asks for a password is an error that says so", async () => {
    const hba = join(server.dataDirectory, "pg_hba.conf");
    await editAsOwner('cp -p "$1" "$1.before"; echo "local all all scram-sha-256" >"$1"', hba);
    await server.run("pg_ctl", "reload", "-D", server.dataDirectory);
    try {
      const error = await untilOf("28000", () => query(at(), ["SELECT 1"]));
      expect(String(error)).toMatch(/password/);
    } finally {
      await editAsOwner('mv "$1.before" "$1"', hba);
      await server.run("pg_ctl", "reload", "-D", server.dataDirectory);
      await untilOf("nothing", () => query(at(), ["SELECT 1"]));
    }
  });

  it("a server without a free connection is an error that says so", async () => {
    const clients = await Promise.all([1, 2, 3].map(client));
    try {
      expect(await failureOf(query(at(), ["SELECT 1"]))).toMatchObject({
        message: words("sorry, too many clients already"),
        sqlstate: "53300",
      });
    } finally {
      await Promise.all(clients.map((one) => one.end()));
      await untilOf("nothing", () => query(at(), ["SELECT 1"]));
    }
  });

  it("a server that is not there is an error with the path of its socket", async () => {
    const error = await failureOf(query({ ...at(), port: 1 }, ["SELECT 1"]));
    expect(error).toBeInstanceOf(QueryError);
    expect(String(error)).toMatch(/cannot reach .*\.s\.PGSQL\.1.*No such file or directory/s);
  });

  it.runIf(way === "the relay")("the statements of one message are done wholly or not at all", async () => {
    const error = await failureOf(query(at(), ["CREATE TABLE public.before ()", "SELECT 1 / 0"]));
    expect(error).toMatchObject({ sqlstate: "22012" });
    expect(await query(at(), ["SELECT to_regclass('public.before') AS found"])).toEqual([[{ found: null }]]);
  });

  it.runIf(way === "the relay")("a statement over the limit is an error that names it", async () => {
    const error = await failureOf(query(at(), ["SELECT pg_sleep(5)"], 1));
    expect(String(error)).toContain("no answer within 1 s");
  });
});

async function client(): Promise<Client> {
  const made = new Client({ host: local.socketDirectory, user: "postgres", database: "postgres" });
  made.on("error", () => undefined);
  await made.connect();
  return made;
}

/** A reload and the end of a session take a moment. */
async function untilOf(sqlstate: string, run: () => Promise<unknown>): Promise<unknown> {
  let last: unknown;
  for (let attempt = 0; attempt < 100; attempt++) {
    last = await failureOf(run());
    const code = last instanceof QueryError ? last.sqlstate : "nothing";
    if (code === sqlstate) return last;
  }
  throw last;
}
