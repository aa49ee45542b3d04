/** Instances that others made, running: by hand, by Debian's postgresql-common, by pglift. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { obtainPython } from "../../scripts/setup/python.mjs";
import { owner } from "./instances";
import { pgliftPackages, pgliftSettings } from "./pglift";
import { completePrograms, freePort, ownedDirectory, runAsOwner } from "./servers";

export interface Foreign {
  readonly version: "15" | "17";
  readonly name: string;
  readonly dataDirectory: string;
  readonly binDirectory: string;
  readonly port: number;
  /** postgresql.conf, pg_hba.conf and pg_ident.conf. */
  readonly files: readonly string[];
  /** What an adoption must not change: every byte of the configuration, and the server's pid and start. */
  fingerprint(): Promise<string>;
  dispose(): Promise<void>;
}

const run = promisify(execFile);

type Made = Omit<Foreign, "fingerprint" | "files"> & { readonly configuration?: string };

function foreign(made: Made): Foreign {
  const { dataDirectory, configuration = dataDirectory } = made;
  const files = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"].map((file) => join(configuration, file));
  const watched = [
    ...files,
    join(dataDirectory, "postgresql.auto.conf"),
    join(dataDirectory, "postmaster.pid"),
  ];
  return {
    ...made,
    files,
    async fingerprint() {
      const contents = await Promise.all(watched.map((file) => readFile(file, "latin1")));
      return createHash("sha256").update(JSON.stringify(contents)).digest("hex");
    },
  };
}

/** initdb and pg_ctl, with what people write at the end of the file. */
export async function handMade(lines: readonly string[] = []): Promise<Foreign> {
  const [folder, port, binDirectory] = await Promise.all([
    ownedDirectory(),
    freePort(),
    completePrograms("17"),
  ]);
  const dataDirectory = join(folder.path, "cluster");
  const options = ["-D", dataDirectory, "-U", "postgres", "--auth=peer", "--no-sync", "--no-instructions"];
  await runAsOwner(join(binDirectory, "initdb"), ...options);
  const conf = join(dataDirectory, "postgresql.conf");
  const own = [`port = ${port}`, `unix_socket_directories = '${folder.path}'`, ...lines, ""];
  await writeFile(conf, (await readFile(conf, "utf8")) + own.join("\n"));
  const ident = join(dataDirectory, "pg_ident.conf");
  const hba = join(dataDirectory, "pg_hba.conf");
  await writeFile(ident, `${await readFile(ident, "utf8")}admin ${owner} postgres\n`);
  await writeFile(hba, (await readFile(hba, "utf8")).replaceAll(/^(local.*)peer$/gm, "$1peer map=admin"));
  await runAsOwner(
    join(binDirectory, "pg_ctl"),
    "start",
    "-s",
    "-w",
    "-D",
    dataDirectory,
    "-l",
    `${folder.path}/log`,
  );
  return foreign({
    version: "17",
    name: "cluster",
    dataDirectory,
    binDirectory,
    port,
    dispose: folder.dispose,
  });
}

/** pg_createcluster: the configuration lies in /etc/postgresql. */
export async function debianCluster(): Promise<Foreign> {
  const [folder, port] = await Promise.all([ownedDirectory(), freePort()]);
  const name = `test${port}`;
  const dataDirectory = join(folder.path, name);
  await run("pg_createcluster", ["15", name, "-d", dataDirectory, "-p", String(port), "--", "--no-sync"], {
    cwd: "/",
  });
  await run("pg_ctlcluster", ["15", name, "start"], { cwd: "/" });
  return foreign({
    version: "15",
    name,
    dataDirectory,
    binDirectory: "/usr/lib/postgresql/15/bin",
    port,
    configuration: `/etc/postgresql/15/${name}`,
    async dispose() {
      await folder.dispose();
      await run("pg_dropcluster", ["15", name, "--stop"], { cwd: "/" }).catch(() => undefined);
    },
  });
}

/** `pglift instance create`: the WAL in a directory of its own. */
export async function pgliftInstance(): Promise<Foreign> {
  const [folder, port, binDirectory, { python }] = await Promise.all([
    ownedDirectory(),
    freePort(),
    completePrograms("17"),
    obtainPython(pgliftPackages),
  ]);
  const settings = join(folder.path, "settings.yaml");
  await writeFile(settings, JSON.stringify(pgliftSettings(folder.path, "17", binDirectory)));
  const pglift = (...args: string[]) =>
    runAsOwner(
      "env",
      `HOME=${folder.path}`,
      `PGLIFT_CONFIG_DIR=${folder.path}`,
      python,
      "-m",
      "pglift_cli",
      "--non-interactive",
      ...args,
    );
  await pglift("site-configure", "install");
  await pglift("instance", "create", "lifted", "--version", "17", "--port", String(port));
  return foreign({
    version: "17",
    name: "lifted",
    dataDirectory: join(folder.path, "lifted"),
    binDirectory,
    port,
    dispose: folder.dispose,
  });
}
