/** Where nobody may become root: a login without sudo, who is itself the owner and lingers. */
import { describe, expect, test } from "vitest";
import { withoutRoot } from "../support/hosts/without-root";
import { done, progressOf, sayingsOf, text } from "../support/said";

const it = withoutRoot();
const { data, units, sh, hers, started, traces, declare, nothingToDo } = it;
const unit = () => sh('cd "$1" && ls pginstance-*.service', units);
const state = async () =>
  hers('systemctl --user is-active "$1"; systemctl --user is-enabled "$1"', await unit());
const mainProcess = async () => hers('systemctl --user show --property=MainPID --value "$1"', await unit());
const postmaster = () => sh('head -n 1 "$1/postmaster.pid"', data);

describe("where the owner lingers, in order:", () => {
  test("a new server is that of the owner's own systemd, in a unit which a boot starts", async () => {
    await it.host.linger("alice", true);
    await declare();
    expect(progressOf(await done(it.stack.up()))).toEqual([
      "initdb",
      "writing postgresql.conf",
      "writing the systemd unit",
      "waiting for the server",
    ]);
    expect(await unit()).toMatch(/^pginstance-orders-\w+\.service$/);
    expect(await state()).toBe("active\nenabled");
    expect(await sh('readlink "$1/default.target.wants/$2"', units, await unit())).toBe(
      `${units}/${await unit()}`,
    );
    expect(await hers('systemctl --user show --property=Type,StatusText "$1"', await unit())).toContain(
      "Type=notify\n",
    );
    expect(await mainProcess()).toBe(await postmaster());
    expect(await hers('systemd-analyze --user verify "$1/$2" 2>&1', units, await unit())).toBe("");
    expect(await sh("ls -d /etc/systemd/system/*pginstance* /run/pginstance.* 2>/dev/null")).toBe("");
    await nothingToDo();
  });

  test("a reboot of the host brings it back", async () => {
    const before = await started();
    await it.host.reboot();
    await expect.poll(started, { timeout: 20_000 }).toMatch(/^2/);
    expect(await started()).not.toBe(before);
    expect(await state()).toBe("active\nenabled");
    expect(await mainProcess()).toBe(await postmaster());
    await nothingToDo();
  });

  test("its systemd brings it back when it was killed", async () => {
    const before = await postmaster();
    await sh('kill -KILL "$1"', before);
    await expect
      .poll(async () => [await mainProcess(), await started()], { timeout: 20_000 })
      .toEqual([expect.not.stringMatching(`^(0|${before})$`), expect.stringMatching(/^2/)]);
    expect(await state()).toBe("active\nenabled");
  });

  test("a restart stays within the unit", async () => {
    const before = await started();
    await declare({ settings: { unix_socket_directories: "/tmp", max_connections: 60 } });
    expect(progressOf(await done(it.stack.up()))).toEqual([
      "writing postgresql.conf",
      "restarting the server",
    ]);
    expect(await started()).not.toBe(before);
    expect(await mainProcess()).toBe(await postmaster());
    await declare();
    await done(it.stack.up());
  });

  test.each([
    [
      "edited, gave a drop-in and disabled",
      `cd "$1" && sed -i "s/^TimeoutStopSec=.*/TimeoutStopSec=10/" "$2" && mkdir "$2.d" &&
        printf "[Service]\\nNice=5\\n" >"$2.d/a.conf" && systemctl --user disable "$2" && systemctl --user daemon-reload`,
      (name: string) => ["differs", `has ${units}/${name}.d/a.conf`, "is not enabled"],
    ],
    ["masked", 'ln -sf /dev/null "$1/$2" && systemctl --user daemon-reload', () => ["is masked"]],
    ["masked for this boot", 'systemctl --user mask --runtime "$2"', () => ["is masked"]],
    [
      "removed",
      'systemctl --user disable "$2" && rm -f "$1/$2" && systemctl --user daemon-reload',
      () => ["is missing", "is not enabled"],
    ],
  ])("a unit that somebody %s is seen, and put right without a restart", async (_, deed, found) => {
    const [name, before] = [await unit(), await started()];
    await hers(deed, units, name);
    const words = found(name);
    const refresh = sayingsOf(await done(it.stack.refresh()));
    for (const word of words) expect(refresh).toContain(`plan: ${name} ${word}`);
    expect(sayingsOf(await done(it.stack.preview()))).toEqual([
      `plan: ${name} ${words.join(", ")}: it is written again and enabled; the server is not restarted`,
    ]);
    await done(it.stack.up());
    expect([await state(), await started()]).toEqual(["active\nenabled", before]);
    expect(
      await hers('systemctl --user show --property=TimeoutStopUSec,Nice,NeedDaemonReload "$1"', name),
    ).toBe("TimeoutStopUSec=1h\nNice=0\nNeedDaemonReload=no");
    await nothingToDo();
  });

  test("what is declared stopped is still stopped after a reboot, and starts when that is declared", async () => {
    await declare({ state: "stopped" });
    await done(it.stack.up());
    expect(await state()).toBe("inactive\ndisabled");
    await it.host.reboot();
    await sh('systemctl start "user@$(id -u alice).service"');
    expect(await hers("systemctl --user is-system-running --wait")).toBe("running");
    expect(await state()).toBe("inactive\ndisabled");
    await nothingToDo();
    await declare();
    await done(it.stack.up());
    expect(await state()).toBe("active\nenabled");
  });

  test("pg_ctl takes it over, and the owner's systemd takes it back", async () => {
    const handOver = ["stopping the server", "handing the server over", "waiting for the server"];
    await declare({ serviceManager: "pg_ctl" });
    expect(progressOf(await done(it.stack.up()))).toEqual(handOver);
    expect(await traces()).toEqual(["", "", ""]);
    await declare({ serviceManager: "systemd" });
    expect(progressOf(await done(it.stack.up()))).toEqual(handOver);
    expect(await state()).toBe("active\nenabled");
    await nothingToDo();
  });

  test("an owner who lingers no more is said by a refresh, and no server is restarted to end with the login", async () => {
    await it.host.linger("alice", false);
    expect(sayingsOf(await done(it.stack.refresh()))).toContain(
      `plan: the owner lingers no more (loginctl enable-linger): a boot does not start ${await unit()}`,
    );
    await declare({ settings: { unix_socket_directories: "/tmp", max_connections: 60 } });
    const failed = await it.stack.up();
    expect(failed.exitCode).not.toBe(0);
    expect(text(failed)).toMatch(
      /serviceManager: alice does not linger on \S+: a server of alice's systemd would/,
    );
    expect(text(failed)).toContain(
      "Nothing was changed. Let alice linger again (`loginctl enable-linger alice`",
    );
    await it.host.linger("alice", true);
    await done(it.stack.up("--refresh"));
    expect(await state()).toBe("active\nenabled");
    await nothingToDo();
  });

  test("its deletion leaves nothing", async () => {
    await done(it.stack.destroy());
    expect(await traces()).toEqual(["", "", ""]);
    expect(await sh('ls -d "$1"* 2>/dev/null', data)).toBe("");
    expect(await sh("pgrep -u alice -af pginstance")).toBe("");
  });
});
