import { expect, test } from "vitest";
import {
  binDirectories,
  initdb,
  postgresCheck,
  requiredPrograms,
} from "../../../provider/postgresql/programs";

const options = {
  binDirectory: "/b",
  dataDirectory: "/my data",
  superuser: "postgres",
  locale: "C.UTF-8",
  encoding: "UTF8",
  dataChecksums: true,
  major: "17",
};

test("initdb trusts nobody, and an argument stays one however it is spelled", () => {
  expect(initdb(options)).toEqual([
    "/b/initdb",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--auth-local=peer",
    "--auth-host=scram-sha-256",
    "--no-instructions",
    "--data-checksums",
    "-D",
    "/my data",
  ]);
});

test.each([
  ["17", []],
  ["18", ["--no-data-checksums"]],
])("without checksums initdb of %s is told %j", (major, flags) => {
  const argv = initdb({ ...options, dataChecksums: false, major });
  expect(argv.filter((argument) => argument.includes("checksums"))).toEqual(flags);
});

test("nothing ever leaves out the sync to disk", () => {
  expect(initdb(options)).not.toContain("--no-sync");
});

test("postgres reads a candidate file", () => {
  expect(
    postgresCheck({ binDirectory: "/b", dataDirectory: "/d", configFile: "/d/c.new", name: "port" }),
  ).toEqual(["/b/postgres", "-D", "/d", "--config-file=/d/c.new", "-C", "port"]);
});

test("programs are looked for where packages put them", () => {
  expect(binDirectories("17")[0]).toBe("/usr/lib/postgresql/17/bin");
  expect(binDirectories("17")).toContain("/usr/pgsql-17/bin");
  expect(binDirectories("17")).toContain("/opt/homebrew/opt/postgresql@17/bin");
  expect(requiredPrograms).toEqual(["postgres", "initdb", "pg_ctl"]);
});
