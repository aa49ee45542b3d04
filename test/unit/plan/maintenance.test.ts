import { describe, expect, test } from "vitest";
import { agree } from "../../../provider/plan/announced";
import { nothing } from "../../../provider/plan/nothing";
import { plan } from "../../../provider/plan/plan";
import { printPlan } from "../../../provider/plan/print";
import { judge } from "../../../provider/plan/refusals";
import type { Step } from "../../../provider/plan/step";
import type { Properties } from "../../../provider/schema/check";
import type { Observed } from "../../../provider/schema/state";
import { inputsOf, lines, remember, seen, stoppedServer, wish } from "./situations";

/** What is done while the server is stopped: which steps, what the preview says, what an update takes of them. */

const off = { dataChecksums: false };
const stopped = { state: "stopped" };
const at100 = { settings: lines({ max_connections: "100" }) };
const to200 = { settings: { max_connections: 200 } };

const word = (step: Step): string => ("mode" in step ? `stop ${step.mode}` : step.kind);
const steps = (observed: Observed, program: Properties) => plan(observed, wish(program)).map(word);

describe("a plan of maintenance", () => {
  test.each<[title: string, observed: Observed, program: Properties, steps: string[]]>([
    ["stops, does, starts", seen(), off, ["stop fast", "setChecksums", "start"]],
    [
      "stops cleanly, whatever the program says of other stops",
      seen(),
      { ...off, stopMode: "immediate" },
      ["stop fast", "setChecksums", "start"],
    ],
    [
      "writes what else there is before: the one start applies it, allowed or not",
      seen(at100),
      { ...off, ...to200 },
      ["writeConfiguration", "stop fast", "setChecksums", "start"],
    ],
    [
      "needs no restart beside it",
      seen(at100),
      { ...off, ...to200, restartOnChanges: true },
      ["writeConfiguration", "stop fast", "setChecksums", "start"],
    ],
    ["of a server that shall stop", seen(), { ...off, ...stopped }, ["stop fast", "setChecksums"]],
    ["of a server that is stopped for good", seen(stoppedServer), { ...off, ...stopped }, ["setChecksums"]],
    ["of a server that somebody stopped", seen(stoppedServer), off, ["setChecksums", "start"]],
    [
      "of a server that crashed: it recovers first",
      seen({ server: "crashed" }),
      off,
      ["start", "stop fast", "setChecksums", "start"],
    ],
    [
      "of a server that crashed and shall be stopped",
      seen({ server: "crashed" }),
      { ...off, ...stopped },
      ["start", "stop fast", "setChecksums"],
    ],
    ["of a new instance: it is made so", nothing, off, ["init", "writeConfiguration", "start"]],
    ["of what is as declared", seen({ dataChecksums: false }), off, []],
    ["of what nobody declares", seen({ dataChecksums: false }), {}, []],
    ["of what was never seen", seen({ dataChecksums: null }), off, []],
  ])("%s", (_, observed, program, wanted) => {
    expect(steps(observed, program)).toEqual(wanted);
  });
});

describe("the preview of maintenance says", () => {
  const said = (observed: Observed, program: Properties) =>
    printPlan(observed, wish(program), plan(observed, wish(program)), "db1").map(
      ({ severity, text }) => `${severity}: ${text}`,
    );
  const down = "warning: stop of 17/orders on db1 (fast) for data checksums";

  test.each<[title: string, observed: Observed, program: Properties, words: string]>([
    [
      "that pages are written anew, and that this is downtime",
      seen({ dataChecksums: false }),
      { dataChecksums: true },
      `${down} in every page: downtime until that is done. Clients are disconnected.`,
    ],
    [
      "that the check is switched off",
      seen(),
      off,
      `${down} switched off: downtime until that is done. Clients are disconnected.`,
    ],
    [
      "what the start applies by the way",
      seen({ ...at100, pending: { shared_buffers: { running: "128MB", wanted: "1GB" } } }),
      { ...off, ...to200 },
      `${down} switched off: downtime until that is done. Clients are disconnected. ` +
        "The start then applies max_connections 100 -> 200, shared_buffers.",
    ],
    [
      "that it stays stopped",
      seen(),
      { ...off, ...stopped },
      `${down} switched off: downtime until it is started again. Clients are disconnected.`,
    ],
    [
      "no downtime of what is stopped",
      seen(stoppedServer),
      { ...off, ...stopped },
      "info: plan: data checksums switched off of 17/orders on db1, which is stopped",
    ],
  ])("%s", (_, observed, program, words) => {
    expect(said(observed, program)).toEqual([words]);
  });
});

describe("an update", () => {
  const agreed = (remembered: Observed, found: Observed, program: Properties) => {
    const { take, left, more } = agree(remembered, found, wish(program));
    return { take: take.map(word), left, more };
  };

  test.each<[title: string, remembered: Observed, found: Observed, take: string[]]>([
    ["goes on after the stop", seen(), seen(stoppedServer), ["setChecksums", "start"]],
    ["goes on after the work", seen(), seen({ ...stoppedServer, ...off }), ["start"]],
    ["has nothing to do after the start", seen(), seen(off), []],
    [
      "recovers a server that was killed meanwhile",
      seen(),
      seen({ server: "crashed" }),
      ["start", "stop fast", "setChecksums", "start"],
    ],
  ])("%s", (_, remembered, found, take) => {
    expect(agreed(remembered, found, off)).toEqual({ take, left: [], more: [] });
  });

  test("restarts for the rest, where somebody did the work meanwhile", () => {
    const program = { ...off, ...to200, restartOnChanges: true };
    expect(agreed(seen(at100), seen({ ...at100, ...off }), program)).toEqual({
      take: ["writeConfiguration", "restart"],
      left: [],
      more: [],
    });
  });

  test("leaves and names what somebody changed and nobody announced, and does the rest as announced", () => {
    const program = { dataChecksums: true, settings: { work_mem: "8MB" } };
    expect(agreed(seen(), seen(off), program)).toEqual({
      take: ["writeConfiguration", "reload"],
      left: ["data checksums were changed on the host"],
      more: [],
    });
  });

  test("stops no server for it that was announced to be stopped", () => {
    expect(agreed(seen(stoppedServer), seen(), { ...off, ...stopped }).more).toEqual([
      "the server runs, and its stop was not announced",
    ]);
  });

  test("does not apply by its start what somebody wrote meanwhile", () => {
    const found = seen({ settings: lines({ max_wal_senders: "3" }) });
    expect(agreed(seen(), found, off).more).toEqual([
      "max_wal_senders was changed on the host (postgresql.conf:3) and the approved restart would apply it",
    ]);
  });
});

describe("checksums are refused", () => {
  const reason =
    "standbys are attached (orders_2, orders_3), whose data has to change with this one's: stop each of them first " +
    '(state: "stopped"), change this instance, then each of them, and start them again. ' +
    "`pulumi refresh` looks who is attached";
  const attached = remember({}, { observed: seen({ standbys: ["orders_2", "orders_3"] }) });

  test("while standbys are attached, with the order", () => {
    expect(judge(attached, inputsOf(off)).refusals).toEqual([{ property: "dataChecksums", reason }]);
  });

  test.each([{}, { dataChecksums: true }, { settings: { work_mem: "8MB" } }])("not by %j", (program) => {
    expect(judge(attached, inputsOf(program)).refusals).toEqual([]);
  });
});
