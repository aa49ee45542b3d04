import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseControlData, parseControlFile } from "../../../provider/postgresql/controldata";
import { majors } from "../../../scripts/setup/postgresql.mjs";
import { type TestServer, testServer } from "./test-server";

const settings = {
  max_connections: 37,
  max_worker_processes: 11,
  max_wal_senders: 5,
  max_prepared_transactions: 3,
  max_locks_per_transaction: 71,
};

describe.each(majors)("pg_control of PostgreSQL %s", (major) => {
  let server: TestServer;
  const dataChecksums = Number(major) % 2 === 0;
  beforeAll(async () => {
    server = await testServer(major, {
      dataChecksums,
      initdbOptions: ["--wal-segsize=64"],
      settings: Object.entries(settings)
        .map(([name, value]) => `${name} = ${value}`)
        .join("\n"),
    });
    await server.start();
  });
  afterAll(() => server?.remove());
  const read = async () => parseControlFile(await readFile(`${server.dataDirectory}/global/pg_control`));

  test("says what the server says by SQL", async () => {
    const client = await server.connect();
    const { rows } = await client.query(
      `SELECT system_identifier::text AS "systemIdentifier", pg_control_version AS "controlVersion",
              catalog_version_no AS "catalogVersion", data_page_checksum_version <> 0 AS "dataChecksums",
              bytes_per_wal_segment AS "walSegmentSize", timeline_id AS timeline
         FROM pg_control_system(), pg_control_init(), pg_control_checkpoint()`,
    );
    const data = await read();
    expect(data).toEqual({
      ...rows[0],
      state: "in production",
      maxConnections: settings.max_connections,
      maxWorkerProcesses: settings.max_worker_processes,
      maxWalSenders: settings.max_wal_senders,
      maxPreparedTransactions: settings.max_prepared_transactions,
      maxLocksPerTransaction: settings.max_locks_per_transaction,
    });
    expect(data).toMatchObject({ dataChecksums, walSegmentSize: 64 * 1024 * 1024 });
  });

  test("shows a clean stop, and a promotion's new timeline", async () => {
    await server.stop();
    expect((await read())?.state).toBe("shut down");
    await server.write("standby.signal", "");
    await server.start();
    expect((await read())?.state).toBe("in archive recovery");
    await server.stop();
    expect((await read())?.state).toBe("shut down in recovery");
    await server.start();
    await (await server.connect()).query("SELECT pg_promote()");
    await (await server.connect()).query("CHECKPOINT");
    expect(await read()).toMatchObject({ state: "in production", timeline: 2 });
  });

  test.runIf(major === "15")("agrees with pg_controldata", async () => {
    const text = await server.run("pg_controldata", "-D", server.dataDirectory);
    expect(parseControlData(text)).toEqual(await read());
    expect(parseControlData(text)).toBeDefined();
  });
});
