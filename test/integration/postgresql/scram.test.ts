import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scramVerifier } from "../../../provider/postgresql/scram";
import { alterRolePassword, quoteIdentifier, quoteLiteral } from "../../../provider/postgresql/sql";
import { type TestServer, testServer } from "./test-server";

const passwords = [
  "pencil",
  'it\'s \\ "quoted"',
  "control \u0007 character",
  "Zürich",
  "Zu\u0308rich",
  "日本語 😀",
  "I\u00adX \u2168",
  "wide\u3000space\u200b\u00a0",
  "\u00ad",
  "\u06271",
  "\u0627\u0628",
  "\u0627a",
  "\u0221",
  "ß \u0007",
  "\ufb01\u00aa\u00b2",
];
const salt = Uint8Array.from({ length: 16 }, (_, index) => index * 7);
const role = 'jo "the" role';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await testServer("15", {
    settings: [
      "log_statement = all",
      "log_duration = on",
      "log_min_duration_statement = 0",
      "log_min_duration_sample = 0",
      "log_transaction_sample_rate = 1",
      "log_min_error_statement = debug5",
      "debug_print_parse = on",
      "shared_preload_libraries = pg_stat_statements",
    ].join("\n"),
  });
  await server.write(
    "pg_hba.conf",
    `local all postgres trust\nlocal all ${JSON.stringify(role).replaceAll('\\"', '""')} scram-sha-256\n`,
  );
  await server.start();
  // As every session of ours has it: server/exchange.ts.
  client = await server.connect({ options: "-c log_transaction_sample_rate=0" });
  await client.query(`CREATE ROLE ${quoteIdentifier(role)} LOGIN; CREATE EXTENSION pg_stat_statements`);
});
afterAll(() => server?.remove());

const setPassword = async (verifier: string) => {
  for (const statement of alterRolePassword(role, verifier)) await client.query(statement);
};

describe("a verifier made here", () => {
  test.each(passwords)("is what the server makes of %j", async (password) => {
    await client.query(`ALTER ROLE ${quoteIdentifier(role)} PASSWORD ${quoteLiteral(password)}`);
    const { rows } = await client.query<{ rolpassword: string }>(
      "SELECT rolpassword FROM pg_authid WHERE rolname = $1",
      [role],
    );
    const theirs = rows[0]?.rolpassword ?? "";
    const theirSalt = Buffer.from(theirs.split(/[$:]/)[2] ?? "", "base64");
    expect(scramVerifier(password, theirSalt)).toBe(theirs);
  });

  test.each(["pencil", "Zürich 日本語 😀"])("lets %j log in, and no other password", async (password) => {
    await setPassword(scramVerifier(password, salt));
    const session = await server.connect({ user: role, password });
    expect((await session.query("SELECT current_user")).rows).toEqual([{ current_user: role }]);
    await expect(server.connect({ user: role, password: `${password}x` })).rejects.toThrow(
      /authentication failed/,
    );
  });
});

describe("the statements that set it", () => {
  const verifier = scramVerifier("never to be seen", salt);
  const secret = verifier.split("$")[2] ?? "";

  test("leave it neither in the log nor in pg_stat_statements", async () => {
    await setPassword(verifier);
    const { rows } = await client.query("SELECT query FROM pg_stat_statements");
    const log = await server.readLog();
    expect(log).toContain("BEGIN");
    expect(log).not.toContain(secret);
    expect(rows).not.toHaveLength(0);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test("keep it out of the log when they fail", async () => {
    const failing = alterRolePassword("nobody here", verifier);
    await expect(
      (async () => {
        for (const statement of failing) await client.query(statement);
      })(),
    ).rejects.toThrow('role "nobody here" does not exist');
    await client.query("ROLLBACK");
    const log = await server.readLog();
    expect(log).toContain('role "nobody here" does not exist');
    expect(log).not.toContain(secret);
  });

  test("would be in the log otherwise", async () => {
    await client.query(`ALTER ROLE ${quoteIdentifier(role)} PASSWORD ${quoteLiteral(verifier)}`);
    expect(await server.readLog()).toContain(secret);
  });
});
