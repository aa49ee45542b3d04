/** Where nobody may become root, and it is not as usual: no lingering, somebody else's unit, a login that becomes the owner. */
import { describe, expect, test } from "vitest";
import { withoutRoot } from "../support/hosts/without-root";
import { done, progressOf, text } from "../support/said";

const it = withoutRoot();
const { home, data, units, sh, hers, started, traces, declare, nothingToDo } = it;

describe("where the owner lingers,", () => {
  test("what somebody's own unit runs is taken over with it: a restart goes by it, and a deletion leaves it", async () => {
    const mine = `${home}/mine`;
    await it.host.linger("alice", true);
    await hers(
      `bin=/usr/lib/postgresql/17/bin; mkdir -p "$2" && "$bin/initdb" -U postgres -D "$1" >/dev/null &&
        echo "port = 5433
unix_socket_directories = '/tmp'" >>"$1/postgresql.conf" &&
        printf "[Service]\\nType=notify\\nExecStart=$bin/postgres -D $1\\nKillMode=mixed\\nKillSignal=SIGINT\\n" >"$2/mine.service" &&
        systemctl --user daemon-reload && systemctl --user start mine`,
      mine,
      units,
    );
    const main = () => hers("systemctl --user show --property=MainPID --value mine");
    const before = await main();
    await declare({ adopt: true, dataDirectory: mine });
    await done(it.stack.up());
    expect((await it.stack.state()).text).toContain("mine.service");
    expect(await main()).toBe(before);
    await declare({
      ...{ adopt: true, dataDirectory: mine },
      settings: { unix_socket_directories: "/tmp", max_connections: 60 },
    });
    await done(it.stack.up());
    expect(await main()).not.toBe(before);
    expect(await main()).toBe(await sh('head -n 1 "$1/postmaster.pid"', mine));
    await nothingToDo();
    await done(it.stack.destroy());
    expect(await sh('ls "$1"', units)).toBe("mine.service");
    await hers('rm "$1/mine.service" && systemctl --user daemon-reload', units);
  });

  test("a login that becomes nobody but the owner has it as well", async () => {
    await it.host.login("guest", { sudo: ["guest ALL=(postgres) NOPASSWD: ALL"] });
    await it.host.linger("postgres", true);
    await declare({ owner: "postgres" }, "guest");
    await done(it.stack.up());
    const asks = (script: string) => it.host.runOwn("postgres", script);
    const its = "pginstance-orders-*.service";
    expect(await asks(`systemctl --user is-active '${its}'`)).toBe("active");
    expect(await sh(`cd /var/lib/postgresql/.config/systemd/user/default.target.wants && ls ${its}`)).toMatch(
      /^pginstance-orders-\w+\.service$/,
    );
    await it.host.reboot();
    await expect.poll(() => asks(`systemctl --user is-active '${its}'`), { timeout: 20_000 }).toBe("active");
    await nothingToDo();
    await done(it.stack.destroy());
    expect(await sh("find / -xdev -name '*pginstance*' 2>/dev/null")).toBe("");
  });
});

describe("where the owner does not linger, in order:", () => {
  const refusal =
    /serviceManager: a systemd unit for 17\/orders on \S+ needs root \(.+\), or an owner who lingers \(alice does not linger\)/;
  const waysOut =
    'Allow the login to become root; or let alice linger (`loginctl enable-linger alice`, once, as root); or declare serviceManager: "pg_ctl".';

  test("systemd is refused with every way out, before anything is made", async () => {
    await it.host.linger("alice", false);
    await declare({ serviceManager: "systemd" });
    const failed = await it.stack.up();
    expect(failed.exitCode).not.toBe(0);
    expect(text(failed)).toMatch(refusal);
    expect(text(failed)).toContain(waysOut);
    expect(await traces()).toEqual(["", "", ""]);
    expect(await sh('ls -d "$1"* 2>/dev/null', data)).toBe("");
  });

  test("pg_ctl starts the server, and systemd is left alone", async () => {
    await declare();
    const said = await done(it.stack.up());
    expect(progressOf(said)).toEqual([
      "nobody may become root here, and alice has no systemd that lingers, so the server is not systemd's: a boot does not start it",
      "initdb",
      "writing postgresql.conf",
      "waiting for the server",
    ]);
    expect(await traces()).toEqual(["", "", ""]);
    await nothingToDo();
  });

  test("a server that runs is not stopped for a systemd that may not be had", async () => {
    const before = await started();
    await declare({ serviceManager: "systemd" });
    const failed = await it.stack.up();
    expect(failed.exitCode).not.toBe(0);
    expect(text(failed)).toMatch(refusal);
    expect(await started()).toBe(before);
  });

  test("pulumi destroy leaves nothing", async () => {
    await done(it.stack.destroy());
    expect(await sh("find / -xdev -name '*pginstance*' 2>/dev/null")).toBe("");
  });
});
