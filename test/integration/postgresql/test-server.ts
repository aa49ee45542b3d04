/** A throwaway server for the oracle tests: reached by its socket alone, gone after the tests. */
import { execFile, spawn } from "node:child_process";
import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, type ClientConfig } from "pg";
import { initdb } from "../../../provider/postgresql/programs";
import { asServerUser, obtain } from "../../../scripts/setup/postgresql.mjs";

const execute = promisify(execFile);

export interface TestServer {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  /** Runs a program of the server, as the server's user. */
  run(program: string, ...argv: string[]): Promise<string>;
  start(): Promise<void>;
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** A connection, as the superuser unless told otherwise. */
  connect(config?: ClientConfig): Promise<Client>;
  /** Puts bytes, one a character, in place of a file in the data directory. */
  write(file: string, latin1: string): Promise<void>;
  readLog(): Promise<string>;
  remove(): Promise<void>;
}

export async function testServer(
  major: string,
  {
    settings = "",
    encoding = "UTF8",
    dataChecksums = false,
    initdbOptions = [],
  }: { settings?: string; encoding?: string; dataChecksums?: boolean; initdbOptions?: string[] } = {},
): Promise<TestServer> {
  const { binDirectory } = await obtain(major);
  const user = asServerUser();
  const directory = await mkdtemp(join(tmpdir(), "pginstance-test-"));
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid);
  const dataDirectory = join(directory, "data");
  const logFile = join(directory, "log");
  const clients: Client[] = [];

  const run = async (program: string, ...argv: string[]) =>
    (await execute(join(binDirectory, program), argv, { cwd: "/", env: { LC_ALL: "C" }, ...user })).stdout;
  const start = () =>
    new Promise<void>((resolve, reject) => {
      const argv = ["start", "-w", "-D", dataDirectory, "-l", logFile];
      // Its output would be the server's too, and never end.
      spawn(join(binDirectory, "pg_ctl"), argv, { cwd: "/", env: { LC_ALL: "C" }, stdio: "ignore", ...user })
        .on("error", reject)
        .on("exit", (code) =>
          code === 0 ? resolve() : reject(new Error(`pg_ctl start: exit code ${code}`)),
        );
    });
  const stop = async (mode = "fast") => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await run("pg_ctl", "stop", "-w", "-m", mode, "-D", dataDirectory);
  };
  const write = (file: string, latin1: string) => writeFile(join(dataDirectory, file), latin1, "latin1");

  const cluster = { dataDirectory, superuser: "postgres", locale: "C", encoding, dataChecksums };
  const [, ...argv] = initdb({ ...cluster, binDirectory, major });
  await run("initdb", ...argv, "--auth=trust", "--no-sync", ...initdbOptions);
  await write(
    "postgresql.auto.conf",
    `listen_addresses = ''\nunix_socket_directories = '${directory}'\nfsync = off\n${settings}\n`,
  );
  return {
    binDirectory,
    dataDirectory,
    run,
    start,
    stop,
    write,
    connect: async (config) => {
      const client = new Client({ host: directory, user: "postgres", database: "postgres", ...config });
      await client.connect();
      clients.push(client);
      return client;
    },
    readLog: () => readFile(logFile, "utf8"),
    remove: async () => {
      await stop("immediate").catch(() => {});
      await rm(directory, { recursive: true });
    },
  };
}
