import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import type { Desired } from "../../../provider/plan/desired";
import { findDrift } from "../../../provider/plan/drift";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import { judge } from "../../../provider/plan/refusals";
import { stuckLines } from "../../../provider/plan/standby-words";
import type { Step } from "../../../provider/plan/step";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, lines, remember, seen, stoppedServer, wish } from "./situations";

const primary = "host=db1 port=6000 user=replicator";
const following = (more: Properties = {}) => ({ standby: { primary, ...more } });
/** Half of a failover: the rules are of an update, so nothing is new. */
const promoting = { ...inputsOf(following()), standby: { primary, status: "promoted" } } as Properties;

const wanted = (program: Properties): Desired => {
  const { standby, ...rest } = program;
  const status = (standby as Properties | undefined)?.status;
  if (status !== "promoted") return wish(program);
  const streaming = wish({ ...rest, standby: { ...(standby as object), status: "streaming" } });
  if (!streaming.standby) throw new Error("no standby");
  const inputs = { ...streaming.inputs, standby: { ...streaming.inputs.standby, primary, status } };
  return { ...streaming, inputs: inputs as Desired["inputs"], standby: { ...streaming.standby, status } };
};

const settings = { primary_conninfo: primary, primary_slot_name: "orders" };
const standby = (more: Partial<Observed> = {}): Observed =>
  seen({
    role: "standby",
    settings: lines(settings),
    originals: { port: null, cluster_name: null, primary_conninfo: null, primary_slot_name: null },
    ...more,
  });
const kinds = (steps: readonly Step[]) => steps.map(({ kind }) => kind);
const said = (observed: Observed, program: Properties) =>
  printPlan(observed, wanted(program), plan(observed, wanted(program)), "db2").map(
    ({ severity, text }) => `${severity}: ${text}`,
  );

describe("a standby", () => {
  test("is made by a base backup in place of initdb, and has a connection and a slot among its settings", () => {
    const steps = plan(nothing, wish(following()));
    expect(kinds(steps)).toEqual(["baseBackup", "writeConfiguration", "start"]);
    expect(wish(following()).settings).toMatchObject(settings);
    expect(wish(following({ slot: false })).settings).toMatchObject({ primary_slot_name: null });
    expect(wish({ name: "A.b-C", ...following() }).standby?.slot).toBe("a_b_c");
  });

  test("that is as declared leaves nothing to plan", () => {
    expect(plan(standby(), wish(following()))).toEqual([]);
  });

  test("gets another password in its file alone", () => {
    expect(kinds(plan(standby({ passfile: "abc" }), wish(following())))).toEqual(["writePassfile"]);
  });

  test("has a slot where it turns to before it does", () => {
    const steps = plan(standby(), wish(following({ primary: "host=db3 user=replicator" })));
    expect(kinds(steps)).toEqual(["createSlot", "writeConfiguration", "reload"]);
    expect(kinds(plan(standby(), wish(following({ slot: false }))))).toEqual([
      "writeConfiguration",
      "reload",
    ]);
  });
});

describe("what the primary runs with", () => {
  const at200 = standby({
    least: { max_connections: 200 },
    settings: lines({ ...settings, max_connections: "200" }),
    originals: { ...standby().originals, max_connections: "100" },
  });

  test("comes before what is declared, and shows no drift", () => {
    const program = { ...following(), settings: { max_connections: 50 } };
    expect(plan(at200, wish(program))).toEqual([]);
    expect(findDrift(at200, wish(program)).inputs).toEqual({});
    const steps = plan(standby({ least: { max_connections: 200 } }), wish(program));
    expect(steps[0]).toMatchObject({ changes: [{ name: "max_connections", to: "200" }] });
  });

  test("is taken over where nothing is declared, and given back when the primary has less", () => {
    const behind = standby({ least: { max_connections: 200 } });
    expect(plan(behind, wish(following()))[0]).toMatchObject({
      changes: [{ name: "max_connections", to: "200" }],
    });
    expect(plan(at200, wish(following()))).toEqual([]);
    expect(plan({ ...at200, least: { max_connections: 60 } }, wish(following()))[0]).toMatchObject({
      changes: [{ name: "max_connections", from: "200", to: "100", declared: false }],
    });
  });

  test("stays after a promotion", () => {
    expect(plan({ ...at200, role: "primary", least: {} }, wanted(promoting))).toEqual([]);
  });

  test("is said to hold up what is declared lower", () => {
    expect(said(at200, { ...following(), settings: { max_connections: 50 } })).toEqual([
      "info: plan: max_connections stays 200, which db1:6000 runs with; it becomes 50 once db1:6000 has that and this standby " +
        "has replayed it: then refresh and up",
    ]);
  });
});

