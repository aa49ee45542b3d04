import { describe, expect, test } from "vitest";
import {
  fullUnitName,
  isOurUnit,
  movedUnit,
  printUnit,
  scopeIn,
  type UnitFacts,
  unitName,
  unitsIn,
} from "../../../provider/postgresql/unit";

const facts: UnitFacts = {
  scope: "system",
  name: "orders",
  owner: "postgres",
  stateDirectory: "/srv/pg/17/orders.pginstance",
  directories: [],
  environment: {},
};
const linesOf = (more: Partial<UnitFacts>) => printUnit({ ...facts, ...more }).split("\n");

describe("a unit", () => {
  test("runs what lies beside the data directory, and limits neither recovery nor the last checkpoint", () => {
    expect(linesOf({})).toEqual(
      expect.arrayContaining([
        'RequiresMountsFor="/srv/pg/17/orders.pginstance"',
        "Type=notify",
        "User=postgres",
        'ExecStart=/bin/sh "/srv/pg/17/orders.pginstance/serve"',
        "KillMode=mixed",
        "KillSignal=SIGINT",
        "TimeoutStartSec=infinity",
        "TimeoutStopSec=1h",
        "OOMScoreAdjust=-900",
        "OOMPolicy=continue",
        "WantedBy=multi-user.target",
      ]),
    );
  });

  test("of a user's own systemd is started by that one's target, and says nothing that only the host's may", () => {
    const [system, user] = [linesOf({}), linesOf({ scope: "user" })];
    expect(user.filter((line) => !system.includes(line))).toEqual(["WantedBy=default.target"]);
    expect(system.filter((line) => !user.includes(line))).toEqual([
      "Wants=network-online.target",
      "After=network-online.target",
      "User=postgres",
      "Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj PG_OOM_ADJUST_VALUE=0",
      "OOMScoreAdjust=-900",
      "WantedBy=multi-user.target",
    ]);
  });

  test("waits for the mounts of every directory that is declared", () => {
    expect(linesOf({ directories: ["/wal", "/ssd/a b"] })).toContain(
      'RequiresMountsFor="/srv/pg/17/orders.pginstance" "/wal" "/ssd/a b"',
    );
  });

  test.each([
    ["/run/orders/sockets", "orders/sockets"],
    ["/var/run/orders", "orders"],
  ])("makes %s at each boot", (socketDirectory, path) => {
    const lines = linesOf({ socketDirectory });
    expect(lines).toContain(`RuntimeDirectory="${path}"`);
    expect(lines).toContain("RuntimeDirectoryPreserve=yes");
  });

  test("of a user makes what lies below that user's own directory, and nothing else", () => {
    const made = (socketDirectory: string) =>
      linesOf({ scope: "user", socketDirectory }).filter((line) => line.startsWith("RuntimeDirectory="));
    expect(made("/run/user/1001/orders/sockets")).toEqual(['RuntimeDirectory="orders/sockets"']);
    expect(made("/run/orders")).toEqual([]);
  });

  test.each(["/run/postgresql", "/var/run/postgresql", "/srv/sockets"])(
    "leaves %s to whoever made it",
    (path) => {
      expect(printUnit({ ...facts, socketDirectory: path })).not.toContain("RuntimeDirectory");
    },
  );

  test("says a value as systemd reads it: quotes, backslashes and specifiers stand for themselves", () => {
    expect(linesOf({ environment: { A: 'x "y" \\z 100% $HOME' } })).toContain(
      'Environment="A=x \\"y\\" \\\\z 100%% $HOME"',
    );
    expect(linesOf({ stateDirectory: "/srv/$a%b" })).toContain('ExecStart=/bin/sh "/srv/$$a%%b/serve"');
  });

  test("is the same at another place, where only the place differs", () => {
    const text = printUnit({ ...facts, directories: ["/wal"] });
    const moved = movedUnit(text, facts.stateDirectory, "/other/$place");
    expect(moved).toBe(printUnit({ ...facts, directories: ["/wal"], stateDirectory: "/other/$place" }));
    expect(movedUnit(moved, "/other/$place", facts.stateDirectory)).toBe(text);
    expect(
      movedUnit(text.replace("orders.pginstance/serve", "elsewhere/serve"), facts.stateDirectory, "/x"),
    ).toContain("elsewhere/serve");
  });
});

test("its name tells whose it is", () => {
  expect(unitName("orders-a1b2")).toBe("pginstance-orders-a1b2.service");
  expect(isOurUnit(unitName("orders-a1b2"))).toBe(true);
  expect(isOurUnit("postgresql@17-main.service")).toBe(false);
  expect(fullUnitName("postgresql@17-main")).toBe("postgresql@17-main.service");
  expect(fullUnitName("postgresql@17-main.service")).toBe("postgresql@17-main.service");
});

test.each([
  ["0::/system.slice/system-postgresql.slice/postgresql@17-main.service\n", ["postgresql@17-main.service"]],
  ["1:name=systemd:/system.slice/pginstance-a.service\n0::/\n", ["pginstance-a.service"]],
  ["0::/user.slice/user-0.slice/session-3.scope\n", []],
])("the units of a process are read from its control groups: %j", (text, units) => {
  expect(unitsIn(text)).toEqual(units);
});

test.each([
  ["0::/system.slice/pginstance-a.service\n", "system"],
  ["0::/user.slice/user-1001.slice/user@1001.service/app.slice/pginstance-a.service\n", "user"],
])("and whose systemd has them: %j is of the %s", (text, scope) => {
  expect(scopeIn(text)).toBe(scope);
});
