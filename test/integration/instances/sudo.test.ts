import { execFile } from "node:child_process";
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { installRoot } from "../../support/engine";
import { binDirectory, freePort, ownedDirectory, serverUser } from "../../support/servers";

/** Needs root to stage it: a login of its own, and sudoers that only this test's mount namespace sees. */
const isRoot = process.getuid?.() === 0;
const owner = serverUser() ?? "";

/** What a script of a user would do, as the login `daemon`, from the installed package. */
const script = `
  const { apply, drop, get } = require("pulumi-pginstance/instances");
  const [dataDirectory, binDirectory, port, owner] = process.argv.slice(2);
  const ref = { name: "main", version: "17", dataDirectory, binDirectory, owner };
  (async () => {
    const host = { local: {} };
    const made = await apply(host, { ...ref, port: Number(port), settings: { work_mem: "8MB" } });
    const { settings, state } = await get(host, ref);
    const changed = await apply(host, { ...ref, port: Number(port), settings: { work_mem: "16MB" } });
    console.log(JSON.stringify({ login: process.getuid(), made: made.changeState, changed: changed.changeState, state,
      workMem: settings.work_mem, dropped: await drop(host, ref) }));
  })().catch((error) => { console.log(JSON.stringify({ error: error.message })); });`;

async function asLogin(sudoers: string): Promise<Record<string, unknown>> {
  const [folder, port, programs, root] = await Promise.all([
    ownedDirectory(),
    freePort(),
    binDirectory("17"),
    installRoot("npm"),
  ]);
  try {
    const node = join(folder.path, "node");
    await copyFile(process.execPath, node);
    await chmod(node, 0o755);
    const program = join(root, "sudo-test.cjs");
    await writeFile(program, script);
    const stage = `mount -t tmpfs -o mode=750 tmpfs /etc/sudoers.d && echo "$1" >/etc/sudoers.d/test && chmod 440 /etc/sudoers.d/test &&
      shift && exec setpriv --reuid daemon --regid daemon --clear-groups "$@"`;
    const args = [join(folder.path, "data"), programs, String(port), owner];
    const { stdout } = await promisify(execFile)(
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", stage, "sh", sudoers, node, program, ...args],
      { cwd: root },
    );
    return JSON.parse(stdout);
  } finally {
    await folder.dispose();
  }
}

describe.runIf(isRoot)("a login that is neither root nor the owner", () => {
  test("becomes the owner by sudo -n, where sudoers allow it", async () => {
    const { login, ...result } = await asLogin(`daemon ALL=(${owner}) NOPASSWD: ALL`);
    expect(login).not.toBe(0);
    expect(result).toEqual({
      made: "created",
      changed: "changed",
      state: "started",
      workMem: "8MB",
      dropped: true,
    });
  });

  test("is told when sudo would ask for a password, and nothing is done", async () => {
    const { error } = await asLogin("# nothing is allowed");
    expect(error).toMatch(
      /^become: cannot run as postgres on this machine by sudo: sudo: a password is required/,
    );
    expect(error).toContain("Allow daemon to become postgres, or declare another owner");
  });
});