describe("a standby that its primary was raised above", () => {
  const least = { max_connections: 120, max_wal_senders: 10 };
  const at71 = standby({ least, settings: lines({ ...settings, max_connections: "71" }) });
  const pending = { max_connections: { running: "71", wanted: "120" } };
  const originals = { ...standby().originals, max_connections: "71" };
  const line120 = lines({ ...settings, max_connections: "120" });
  const written = standby({ least, pending, originals, settings: line120 });
  const stuck = "17/orders on db2 replays nothing since max_connections is 71 here and 120 on its primary";
  const cure = "a restart with at least that brings it on (restartOnChanges)";
  const texts = (observed: Observed) => stuckLines(observed, "17/orders on db2").map(({ text }) => text);

  test("shows so in a refresh, whether the line is written or not", () => {
    expect(texts(at71)).toEqual([`${stuck}: ${cure}`]);
    expect(texts(written)).toEqual([`${stuck}: ${cure}`]);
  });

  test("does not when it runs with as much, or does not run, or is none any more", () => {
    expect(texts({ ...written, pending: {} })).toEqual([]);
    expect(texts({ ...at71, ...stoppedServer })).toEqual([]);
    expect(texts({ ...at71, role: "primary" })).toEqual([]);
    expect(texts(standby({ least: { max_connections: 100, max_prepared_transactions: 0 } }))).toEqual([]);
  });

  test("says what its promotion waits for", () => {
    expect(said(at71, promoting)[0]).toBe(
      `warning: ${stuck}: ${cure}, and its promotion is refused until then`,
    );
  });

  test("is not restarted, nor started, with less than it needs, as where nobody has seen yet that it was raised", () => {
    const program = { ...following(), restartTriggers: "2" };
    const before = standby({ settings: lines({ ...settings, max_connections: "71" }) });
    expect(agree(before, at71, wish(program)).more).toEqual([
      "its primary was raised to max_connections 120, and with 71 the server would not start",
    ]);
    const stopped = { ...before, ...stoppedServer };
    expect(agree(stopped, { ...stopped, least }, wish(following())).more).toHaveLength(1);
    expect(agree(at71, at71, wish(program)).more).toEqual([]);
  });

  test("is restarted first, and promoted then", () => {
    const program = { ...promoting, restartOnChanges: true };
    for (const observed of [at71, written]) {
      expect(kinds(plan(observed, wanted(program))).slice(-2)).toEqual(["restart", "promote"]);
      expect(said(observed, program).map((line) => line.split(" of ")[0])).toEqual([
        "warning: restart",
        "warning: promotion",
      ]);
    }
  });
});

test("a standby that was promoted says, as any primary, what its raise means for those that follow it", () => {
  const promoted = standby({ role: "primary", standbys: ["orders_2"] });
  const program = { settings: { max_connections: 200 }, restartOnChanges: true };
  const follow = "max_connections of 17/orders on db2 is raised while orders_2 follow";
  expect(said(promoted, { ...promoting, ...program })[1]).toContain(follow);
  const streaming = standby({ standbys: ["orders_2"] });
  expect(said(streaming, { ...following(), ...program }).join()).not.toContain(follow);
});

describe("a promotion", () => {
  test("is a step of a standby that runs, after its start", () => {
    expect(kinds(plan(standby(), wanted(promoting)))).toEqual(["promote"]);
    expect(kinds(plan(standby(stoppedServer), wanted(promoting)))).toEqual(["start", "promote"]);
    expect(plan(seen({ ...standby(), role: "primary" }), wanted(promoting))).toEqual([]);
    expect(kinds(plan(standby(), wanted({ ...promoting, state: "stopped" })))).toEqual(["stop"]);
  });

  test("that was announced and is done already is gone on with: the slot on the old primary may be left", () => {
    const promoted = seen({ ...standby(), role: "primary" });
    const { take, left, more } = agree(standby(), promoted, wanted(promoting));
    expect([kinds(take), left, more]).toEqual([["promote"], [], []]);
    expect(agree(promoted, promoted, wanted(promoting)).take).toEqual([]);
  });

  test("by hand shows as a promoted status", () => {
    const drift = findDrift({ ...standby(), role: "primary" }, wish(following()));
    expect(drift.inputs).toEqual({ standby: { primary, status: "promoted" } });
    expect(findDrift(standby(), wanted(promoting)).inputs).toEqual({
      standby: { primary, status: "streaming" },
    });
  });

  test("by hand is left as it is, and named, by an update that knew nothing of it", () => {
    const { take, left } = agree(standby(), { ...standby(), role: "primary" }, wish(following()));
    expect(take).toEqual([]);
    expect(left).toEqual(["the standby has become a primary on the host"]);
  });

  test("that was not announced is not done", () => {
    const { take } = agree({ ...standby(), role: "primary" }, standby(), wanted(promoting));
    expect(take).toEqual([]);
  });
});

