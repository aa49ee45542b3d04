/** A master that the user of ssh has opened by hand, with what nobody else has: it is used as long as it is there, and stays. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, until } from "../../support/processes";
import { configured } from "../../support/ssh/configured";
import { program } from "../../support/ssh/programs";
import type { Given } from "../../support/ssh/ways-in";
import { isIn, WaysIn } from "../../support/ssh/ways-in";

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

let ways: WaysIn;
let given: Given;
let master: ChildProcess;

beforeAll(async () => {
  if (!isRoot) return;
  ways = await WaysIn.open("openssh by a master of the user's", "auth");
  await ways.host.login("postgres");
  given = await configured(ways, ["IdentityFile none", "ControlPath /keys/%h-%r"]);
  const words = [
    "-F",
    String(given.openssh?.configFile),
    "-o",
    "BatchMode=yes",
    "-i",
    ways.path("key_postgres"),
  ];
  master = spawn(program("ssh"), [...words, "-N", "-M", ways.host.address], { stdio: "inherit" });
  await until("the master", () => existsSync(ways.path(`${ways.host.address}-postgres`)));
});
afterAll(async () => {
  master?.kill();
  await ways?.close();
});

describe.skipIf(!isRoot)("a master of the user's own", () => {
  it("leads in where nothing else does, by the connection that is there", async () => {
    const mark = await ways.host.mark();
    expect(await ways.outcome("master that runs", given)).toBe(isIn);
    expect(await ways.host.handshakes(mark)).toBe(0);
    expect(isAlive(master.pid ?? 0)).toBe(true);
  });

  it("is missed once it has ended", async () => {
    master.kill();
    await once(master, "exit");
    expect(await ways.outcome("master that has ended", given)).toMatch(
      /^cannot reach db1 \(auth: postgres@db1: Permission denied \(publickey,password\)\)\n/,
    );
  });
});
