import { describe, expect, test } from "vitest";
import { type Agreement, agree } from "../../../provider/plan/announced";
import { desire } from "../../../provider/plan/desired";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import type { AccessEntry } from "../../../provider/postgresql/access";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/observed";
import { inputsOf, lines, seen, stoppedServer, wish } from "./situations";

const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=`;

/** The kinds of what is taken, with the names that are written. */
function agreed(remembered: Observed, found: Observed, program: Properties) {
  const { take, left, more }: Agreement = agree(remembered, found, wish(program));
  const words = take.map((step) =>
    step.kind === "writeConfiguration"
      ? `write ${step.changes.map(({ name, to }) => `${name}=${to}`).join(" ")}`
      : step.kind,
  );
  return { take: words, left, more };
}

describe("an update of a host that is as remembered", () => {
  test("takes what was announced", () => {
    const program = { settings: { work_mem: "8MB", max_connections: 200 }, restartOnChanges: true };
    expect(agree(seen(), seen(), wish(program))).toEqual({
      take: plan(seen(), wish(program)),
      left: [],
      more: [],
    });
  });

  test("gives back a setting as one that is no longer declared", () => {
    const there = seen({ settings: lines({ work_mem: "8MB" }), originals: { work_mem: "4MB" } });
    const [step] = agree(there, there, wish()).take;
    expect(step).toMatchObject({ changes: [{ name: "work_mem", from: "8MB", to: "4MB", declared: false }] });
  });
});

describe("what was changed on the host", () => {
  test("and not announced, is left and named with its place", () => {
    const remembered = seen({ settings: lines({ work_mem: "8MB" }) });
    const found = seen({ settings: lines({ work_mem: "64MB" }) });
    expect(agreed(remembered, found, { settings: { work_mem: "8MB", log_statement: "ddl" } })).toEqual({
      take: ["write log_statement=ddl", "reload"],
      left: ["work_mem was changed on the host (postgresql.conf:3)"],
      more: [],
    });
  });

  test("into a primary is left so, however its return is declared; what was announced goes on", () => {
    const standby = { primary: "host=db1 user=replicator", rejoin: "rebuild" };
    const program = { standby, settings: { max_connections: 200 }, restartOnChanges: true };
    const remembered = seen({
      role: "standby",
      settings: lines({ primary_conninfo: "host=db1 user=replicator" }),
    });
    const announced = plan(remembered, wish(program)).map(({ kind }) => kind);
    expect(announced).toContain("restart");
    const { take, left } = agreed(remembered, { ...remembered, role: "primary" }, program);
    expect(take).toContain("restart");
    expect(take).not.toContain("rejoin");
    expect(take).not.toContain("start");
    expect(left).toEqual(["the standby has become a primary on the host"]);
  });

  test("so that it is stopped: it is not promoted then, as it takes no sessions", () => {
    const remembered = seen({ role: "standby" });
    const crashed = seen({ role: "standby", server: "crashed" });
    const wanted = wish({ standby: { primary: "host=db1 user=replicator" } });
    const promoting = {
      ...wanted,
      standby: wanted.standby && { ...wanted.standby, status: "promoted" as const },
    };
    expect(agree(remembered, remembered, promoting).take.map(({ kind }) => kind)).toContain("promote");
    const { take, left } = agree(remembered, crashed, promoting);
    expect(take.map(({ kind }) => kind)).not.toContain("promote");
    expect(left).toContain("the server does not run");
  });

  test("is left also when nothing at all was announced", () => {
    const remembered = seen({ settings: lines({ work_mem: "8MB" }) });
    const found = seen();
    expect(agreed(remembered, found, { settings: { work_mem: "8MB" } })).toEqual({
      take: [],
      left: ["work_mem was changed on the host"],
      more: [],
    });
  });

  test("to what was announced needs no step", () => {
    const found = seen({ settings: lines({ work_mem: "8MB" }) });
    expect(agreed(seen(), found, { settings: { work_mem: "8MB" } })).toEqual({
      take: [],
      left: [],
      more: [],
    });
  });

  test("is repaired where just that was announced, from whatever it is now", () => {
    const remembered = seen({ settings: lines({ work_mem: "64MB" }) });
    const found = seen({ settings: lines({ work_mem: "32MB" }) });
    expect(agreed(remembered, found, { settings: { work_mem: "8MB" } })).toEqual({
      take: ["write work_mem=8MB", "reload"],
      left: [],
      more: [],
    });
  });
});

describe("records that were changed on the host", () => {
  const wanted = (more: Properties = {}) =>
    desire(inputsOf(more), { hostMemory: null, owner: "postgres", restartTriggers: null });
  const entries = (records: readonly AccessEntry[] = []) =>
    records.map(({ label, text }) => ({ label, text }));
  const { hba, ident } = wanted().access ?? {};
  const [hbaThere, identThere] = [entries(hba?.records), entries(ident?.records)];
  const remembered = seen({ access: { hba: hbaThere, ident: identThere } });
  const reject = { label: null, text: "local all all reject" };

  test("stay in their order, whatever is written beside them", () => {
    const turned = [...hbaThere.slice(0, 2), ...hbaThere.slice(2).toReversed()];
    const found = seen({ access: { hba: turned, ident: identThere } });
    const app = { type: "host", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" };
    const { take, left, more } = agree(remembered, found, wanted({ hba: { app } }));
    expect(take).toMatchObject([
      { kind: "writeAccess", changes: [{ label: "hba.app", from: null }] },
      { kind: "reload" },
    ]);
    expect(left).toContain("auth.local.replication was changed on the host (pg_hba.conf)");
    expect(more).toEqual([]);
  });

  test.each<[title: string, access: Observed["access"], more: string[]]>([
    [
      "where one before it decides",
      { hba: [reject, ...hbaThere], ident: identThere },
      ["own.all was changed on the host (pg_hba.conf), and the server would not let the provider in"],
    ],
    [
      "where its map is gone",
      { hba: hbaThere, ident: [] },
      ["auth.owner was changed on the host (pg_ident.conf), and the server would not let the provider in"],
    ],
    [
      "but not where the one before it is for others",
      { hba: [{ label: null, text: "host all all 0.0.0.0/0 reject" }, ...hbaThere], ident: identThere },
      [],
    ],
  ])("so that the provider is kept out, stop what would have the server read them: %s", (_, access, more) => {
    const desired = wanted({ settings: { work_mem: "8MB" } });
    expect(agree(remembered, seen({ access }), desired).more).toEqual(more);
  });

  test("and are put back as announced, stop nothing", () => {
    const broken = seen({ access: { hba: [reject, ...hbaThere], ident: identThere } });
    const desired = wanted({ settings: { work_mem: "8MB" } });
    expect(agree(broken, broken, desired)).toEqual({ take: plan(broken, desired), left: [], more: [] });
  });
});

describe("power and password", () => {
  const work = { settings: { work_mem: "8MB" } };

  test("a server that somebody stopped is not started unasked", () => {
    expect(agreed(seen(), seen(stoppedServer), work)).toEqual({
      take: ["write work_mem=8MB"],
      left: ["the server does not run"],
      more: [],
    });
  });

  test("a server that somebody started is not stopped unasked", () => {
    expect(agreed(seen(stoppedServer), seen(), { state: "stopped" })).toEqual({
      take: [],
      left: ["the server runs"],
      more: [],
    });
  });

  test("an announced start is not needed when somebody started it; what was written is reloaded", () => {
    expect(agreed(seen(stoppedServer), seen(), work)).toEqual({
      take: ["write work_mem=8MB", "reload"],
      left: [],
      more: [],
    });
  });

  test("an announced restart of a stopped server is a start", () => {
    expect(agreed(seen(), seen(stoppedServer), { restartTriggers: "1" }).take).toEqual(["start"]);
  });

  test("an announced restart that somebody did already is not done again", () => {
    const pending = { max_connections: { running: "100", wanted: "200" } };
    const settings = lines({ max_connections: "200" });
    const program = { settings: { max_connections: 200 }, restartOnChanges: true };
    expect(agreed(seen({ settings, pending }), seen({ settings }), program)).toEqual({
      take: [],
      left: [],
      more: [],
    });
  });

  test("a password that was changed on the server is left and named", () => {
    const remembered = seen({ passwordVerifier: verifier });
    expect(agreed(remembered, seen(), { superuserPasswordVerifier: verifier })).toEqual({
      take: [],
      left: ["the superuser's password was changed"],
      more: [],
    });
  });
});

describe("an update stops before its first change", () => {
  const approved = { settings: { max_connections: 200 }, restartOnChanges: true };

  test("when the approved restart would apply somebody's line", () => {
    const auto = { max_wal_senders: { value: "3", place: "postgresql.auto.conf:4" } };
    const found = seen({ settings: { ...lines({}), ...auto }, overrides: auto });
    expect(agreed(seen(), found, approved).more).toEqual([
      "max_wal_senders was changed on the host (postgresql.auto.conf:4) and the approved restart would apply it",
    ]);
  });

  test("when the start in place of a restart would", () => {
    const found = seen({ ...stoppedServer, settings: lines({ max_wal_senders: "3" }) });
    expect(agreed(seen(), found, approved).more).toHaveLength(1);
  });

  test("when a line is gone that the restart would miss", () => {
    const remembered = seen({ settings: lines({ max_wal_senders: "3" }) });
    expect(agreed(remembered, seen(), approved).more).toEqual([
      "max_wal_senders was changed on the host and the approved restart would apply it",
    ]);
  });

  test("when a reload was announced and the host needs a restart", () => {
    const remembered = seen(stoppedServer);
    const found = seen({ settings: lines({ max_connections: "100" }) });
    expect(agreed(remembered, found, approved).more).toEqual([
      "max_connections needs a restart, which was not announced",
    ]);
  });

  test("but not for a line that a reload takes anyway", () => {
    const found = seen({ settings: lines({ log_statement: "all" }) });
    expect(agreed(seen(), found, approved).more).toEqual([]);
  });

  test("nor for a line that the state knows already", () => {
    const both = seen({ settings: lines({ max_wal_senders: "3" }) });
    expect(agreed(both, both, approved).more).toEqual([]);
  });
});

describe("a create", () => {
  test("takes all that is needed, wherever an earlier one stopped", () => {
    expect(agreed(nothing, nothing, {}).take).toEqual([
      "init",
      "write cluster_name=orders port=5432",
      "start",
    ]);
    expect(agreed(nothing, seen(stoppedServer), {})).toEqual({ take: ["start"], left: [], more: [] });
    expect(agreed(nothing, seen(), {})).toEqual({ take: [], left: [], more: [] });
  });
});
