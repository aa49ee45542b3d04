import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePostmasterPid } from "../../../provider/postgresql/pidfile";
import { type TestServer, testServer } from "./test-server";

describe.each(["14", "18"])("postmaster.pid of PostgreSQL %s", (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer(major, { settings: "port = 6543\nhot_standby = off" });
    await server.start();
  });
  afterAll(() => server?.remove());
  const read = async () =>
    parsePostmasterPid(await readFile(`${server.dataDirectory}/postmaster.pid`, "utf8"));

  test("says what the server says by SQL", async () => {
    const client = await server.connect({ port: 6543 });
    const { rows } = await client.query<{ started: number }>(
      "SELECT extract(epoch FROM pg_postmaster_start_time())::float8 AS started",
    );
    const file = await read();
    expect(file).toMatchObject({
      dataDirectory: server.dataDirectory,
      port: 6543,
      socketDirectory: dirname(server.dataDirectory),
      listenAddress: "",
      status: "ready",
    });
    expect(Math.abs((file?.startTime ?? 0) - (rows[0]?.started ?? 0))).toBeLessThan(2);
    expect(() => process.kill(file?.pid ?? 0, 0)).not.toThrow();
  });

  test("tells a standby that takes no connections from a server that is ready", async () => {
    await server.stop();
    await server.write("standby.signal", "");
    await server.start();
    expect((await read())?.status).toBe("standby");
  });
});
