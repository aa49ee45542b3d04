/** Units of systemd where it is not usual: other builds, other people's units, other owners, and who may not be root. */
import { cp, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as instances from "../../provider/instances";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { type BootedHost, bootedHost, type SystemLoginOptions } from "../support/hosts/booted";
import { observedOf } from "../support/outputs";
import { binDirectory, completePrograms } from "../support/servers";

let host: BootedHost;
beforeAll(async () => {
  host = await bootedHost();
});
afterAll(() => host?.dispose());

const run = async (...argv: string[]) => (await host.run(argv)).stdout.trim();
const sh = (script: string, ...more: string[]) => run("sh", "-c", script, "sh", ...more);
const psql = async (port: number, query: string, ...more: string[]) =>
  (
    await host.run(["psql", "-XAtqp", String(port), ...more, "-c", query], { user: "postgres" })
  ).stdout.trim();
const started = (port: number) => psql(port, "SELECT pg_postmaster_start_time()");
const state = async (unit: string) => [
  await run("systemctl", "is-active", unit),
  await run("systemctl", "is-enabled", unit),
];
const units = () =>
  sh(
    "ls -d /etc/systemd/system/*pginstance* /etc/systemd/system/*/*pginstance* 2>/dev/null; ls -d /run/pginstance* 2>/dev/null",
  );

async function inputs(
  more: Properties = {},
  login: SystemLoginOptions = { sudo: "nopasswd" },
  user = "deploy",
) {
  const { keyFile: privateKeyFile, password } = await host.login(user, login);
  const { address, knownHosts } = host;
  const { inputs: checked, failures } = await instance.check(
    {},
    {
      __urn: `urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::${more.name ?? "orders"}`,
      host: { ssh: { host: address, user, privateKeyFile, knownHosts: [knownHosts] } },
      ...(password !== undefined && { become: { method: "sudo", password } }),
      version: "17",
      port: 5433,
      deletionProtection: false,
      ...more,
    },
  );
  expect(failures).toEqual([]);
  return checked as Properties;
}

interface Made {
  readonly id: string;
  readonly outs: Properties & {
    readonly unit: string | null;
    readonly dataDirectory: string;
  };
}
let left: Made[] = [];
const create = async (wanted: Properties): Promise<Made> => {
  const made = (await instance.create(wanted)) as Made;
  left.push(made);
  return made;
};
const update = async ({ id, outs }: Made, wanted: Properties): Promise<Made> => ({
  id,
  outs: (await instance.update(id, outs, wanted)).outs as Made["outs"],
});
const read = async ({ id, outs }: Made): Promise<Made> => ({
  id,
  outs: (await instance.read(id, outs)).props as Made["outs"],
});
async function remove({ id, outs }: Made): Promise<void> {
  await instance.delete(id, outs);
  left = left.filter((other) => other.id !== id);
}
// Of a test that failed.
afterEach(async () => {
  for (const made of left) await remove(await read(made));
});
const changes = async ({ id, outs }: Made, wanted: Properties) =>
  (await instance.diff(id, outs, wanted)).changes;

/** Programs of another build, with all that lies beside them, where everybody can run them. */
async function install(programs: string, above: string, to: string): Promise<string> {
  await cp(above, join(host.root, to), { recursive: true, verbatimSymlinks: true });
  await run("chmod", "-R", "go+rX", to);
  return join(to, relative(above, programs));
}

describe("a unit", () => {
  test("of programs that tell systemd nothing is ready when the server takes sessions", async () => {
    const bin = await binDirectory("17");
    const programs = await install(bin, dirname(bin), "/opt/postgresql-embedded");
    expect(await sh('grep -c libsystemd "$1/postgres"', programs)).toBe("0");
    const made = await create(
      await inputs({ binDirectory: programs, settings: { unix_socket_directories: "/tmp" } }),
    );
    expect(await state(made.outs.unit ?? "")).toEqual(["active", "enabled"]);
    const before = await psql(5433, "SELECT pg_postmaster_start_time()", "-h", "/tmp");
    await host.reboot();
    expect(await state(made.outs.unit ?? "")).toEqual(["active", "enabled"]);
    expect(await psql(5433, "SELECT pg_postmaster_start_time()", "-h", "/tmp")).not.toBe(before);
    await remove(await read(made));
    expect(await units()).toBe("");
  });

  // No SELinux can be had here: programs in its place say that it is there, and what they are told.
  test("of a host with SELinux starts on folders that have PostgreSQL's label", async () => {
    const fakes = "/usr/local/sbin/selinuxenabled /usr/local/sbin/chcon";
    await sh(`printf '#!/bin/sh\n' >/usr/local/sbin/selinuxenabled
      printf '#!/bin/sh\necho "$@" >>/tmp/labels\n' >/usr/local/sbin/chcon; chmod 755 ${fakes}`);
    try {
      const made = await create(await inputs({ walDirectory: "/var/lib/postgresql/wal" }));
      const { dataDirectory: data } = made.outs;
      const labelled = [data, `${data}.pginstance`, `${data}/pg_wal`];
      expect((await run("cat", "/tmp/labels")).split("\n")).toEqual(
        labelled.map((place) => `-R -t postgresql_db_t ${place}/.`),
      );
      await remove(made);
    } finally {
      await sh(`rm -f ${fakes} /tmp/labels`);
    }
  });

  test("that is masked, gone, or for this boot alone masked, is seen and put right", async () => {
    const wanted = await inputs();
    let made = await create(wanted);
    const unit = made.outs.unit ?? "";
    const before = await started(5433);
    const deeds: readonly [script: string, found: object][] = [
      ['ln -sf /dev/null "/etc/systemd/system/$1" && systemctl daemon-reload', { masked: true, text: null }],
      ['rm "/etc/systemd/system/$1" && systemctl daemon-reload', { text: null, masked: false }],
      ['systemctl mask --runtime "$1"', { masked: true }],
    ];
    for (const [script, found] of deeds) {
      await sh(script, unit);
      made = await read(made);
      expect(observedOf(made.outs).service).toMatchObject(found);
      expect(await changes(made, wanted)).toBe(true);
      made = await update(made, wanted);
      expect(await state(unit), script).toEqual(["active", "enabled"]);
      expect(await changes(made, wanted)).toBe(false);
    }
    expect(await started(5433)).toBe(before);
    await remove(made);
    expect(await units()).toBe("");
  });

  test("is left by a server that somebody started by hand, which is said, and the next restart brings it back", async () => {
    const wanted = await inputs();
    const made = await create(wanted);
    const unit = made.outs.unit ?? "";
    await run("systemctl", "stop", unit);
    const { dataDirectory } = made.outs;
    await host.run(
      ["/usr/lib/postgresql/17/bin/pg_ctl", "start", "-w", "-D", dataDirectory, "-l", "/dev/null"],
      { user: "postgres" },
    );
    const found = await read(made);
    expect(observedOf(found.outs).service).toMatchObject({ runsOutside: true });
    const back = await update(found, { ...wanted, restartTriggers: "now" });
    expect(observedOf(back.outs).service).toMatchObject({ runsOutside: false });
    expect(await run("systemctl", "is-active", unit)).toBe("active");
    await remove(back);
  });

  test("gives the server's words when it does not start, and the last good configuration runs again", async () => {
    const wanted = await inputs({ restartOnChanges: true });
    const made = await create(wanted);
    const broken = { ...wanted, settings: { shared_preload_libraries: "no_such_library" } };
    await expect(update(made, broken)).rejects.toThrow(/could not access file "no_such_library"/);
    expect(await run("systemctl", "is-active", made.outs.unit ?? "")).toBe("active");
    expect(await psql(5433, "SHOW shared_preload_libraries")).toBe("");
    await remove(made);
  });

  test.each(["smart", "fast", "immediate"] as const)("is stopped as stopMode says: %s", async (stopMode) => {
    const made = await create(await inputs({ stopMode }));
    const log = `${made.outs.dataDirectory}.pginstance/postgresql.log`;
    await update(made, await inputs({ stopMode, state: "stopped" }));
    expect(await sh('grep -o "received .* shutdown request" "$1"', log)).toBe(
      `received ${stopMode} shutdown request`,
    );
    await remove(await read(made));
    expect(await units()).toBe("");
  });

  test("follows the calls of the API: start, stop, restart; and shows where it is, wherever that is", async () => {
    const dataDirectory = "/var/lib/postgresql/elsewhere/orders";
    const wanted = await inputs({ dataDirectory });
    const made = await create(wanted);
    const unit = made.outs.unit ?? "";
    const way = wanted.host as Parameters<typeof instances.stop>[0];
    const ref = { name: "orders", version: "17", dataDirectory } as const;
    await instances.stop(way, ref);
    expect(await run("systemctl", "is-active", unit)).toBe("inactive");
    const listed: instances.InstanceListItem[] = [];
    for await (const one of instances.list(way)) listed.push(one);
    expect(listed).toEqual([
      expect.objectContaining({ name: "orders", dataDirectory, status: "stopped", managed: true }),
    ]);
    await instances.start(way, ref);
    expect(await run("systemctl", "is-active", unit)).toBe("active");
    const before = await started(5433);
    await instances.restart(way, ref, { wait: false });
    await expect.poll(() => started(5433), { timeout: 20_000 }).not.toMatch(before === "" ? /x/ : /^$/);
    await instances.restart(way, ref);
    expect(await started(5433)).not.toBe(before);
    expect(await run("systemctl", "is-active", unit)).toBe("active");
    await remove(made);
  });

  test("is made for each of more instances at once than a connection has shells", async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many${index}`);
    const settings = { shared_buffers: "1MB", max_connections: 10 };
    const wanted: Properties[] = [];
    for (const [index, name] of names.entries())
      wanted.push(await inputs({ name, port: 5440 + index, settings }));
    const made = await Promise.all(wanted.map(create));
    for (const { outs } of made) expect(await state(outs.unit ?? "")).toEqual(["active", "enabled"]);
    await Promise.all(made.map(remove));
    expect(await units()).toBe("");
  });

  test("goes on through an upgrade, and back where that fails", async () => {
    const [bin17, bin18] = await Promise.all([completePrograms("17"), completePrograms("18")]);
    const [from, to] = await Promise.all([
      install(bin17, resolve(bin17, "../../.."), "/opt/postgresql-17"),
      install(bin18, resolve(bin18, "../../.."), "/opt/postgresql-18"),
    ]);
    const sockets = { unix_socket_directories: "/tmp" };
    const wanted = await inputs({ binDirectory: from, settings: sockets });
    const made = await create(wanted);
    const unit = made.outs.unit ?? "";
    const answer = () =>
      psql(5433, "SELECT n, current_setting('server_version_num')::int / 10000 FROM kept", "-h", "/tmp");
    await psql(5433, "CREATE TABLE kept AS SELECT 42 AS n", "-h", "/tmp");
    await sh(
      'mkdir "$2" && ln -s "$1"/* "$2" && rm "$2/pg_upgrade" && printf \'%s\\n\' \'#!/bin/sh\' "case \\$* in *--check*) exec $1/pg_upgrade \\"\\$@\\" ;; esac; exit 1" >"$2/pg_upgrade" && chmod 755 "$2/pg_upgrade"',
      to,
      "/opt/broken-18",
    );
    const later = (binDirectory: string) => ({ ...wanted, version: "18", binDirectory });
    await expect(update(made, later("/opt/broken-18"))).rejects.toThrow(/is again as it was before/);
    expect([await answer(), ...(await state(unit))]).toEqual(["42|17", "active", "enabled"]);
    const upgraded = await update(await read(made), later(to));
    expect(upgraded.outs.unit).toBe(unit);
    expect(upgraded.outs.dataDirectory).toBe("/var/lib/postgresql/pginstance/18/orders");
    expect([await answer(), ...(await state(unit))]).toEqual(["42|18", "active", "enabled"]);
    expect(await sh('grep -c "pginstance/18/orders.pginstance/serve" "/etc/systemd/system/$1"', unit)).toBe(
      "1",
    );
    expect(await changes(upgraded, later(to))).toBe(false);
    await host.reboot();
    expect([await answer(), ...(await state(unit))]).toEqual(["42|18", "active", "enabled"]);
    await remove(await read(upgraded));
    expect(await units()).toBe("");
    expect(await sh("ls -d /var/lib/postgresql/pginstance 2>/dev/null")).toBe("");
  });
});

test("a unit of the owner's own systemd follows the calls of the API, and goes on through an upgrade", async () => {
  const [bin17, bin18] = await Promise.all([completePrograms("17"), completePrograms("18")]);
  const [from, to] = await Promise.all([
    install(bin17, resolve(bin17, "../../.."), "/opt/own-17"),
    install(bin18, resolve(bin18, "../../.."), "/opt/own-18"),
  ]);
  const more = { owner: "dora", binDirectory: from, settings: { unix_socket_directories: "/tmp" } };
  const wanted = await inputs(more, {}, "dora");
  await host.linger("dora", true);
  const made = await create(wanted);
  const hers = (script: string) => host.runOwn("dora", script, made.outs.unit ?? "");
  const answer = (query: string) => hers(`psql -XAtq -h /tmp -p 5433 -U postgres postgres -c "${query}"`);
  const begun = () => answer("SELECT pg_postmaster_start_time()");
  const is = () => hers('systemctl --user is-active "$1"; systemctl --user is-enabled "$1"');
  const way = wanted.host as Parameters<typeof instances.stop>[0];
  const ref = { name: "orders", version: "17", owner: "dora" } as const;
  await answer("CREATE TABLE kept AS SELECT 42 AS n");
  await instances.stop(way, ref);
  expect(await is()).toBe("inactive\nenabled");
  await instances.start(way, ref);
  const before = await begun();
  await instances.restart(way, ref, { wait: false });
  await expect.poll(begun, { timeout: 20_000 }).not.toMatch(new RegExp(`^(${before.replace("+", "\\+")})?$`));
  expect(await is()).toBe("active\nenabled");
  const later = { ...wanted, version: "18", binDirectory: to };
  const upgraded = await update(await read(made), later);
  expect(upgraded.outs.unit).toBe(made.outs.unit);
  expect(await answer("SELECT n, current_setting('server_version_num')::int / 10000 FROM kept")).toBe(
    "42|18",
  );
  expect(await is()).toBe("active\nenabled");
  expect(await hers('grep -c "pginstance/18/orders.pginstance/serve" "$HOME/.config/systemd/user/$1"')).toBe(
    "1",
  );
  expect(await changes(upgraded, later)).toBe(false);
  await remove(await read(upgraded));
  expect(await hers("systemctl --user list-units --all --no-legend 'pginstance*'")).toBe("");
});

describe("somebody else's unit", () => {
  test("stays the unit of what is taken over: a restart goes by it, and a deletion leaves it", async () => {
    const before = await started(5432);
    const wanted = await inputs({
      name: "main",
      port: 5432,
      adopt: true,
      dataDirectory: "/var/lib/postgresql/17/main",
      restartOnChanges: true,
    });
    const made = await create(wanted);
    expect(made.outs.unit).toBe("postgresql@17-main.service");
    expect(await started(5432)).toBe(before);
    expect(await changes(made, wanted)).toBe(false);
    const changed = await update(made, { ...wanted, settings: { max_connections: 50 } });
    expect(await psql(5432, "SHOW max_connections")).toBe("50");
    expect(await started(5432)).not.toBe(before);
    expect(await run("systemctl", "is-active", "postgresql@17-main")).toBe("active");
    expect(await run("pg_lsclusters", "--no-header")).toMatch(/^17 +main +5432 online/);
    await remove(changed);
    expect(await units()).toBe("");
    expect(await run("systemctl", "is-active", "postgresql@17-main")).not.toBe("active");
  });

  test("that says nothing of the owner is started once it is declared", async () => {
    const unit = "orders-db.service";
    const bin = "/usr/lib/postgresql/17/bin";
    const data = "/var/lib/postgresql/orders";
    const initialize = `${bin}/initdb -D ${data} -A peer && echo "port = 5440" >>${data}/postgresql.conf`;
    await host.run(["sh", "-c", initialize], { user: "postgres" });
    const refusing = `! grep -q "^max_connections = .*60" ${data}/postgresql.conf`;
    const server = `setpriv --reuid=postgres --regid=postgres --init-groups ${bin}/postgres -D ${data}`;
    const asMade = `[Service]\nExecStart=/bin/sh -c '${refusing} && exec ${server}'`;
    await writeFile(join(host.root, "etc/systemd/system", unit), asMade);
    await sh('systemctl daemon-reload && systemctl start "$1"', unit);
    await expect.poll(() => started(5440).catch(() => ""), { timeout: 20_000 }).not.toBe("");
    const before = await started(5440);
    const wanted = await inputs({ port: 5440, adopt: true, dataDirectory: data, restartOnChanges: true });
    const made = await create(wanted);
    expect(made.outs.unit).toBe(unit);
    const settings = { max_connections: 50 };
    await expect(update(made, { ...wanted, settings })).rejects.toThrow(
      `${unit} is no unit that runs as postgres`,
    );
    expect(await started(5440)).toBe(before);
    const changed = await update(await read(made), { ...wanted, settings, service: { unit } });
    expect(await psql(5440, "SHOW max_connections")).toBe("50");
    expect(await run("systemctl", "is-active", unit)).toBe("active");
    const more = { ...wanted, settings: { max_connections: 60 }, service: { unit } };
    await expect(update(changed, more)).rejects.toThrow(
      `${unit} has ended; journalctl --unit=${unit} has its words`,
    );
    expect(await psql(5440, "SHOW max_connections")).toBe("50");
    await remove(await read(changed));
    expect(await run("cat", `/etc/systemd/system/${unit}`)).toBe(asMade);
    await sh('rm "/etc/systemd/system/$1" && systemctl daemon-reload', unit);
  });

  test("that is not there is refused", async () => {
    const wanted = await inputs({ service: { unit: "no-such@thing" } });
    await expect(create(wanted)).rejects.toThrow(/service\.unit: \S+ has no such unit: .*no-such@thing/);
  });
});

describe("systemd is left alone", () => {
  test("by a login that may become nobody but the owner: the server is started by pg_ctl", async () => {
    const sudo = ["guest ALL=(postgres) NOPASSWD: ALL"];
    const made = await create(await inputs({ name: "lone" }, { sudo }, "guest"));
    expect(made.outs.unit).toBeNull();
    expect(await units()).toBe("");
    await remove(made);
    await expect(
      create(await inputs({ name: "lone", serviceManager: "systemd" }, { sudo }, "guest")),
    ).rejects.toThrow(
      /serviceManager: a systemd unit for 17\/lone on \S+ needs root \(.+\), or an owner who lingers \(postgres does not linger\)/,
    );
  });

  test("where it is told to be", async () => {
    const made = await create(await inputs({ serviceManager: "pg_ctl" }));
    expect(observedOf(made.outs).service).toBeNull();
    expect(await units()).toBe("");
    await remove(made);
  });
});

test("a sudo that wants a password does as well", async () => {
  const login = { sudo: "password", password: "let me in" } as const;
  const made = await create(await inputs({ name: "asked" }, login, "careful"));
  expect(await state(made.outs.unit ?? "")).toEqual(["active", "enabled"]);
  await remove(made);
  expect(await units()).toBe("");
});

test("an owner whose shared memory logind would remove is refused, and let in with lingering", async () => {
  await sh(
    "mkdir -p /etc/systemd/logind.conf.d && printf '[Login]\\nRemoveIPC=yes\\n' >/etc/systemd/logind.conf.d/ipc.conf && systemctl restart systemd-logind && useradd --create-home alice",
  );
  const wanted = await inputs({
    name: "hers",
    owner: "alice",
    settings: { unix_socket_directories: "/tmp" },
  });
  await expect(create(wanted)).rejects.toThrow(
    /owner: systemd-logind of \S+ removes the shared memory of alice when that user logs out \(RemoveIPC\)/,
  );
  // As loginctl enable-linger does.
  await run("install", "-D", "/dev/null", "/var/lib/systemd/linger/alice");
  const made = await create(wanted);
  expect(await state(made.outs.unit ?? "")).toEqual(["active", "enabled"]);
  await remove(made);
  expect(await units()).toBe("");
});