describe("a return", () => {
  const asked = following({ rejoin: "rewind" });
  const old = { ...standby(), role: "primary" } as const;

  test("is a step, and a start, only where it is asked for", () => {
    expect(kinds(plan(old, wish(asked)))).toEqual(["rejoin", "start"]);
    expect(kinds(plan(old, wish({ ...asked, state: "stopped" })))).toEqual(["rejoin"]);
    expect(plan(old, wish(following()))).toEqual([]);
    expect(plan(standby(), wish(asked))).toEqual([]);
  });

  test("that was begun is gone on with", () => {
    expect(kinds(plan(standby({ rejoining: true, ...stoppedServer }), wish(asked)))).toEqual([
      "rejoin",
      "start",
    ]);
  });
});

describe("the preview says", () => {
  test.each<[title: string, observed: Observed, program: Properties, words: string[]]>([
    [
      "whose copy a new standby is",
      nothing,
      following(),
      ["info: plan: new standby 17/orders on db2, port 5432: base backup of db1:6000, configuration, start"],
    ],
    [
      "where its tablespaces go",
      nothing,
      { ...following(), tablespaces: { fast: "/ssd" } },
      [
        "info: plan: new standby 17/orders on db2, port 5432: base backup of db1:6000, its tablespaces fast in /ssd, others where " +
          "the primary has them, configuration, start",
      ],
    ],
    [
      "what a promotion means",
      standby(),
      promoting,
      [
        "warning: promotion of 17/orders on db2: it leaves db1:6000 for ever and begins a new timeline. What was committed there " +
          "and not replayed here is lost. The old primary must be fenced: if it still runs, both take writes. Its slot orders " +
          'there is released. Refused while the old primary answers (promoteWhen: "primaryDown").',
      ],
    ],
    [
      "what a return costs",
      { ...standby(), role: "primary" },
      following({ rejoin: "rebuild" }),
      [
        "warning: 17/orders on db2 becomes a standby of db1:6000 by a new base backup. Downtime, and everything that only it has " +
          "is lost.",
      ],
    ],
    [
      "what a slot keeps while nobody reads from it",
      standby(),
      { ...following(), state: "stopped" },
      [
        "warning: while 17/orders on db2 is stopped, its slot orders on db1:6000 keeps WAL there without limit " +
          "(max_slot_wal_keep_size)",
        "warning: stop of 17/orders on db2 (fast): downtime until it is started again.",
      ],
    ],
    [
      "what is left where it turns away from",
      standby(),
      following({ primary: "host=db3 user=replicator" }),
      [
        "info: plan: 17/orders on db2 turns to db3:5432; a slot that it had elsewhere is left there, and keeps WAL until it is " +
          "dropped",
      ],
    ],
  ])("%s", (_, observed, program, words) => {
    expect(said(observed, program)).toEqual(words);
  });
});

describe("the preview refuses", () => {
  const refused = (observed: Observed, program: Properties) =>
    judge(remember(following(), { observed }), inputsOf(program)).refusals.map(
      ({ property, reason }) => `${property}: ${reason}`,
    );
  const old = { ...standby(), role: "primary" } as const;

  test("to forget that it is a standby", () => {
    expect(refused(standby(), {})).toEqual([
      expect.stringMatching(/^standby: this instance is a standby; .*promoted/),
    ]);
  });

  test("to give up data that nobody else has, unless that is asked for", () => {
    expect(refused(old, following())).toEqual([
      expect.stringMatching(/^standby.status: this instance is a primary with data of its own/),
    ]);
    expect(refused(old, following({ rejoin: "rewind" }))).toEqual([]);
    expect(refused(old, following({ rejoin: "rebuild" }))).toEqual([]);
  });

  test("nothing of a standby whose base backup was cut off: there is no data yet", () => {
    expect(refused(nothing, following())).toEqual([]);
  });

  test("a rewind without checksums and hints", () => {
    const bare = { ...old, dataChecksums: false };
    expect(refused(bare, following({ rejoin: "rewind" }))).toEqual([
      expect.stringMatching(/^standby.rejoin: pg_rewind needs data checksums or wal_log_hints/),
    ]);
    const hinted = { ...bare, settings: lines({ ...settings, wal_log_hints: "true" }) };
    expect(refused(hinted, following({ rejoin: "rewind" }))).toEqual([]);
    expect(refused(bare, following({ rejoin: "rebuild" }))).toEqual([]);
  });

  test("to start what a failed return has left", () => {
    const left = { ...old, rejoining: true };
    expect(refused(left, {})).toEqual([
      expect.stringMatching(/^standby.rejoin: a return as a standby was begun/),
    ]);
    expect(refused(left, following())).toEqual([expect.stringMatching(/^standby.rejoin: a return/)]);
    expect(refused(left, following({ rejoin: "rebuild" }))).toEqual([]);
  });
});
