import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  authMethods,
  defaultHba,
  type HbaRecord,
  hbaName,
  ownHba,
  printHba,
} from "../../../provider/postgresql/hba";
import { ownIdent, printIdent } from "../../../provider/postgresql/ident";
import { findEncoding, serverEncodings } from "../../../provider/postgresql/locale";
import { type TestServer, testServer } from "./test-server";

const names = ["my db", 'a"b', "a#b", "a\\", "Zürich", "-", "x=y", "'"];

describe.each(["14", "15", "18"])("PostgreSQL %s", (major) => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await testServer(major);
    await server.start();
    client = await server.connect();
  });
  afterAll(() => server?.remove());

  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  /** pg_hba_file_rules reads the file anew at each query. */
  const rules = async (records: readonly HbaRecord[], comment?: string) => {
    await server.write("pg_hba.conf", bytes(printHba(records, comment)));
    const { rows } = await client.query(
      "SELECT type, database, user_name, address, netmask, auth_method, options, error FROM pg_hba_file_rules ORDER BY line_number",
    );
    return rows;
  };

  test("reads the records of a new instance as they are meant", async () => {
    const auth = { local: "scram-sha-256", host: "scram-sha-256", hostssl: "cert" };
    const records = [...ownHba("all"), ...defaultHba(auth)];
    const read = await rules(records, 'by "pginstance"\nall all all');
    // Only a server with ssl on takes hostssl without a word; that one is loaded all the same.
    const [hostssl] = read.splice(4, 1);
    expect(hostssl).toMatchObject({
      error: expect.stringMatching(/^hostssl record cannot match because SSL/),
    });
    expect(read).toEqual(
      records
        .filter(({ type }) => type !== "hostssl")
        .map(({ type, database, user, address, method, options }) => ({
          type,
          database: [database],
          user_name: [user.replaceAll('"', "")],
          address: address?.replace(/\/.*/, "") ?? null,
          netmask: address
            ? address.includes(":")
              ? "ffff:".repeat(8).slice(0, -1)
              : "255.255.255.255"
            : null,
          auth_method: method,
          options: options ? ["map=pginstance"] : null,
          error: null,
        })),
    );
  });

  test.each(names)("reads the name %j as we wrote it", async (name) => {
    const options = { map: name };
    const record: HbaRecord = {
      type: "local",
      database: name,
      user: `x,${hbaName(name)}`,
      method: "peer",
      options,
    };
    expect(await rules([record])).toMatchObject([
      {
        database: [name],
        user_name: ["x", name],
        options: [`map=${name}`],
        error: null,
      },
    ]);
  });

  test("reads lists, groups, masks and labels", async () => {
    const record: HbaRecord = {
      type: "host",
      database: "a, b c",
      user: "+my group",
      address: "10.0.0.0 255.0.0.0",
      method: "reject",
      label: "hba.reporting",
    };
    expect(await rules([record])).toMatchObject([
      {
        database: ["a", "b c"],
        user_name: ["+my group"],
        address: "10.0.0.0",
        netmask: "255.0.0.0",
        error: null,
      },
    ]);
  });

  test("refuses the methods that we do not list for a type, of those it knows", async () => {
    for (const [type, method] of [
      ["local", "gss"],
      ["host", "peer"],
      ["host", "cert"],
    ] as const) {
      const address = type === "local" ? undefined : "all";
      expect(await rules([{ type, database: "all", user: "all", address, method }])).not.toMatchObject([
        { error: null },
      ]);
      expect(authMethods[type]).not.toContain(method);
    }
  });

  test.skipIf(major === "14")("reads pg_ident.conf as it is meant", async () => {
    const records = [
      ...ownIdent({ owner: "my owner", superuser: "postgres" }),
      { map: "a#b", systemUser: 'DOMAIN\\jo "x", y', databaseUser: "my role" },
    ];
    await server.write("pg_ident.conf", printIdent(records, "by pginstance"));
    const { rows } = await client.query(
      `SELECT map_name AS map, sys_name AS "systemUser", pg_username AS "databaseUser", error
         FROM pg_ident_file_mappings ORDER BY line_number`,
    );
    expect(rows).toEqual(records.map(({ label, ...record }) => ({ ...record, error: null })));
  });

  test("has the encodings that we name, by every name", async () => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT pg_encoding_to_char(n) AS name FROM generate_series(0, 34) AS n",
    );
    expect(rows.map(({ name }) => name).sort()).toEqual([...serverEncodings].sort());
    for (const alias of [
      "unicode",
      "utf-8",
      "ISO 8859-15",
      "iso885916",
      "koi8",
      "alt",
      "win",
      "tcvn",
      "windows-874",
      "x",
    ]) {
      const { rows } = await client.query("SELECT pg_encoding_to_char(pg_char_to_encoding($1)) AS name", [
        alias,
      ]);
      expect([alias, rows[0]?.name]).toEqual([alias, findEncoding(alias) ?? ""]);
    }
  });
});
