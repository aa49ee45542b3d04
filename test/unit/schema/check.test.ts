import { describe, expect, test } from "vitest";
import { check, type Properties } from "../../../provider/schema/check";
import { unknownValue } from "../../../provider/schema/unknown";

const urn = (name: string) => `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/pginstance:Instance::${name}`;
const program = (more: Properties = {}): Properties => ({ __urn: urn("orders"), version: "17", ...more });

const failuresOf = (more: Properties, olds: Properties = {}) => check(olds, program(more)).failures;
const reasonsOf = (more: Properties, olds: Properties = {}) =>
  failuresOf(more, olds).map(({ property, reason }) => `${property}: ${reason}`);

const canary = "c4nary-s3cret";
const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=`;

describe("a declaration", () => {
  test("needs a version and nothing else", () => {
    expect(failuresOf({})).toEqual([]);
    expect(check({}, { __urn: urn("orders") }).failures).toEqual([
      {
        property: "version",
        reason: 'is required: a database\'s major version is a decision, as in version: "17"',
      },
    ]);
  });

  test("may say everything", () => {
    const everything = {
      host: { local: {} },
      become: { method: "sudo" },
      address: "db1.example.com",
      name: "orders_2.eu-1",
      port: 65535,
      state: "stopped",
      settings: {
        work_mem: "8MB",
        max_connections: 200,
        autovacuum: false,
        "my_app.tenant": "a",
        wal_level: null,
      },
      restartOnChanges: true,
      restartTriggers: { certificate: "1", list: [1, true, null] },
      auth: { local: "peer", host: "md5", hostssl: "cert" },
      superuser: "admin",
      superuserPasswordVerifier: verifier,
      dataChecksums: false,
      locale: "de_DE.UTF-8",
      encoding: "latin1",
      dataDirectory: "/srv/pg/17/orders",
      binDirectory: "/usr/lib/postgresql/17/bin",
      owner: "postgres",
      deletionProtection: false,
      finalDump: "/var/backups/postgresql",
      stopMode: "smart",
      timeouts: { start: 1, stop: 604800 },
    };
    expect(failuresOf(everything)).toEqual([]);
    expect(check({}, program(everything)).inputs).toMatchObject(everything);
  });

  test("gets one message for each thing that is wrong, all of them at once", () => {
    const bad = { nmae: "x", port: 0, state: "up", settings: { work_mem: "banana" }, owner: "root" };
    expect(
      failuresOf(bad)
        .map(({ property }) => property)
        .sort(),
    ).toEqual(["nmae", "owner", "port", "settings.work_mem", "state"]);
  });
});

const withoutDots = 'without "." and ".." parts, as in "/srv/postgresql/main"';

describe("a bad value is named with its property and what is allowed", () => {
  test.each<[Properties, string]>([
    [{ version: "13" }, 'version: "13" is none of "14", "15", "16", "17", "18"'],
    [{ version: 17 }, 'version: 17 is none of "14", "15", "16", "17", "18"'],
    [{ port: 70000 }, "port: 70000 is not between 1 and 65535"],
    [{ port: 0 }, "port: 0 is not between 1 and 65535"],
    [{ port: 1.5 }, "port: 1.5 is no whole number between 1 and 65535"],
    [{ port: "5432" }, 'port: "5432" is no port: a number between 1 and 65535'],
    [{ state: "up" }, 'state: "up" is none of "started", "stopped"'],
    [{ stopMode: "hard" }, 'stopMode: "hard" is none of "smart", "fast", "immediate"'],
    [{ restartOnChanges: "yes" }, 'restartOnChanges: "yes" is not true or false'],
    [{ deletionProtection: 1 }, "deletionProtection: 1 is not true or false"],
    [{ walDirectory: "wal" }, `walDirectory: "wal" is no absolute path ${withoutDots}`],
    [
      { dataDirectory: "/srv/pg", walDirectory: "/srv/pg/wal" },
      'walDirectory: "/srv/pg/wal" lies in the data directory',
    ],
    [{ socketDirectory: "/a,/b" }, 'socketDirectory: "/a,/b" holds a comma or a quote'],
    [
      { socketDirectory: `/${"a".repeat(90)}` },
      `socketDirectory: "/${"a".repeat(90)}" is longer than 90 characters: the path of a socket in it would not fit`,
    ],
    [
      { socketDirectory: "/run/pg", settings: { unix_socket_directories: "/tmp" } },
      "socketDirectory: is the setting unix_socket_directories: declare one of the two",
    ],
    [{ tablespaces: ["/a"] }, 'tablespaces: ["/a"] is no map from names of tablespaces to absolute paths'],
    [{ tablespaces: { fast: "ssd" } }, `tablespaces.fast: "ssd" is no absolute path ${withoutDots}`],
    [
      { tablespaces: { fast: "/it's" } },
      'tablespaces.fast: "/it\'s" holds a quote, which PostgreSQL refuses in a location',
    ],
    [
      { tablespaces: { pg_fast: "/ssd" } },
      "tablespaces.pg_fast: is no name of a tablespace: letters, digits, _, $ and -, not beginning with pg_",
    ],
    [
      { tablespaces: { fast: "/ssd" }, walDirectory: "/ssd" },
      'tablespaces.fast: "/ssd" is declared for something else already',
    ],
    [{ dataChecksums: "on" }, 'dataChecksums: "on" is not true or false'],
    [
      { name: ".orders" },
      'name: ".orders" is no name of an instance: 1 to 63 letters, digits, _ . or -, not beginning with . or -',
    ],
    [
      { name: 5 },
      "name: 5 is no name of an instance: 1 to 63 letters, digits, _ . or -, not beginning with . or -",
    ],
    [{ address: "a b" }, 'address: "a b" is no host name or address, as in "db1.example.com"'],
    [{ address: [] }, 'address: [] is no host name or address, as in "db1.example.com"'],
    [{ superuser: "pg_admin" }, 'superuser: "pg_admin" is no name of a superuser: letters, digits, _ and $'],
    [{ superuser: true }, "superuser: true is no name of a superuser: letters, digits, _ and $"],
    [{ owner: "a b" }, 'owner: "a b" is no name of a user on a host, as in "postgres"'],
    [{ owner: 26 }, 'owner: 26 is no name of a user on a host, as in "postgres"'],
    [{ owner: "root" }, 'owner: PostgreSQL refuses to run as root; use a user of its own, as in "postgres"'],
    [{ locale: "a b" }, 'locale: "a b" is no name of a locale, as in "C.UTF-8" or "de_DE.UTF-8"'],
    [{ locale: false }, 'locale: false is no name of a locale, as in "C.UTF-8" or "de_DE.UTF-8"'],
    [{ encoding: 8 }, "encoding: 8 is no name of an encoding"],
    [
      { dataDirectory: "pg/17" },
      'dataDirectory: "pg/17" is no absolute path without "." and ".." parts, as in "/srv/postgresql/main"',
    ],
    [
      { dataDirectory: 17 },
      'dataDirectory: 17 is no absolute path without "." and ".." parts, as in "/srv/postgresql/main"',
    ],
    [
      { binDirectory: "/usr/../bin" },
      'binDirectory: "/usr/../bin" is no absolute path without "." and ".." parts, as in "/srv/postgresql/main"',
    ],
    [{ timeouts: { start: 0 } }, "timeouts.start: 0 is not between 1 and 604800 seconds"],
    [{ timeouts: { stop: 604801 } }, "timeouts.stop: 604801 is not between 1 and 604800 seconds"],
    [{ timeouts: { stop: 0.5 } }, "timeouts.stop: 0.5 is no whole number of seconds"],
    [{ timeouts: { start: "1m" } }, 'timeouts.start: "1m" is no number of seconds'],
    [{ timeouts: { create: 1 } }, "timeouts: has no create; what it can have: start, stop, promote, upgrade"],
    [{ upgrade: { mode: "move" } }, 'upgrade.mode: "move" is none of "copy", "link", "clone", "swap"'],
    [
      { version: "17", upgrade: { mode: "swap" } },
      'upgrade.mode: "swap" is there from 18 on; use "copy", "link" or "clone"',
    ],
    [{ upgrade: { jobs: 0 } }, "upgrade.jobs: 0 is no whole number between 1 and 64"],
    [{ upgrade: { jobs: 1.5 } }, "upgrade.jobs: 1.5 is no whole number between 1 and 64"],
    [{ settings: 5 }, "settings: is no map from setting names to values"],
    [{ settings: ["work_mem"] }, "settings: is no map from setting names to values"],
    [{ settings: { work_mem: ["8MB"] } }, "settings.work_mem: is no string, number, boolean or null"],
    [{ auth: "peer" }, 'auth: "peer" is no object of local, host, hostssl'],
    [{ auth: { local: 5 } }, "auth.local: 5 is no authentication method"],
    [{ auth: { socket: "peer" } }, "auth: has no socket; what it can have: local, host, hostssl"],
    [{ superuserPasswordVerifier: 5 }, "superuserPasswordVerifier: is no text"],
  ])("%j", (bad, message) => {
    expect(reasonsOf(bad)).toEqual([message]);
  });

  test("a data directory cannot be the root, nor hold a line break", () => {
    for (const dataDirectory of ["/", "//", "/srv/", "/srv/a\nb", "/srv/./a"]) {
      expect(failuresOf({ dataDirectory })).toHaveLength(1);
    }
  });

  test("an unknown encoding gets the list of those a server can have", () => {
    expect(reasonsOf({ encoding: "BIG5" })[0]).toMatch(
      /^encoding: "BIG5" is no server encoding; .*LATIN1.*UTF8/,
    );
  });

  test("a misspelt property gets the list of those that there are", () => {
    expect(reasonsOf({ verison: "17" })[0]).toMatch(
      /^verison: is no property of an Instance; those are .*version, port, state/,
    );
  });

  test("the engine's own keys are no misspelt properties", () => {
    expect(failuresOf({ __provider: "x", __anything: 1 })).toEqual([]);
  });

  test("a default name that is no name says that it is the resource's", () => {
    const { failures } = check({}, { __urn: urn("a b"), version: "17" });
    expect(failures).toEqual([
      {
        property: "name",
        reason:
          '"a b" is no name of an instance: 1 to 63 letters, digits, _ . or -, not beginning with . or -; ' +
          "the default is the resource's name: declare another",
      },
    ]);
  });
});

describe("authentication", () => {
  test.each([
    ["local", '"peer" or "scram-sha-256"'],
    ["host", '"scram-sha-256"'],
    ["hostssl", '"scram-sha-256"'],
  ])("never trusts: %s", (type, better) => {
    expect(reasonsOf({ auth: { [type]: "trust" } })).toEqual([
      `auth.${type}: "trust" lets everybody in without a password; use ${better}`,
    ]);
  });

  test("takes by type what PostgreSQL takes, and does not offer trust", () => {
    const [reason] = reasonsOf({ auth: { host: "peer" } });
    expect(reason).toMatch(/^auth\.host: "peer" is none of .*scram-sha-256/);
    expect(reason).not.toContain("trust");
    expect(failuresOf({ auth: { local: "cert" } })).toHaveLength(1);
  });
});

describe("a version", () => {
  test("is never lowered", () => {
    expect(reasonsOf({ version: "15" }, program({ version: "17" }))).toEqual([
      "version: 17 cannot be lowered to 15: PostgreSQL has no way back; restore a dump into a new instance",
    ]);
  });

  test("may be raised, as far as check can tell", () => {
    expect(failuresOf({ version: "18" }, program({ version: "17" }))).toEqual([]);
  });
});

describe("a secret is never in a message", () => {
  test.each<[string, Properties]>([
    ["a verifier that is none", { superuserPasswordVerifier: canary }],
    ["a verifier that only begins as one", { superuserPasswordVerifier: `SCRAM-SHA-256$${canary}` }],
    ["settings that are no map", { settings: canary }],
    ["settings as a list", { settings: [canary] }],
    ["a string setting over two lines", { settings: { archive_command: `${canary}\n` } }],
    ["a string setting with a carriage return", { settings: { archive_command: `${canary}\r` } }],
    ["an extension's setting over two lines", { settings: { "my_app.key": `${canary}\n` } }],
    ["a setting that is an object", { settings: { archive_command: { secret: canary } } }],
    ["a setting that is a property of its own", { settings: { primary_conninfo: canary } }],
    ["a setting nobody knows", { settings: { archive_comand: canary } }],
    ["a property nobody knows", { superuserPasword: canary }],
  ])("%s", (_, bad) => {
    const failures = failuresOf(bad);
    expect(failures.length).toBeGreaterThan(0);
    expect(JSON.stringify(failures)).not.toContain(canary);
  });

  test("restart triggers are shown in none either", () => {
    expect(JSON.stringify(failuresOf({ restartTriggers: { key: canary }, port: 0 }))).not.toContain(canary);
  });
});

describe("null", () => {
  test("is the same as absent, for every property", () => {
    const nulls = program({ port: null, settings: null, auth: null, name: null, locale: null });
    expect(check({}, nulls)).toEqual(check({}, program()));
  });

  test("does not do for the version", () => {
    expect(failuresOf({ version: null }).map(({ property }) => property)).toEqual(["version"]);
  });
});

describe("the protection", () => {
  const lifted = (more: Properties) => {
    const olds = check({}, program({ deletionProtection: true })).inputs;
    return check(olds, program({ deletionProtection: false, ...more })).failures;
  };

  test("is lifted only with a word on what is kept", () => {
    expect(lifted({})).toEqual([
      {
        property: "finalDump",
        reason: expect.stringContaining("must be said before the protection is lifted"),
      },
    ]);
    expect(lifted({ finalDump: "skip" })).toEqual([]);
    expect(lifted({ finalDump: "/var/backups" })).toEqual([]);
  });

  test("that never was needs none", () => {
    expect(check({}, program({ deletionProtection: false })).failures).toEqual([]);
  });

  test.each(["here", "/", "/a/../b", "/a\nb", ""])("is kept by no dump to %j", (finalDump) => {
    expect(check({}, program({ finalDump })).failures).toMatchObject([{ property: "finalDump" }]);
  });
});

describe("defaults", () => {
  const defaults = {
    host: { local: {} },
    address: "localhost",
    name: "orders",
    port: 5432,
    state: "started",
    restartOnChanges: false,
    superuser: "postgres",
    deletionProtection: true,
    stopMode: "fast",
  };

  test("are set where they need no host, and kept as such", () => {
    expect(check({}, program()).inputs).toEqual({ ...program(), ...defaults, __defaults: defaults });
  });

  test("give way to what is declared", () => {
    const { inputs } = check({}, program({ port: 6000 }));
    expect(inputs.port).toBe(6000);
    expect(inputs.__defaults).not.toHaveProperty("port");
  });

  test("stay as they were first given: a renamed resource keeps its name", () => {
    const olds = check({}, program()).inputs;
    const { inputs } = check(olds, { ...program(), __urn: urn("renamed") });
    expect(inputs.name).toBe("orders");
    expect(inputs.__defaults).toEqual(defaults);
    expect(check(inputs, { ...program(), __urn: urn("again") }).inputs.name).toBe("orders");
  });

  test("come back for a value that is no longer declared", () => {
    const olds = check({}, program({ port: 6000, state: "stopped" })).inputs;
    const { inputs } = check(olds, program());
    expect(inputs).toMatchObject({ port: 5432, state: "started" });
  });

  test("are not what a refresh found on the host", () => {
    const refreshed = { ...check({}, program()).inputs, port: 7000, state: "stopped" };
    expect(check(refreshed, program()).inputs).toMatchObject({ port: 5432, state: "started" });
  });

  test("follow the ssh host, where they are the address for clients", () => {
    const at = (host: string) => program({ host: { ssh: { host } } });
    const first = check({}, at("db1.example.com")).inputs;
    expect(first.address).toBe("db1.example.com");
    const second = check(first, at("2001:db8::7")).inputs;
    expect(second.address).toBe("2001:db8::7");
    expect(check(second, program()).inputs).toMatchObject({ host: { local: {} }, address: "localhost" });
    expect(check(first, { ...at("db2"), address: "pool.example.com" }).inputs.address).toBe(
      "pool.example.com",
    );
  });

  test("that follow what is wrong are no second failure", () => {
    const paths = (host: unknown) => failuresOf({ host: { ssh: { host } } }).map(({ property }) => property);
    expect(paths("a b")).toEqual(["host.ssh.host"]);
    expect(paths(5)).toEqual(["host.ssh.host"]);
  });

  test("do without a URN, as in a script", () => {
    expect(check({}, { version: "17" }).inputs.name).toBe("main");
  });
});

describe("what is not known before the update", () => {
  test.each<[string, Properties]>([
    ["a property", { port: unknownValue }],
    ["the version", { version: unknownValue }],
    ["all settings", { settings: unknownValue }],
    ["one setting", { settings: { work_mem: unknownValue, max_connections: 10 } }],
    ["a part of an object", { auth: { local: unknownValue } }],
    ["something deep in the triggers", { restartTriggers: { a: [{ b: unknownValue }] } }],
    ["the host", { host: unknownValue }],
    ["all of ssh", { host: { ssh: unknownValue } }],
    ["the ssh host's name", { host: { ssh: { host: unknownValue, user: "deploy" } } }],
    ["its port", { host: { ssh: { host: "db1", port: unknownValue } } }],
    ["its private key", { host: { ssh: { host: "db1", privateKey: unknownValue } } }],
    ["its agent", { host: { ssh: { host: "db1", agent: unknownValue } } }],
    ["all jumps", { host: { ssh: { host: "db1", jump: unknownValue, jumpCredentials: { a: {} } } } }],
    ["one jump", { host: { ssh: { host: "db1", jump: [unknownValue], jumpCredentials: { a: {} } } } }],
    [
      "two jumps' names",
      { host: { ssh: { host: "db1", jump: [{ host: unknownValue }, { host: unknownValue }] } } },
    ],
    ["a jump's port", { host: { ssh: { host: "db1", jump: [{ host: "a", port: unknownValue }] } } }],
    ["credentials", { host: { ssh: { host: "db1", jumpCredentials: unknownValue } } }],
    ["known hosts", { host: { ssh: { host: "db1", knownHosts: [unknownValue] } } }],
    ["the way to the owner", { become: { method: unknownValue, password: unknownValue } }],
  ])("passes as it is: %s", (_, given) => {
    const { inputs, failures } = check({}, program(given));
    expect(failures).toEqual([]);
    expect(inputs).toMatchObject(given);
  });

  test("does not hide what is wrong beside it", () => {
    expect(
      reasonsOf({ port: unknownValue, settings: { work_mem: unknownValue, max_connections: 0 } }),
    ).toEqual([
      expect.stringMatching(/^settings\.max_connections: 0 is outside 1 to 262143 \(default 100\)/),
    ]);
    expect(
      reasonsOf({ host: { ssh: { host: unknownValue, port: 0, jump: [{ host: unknownValue, port: 0 }] } } }),
    ).toEqual([
      "host.ssh.port: 0 is not between 1 and 65535",
      "host.ssh.jump.0.port: 0 is not between 1 and 65535",
    ]);
    expect(reasonsOf({ auth: { local: unknownValue, host: "trust" } })).toHaveLength(1);
  });

  test.each<[string, unknown]>([
    ["the host", unknownValue],
    ["all of ssh", { ssh: unknownValue }],
    ["its name", { ssh: { host: unknownValue, user: "deploy" } }],
  ])("leaves the address for clients unknown too: %s", (_, host) => {
    expect(check({}, program({ host })).inputs.address).toBe(unknownValue);
    const olds = check({}, program()).inputs;
    expect(check(olds, program({ host })).inputs.address).toBe(unknownValue);
    expect(check(olds, program({ host, address: "a" })).inputs.address).toBe("a");
  });

  test("does not touch the address where it is not the name", () => {
    const host = { ssh: { host: "db1", privateKey: unknownValue } };
    expect(check({}, program({ host })).inputs.address).toBe("db1");
  });
});

describe("what means the same", () => {
  test.each<[Properties, Properties]>([
    [{ settings: { shared_buffers: "1GB" } }, { settings: { shared_buffers: "1024MB" } }],
    [{ settings: { shared_buffers: "1GB" } }, { settings: { shared_buffers: 131072 } }],
    [{ settings: { autovacuum: "on" } }, { settings: { autovacuum: true } }],
    [{ settings: { wal_level: "replica" } }, { settings: { wal_level: "REPLICA" } }],
    [{ locale: "C.UTF-8" }, { locale: "C.utf8" }],
    [{ encoding: "UTF8" }, { encoding: "utf-8" }],
  ])("keeps its old spelling: %j for %j", (before, now) => {
    const olds = check({}, program(before)).inputs;
    expect(check(olds, program(now)).inputs).toEqual(olds);
  });

  test.each<[Properties, Properties]>([
    [{ settings: { work_mem: "8MB" } }, { settings: { work_mem: "9MB" } }],
    [{ settings: { work_mem: "8MB" } }, { settings: { work_mem: null } }],
    [{ settings: { shared_buffers: "25%" } }, { settings: { shared_buffers: "30%" } }],
    [{ settings: { "my_app.flag": "on" } }, { settings: { "my_app.flag": "true" } }],
    [{ locale: "C.UTF-8" }, { locale: "C" }],
    [{ encoding: "UTF8" }, { encoding: "LATIN1" }],
  ])("is not taken for more than that: %j, then %j", (before, now) => {
    const olds = check({}, program(before)).inputs;
    expect(check(olds, program(now)).inputs).toMatchObject(now);
  });

  test("does not bring back a setting that is no longer declared", () => {
    const olds = check({}, program({ settings: { work_mem: "8MB" } })).inputs;
    expect(check(olds, program({ settings: {} })).inputs.settings).toEqual({});
  });
});

test("an address has no mask of more bits than there are", () => {
  const from = (address: string) =>
    reasonsOf({ hba: { app: { type: "host", database: "all", user: "app", address, method: "md5" } } });
  expect(from("10.0.0.0/33")).toEqual([
    'hba.app.address: "10.0.0.0/33" has a mask of 33 bits, of 32 that there are',
  ]);
  expect(from("fd00::/129")).toHaveLength(1);
  expect([...from("10.0.0.0/32"), ...from("fd00::/128")]).toEqual([]);
});

test("a method of pg_hba.conf is refused for a major that does not have it", () => {
  const by = (method: string, version: unknown) =>
    reasonsOf({
      version,
      hba: { app: { type: "host", database: "all", user: "app", address: "all", method } },
    });
  expect(by("oauth", "17")).toEqual([
    expect.stringMatching(
      /^hba\.app\.method: "oauth" is no method of host in PostgreSQL 17; those are reject, .*sspi$/,
    ),
  ]);
  expect([...by("oauth", "18"), ...by("oauth", unknownValue), ...by("ldap", "14")]).toEqual([]);
});
