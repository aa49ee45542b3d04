/** Where a round is not what its preview said. Pure: an empty list is a truthful preview. */

import { isUp } from "../../../provider/plan/is-up";
import { isIncluded } from "../../../provider/plan/settings";
import type { Step, StepKind } from "../../../provider/plan/step";
import { changesOf } from "../../../provider/plan/step";
import { findSetting } from "../../../provider/postgresql/settings";
import { equalValues } from "../../../provider/postgresql/values";
import type { InstanceInputs } from "../../../provider/schema/inputs";
import type { Major } from "../../support/servers";
import type { Round, Sight } from "./round";

/** What the lines of a preview promise of the server. */
export interface Said {
  readonly restart: boolean;
  /** Down for a while. */
  readonly away: boolean;
  readonly stop: boolean;
  readonly start: boolean;
  /** Its data is another's, and with it the server is. */
  readonly rejoin: boolean;
}

export function saidOf(lines: readonly string[]): Said {
  const says = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  return {
    restart: says(/^restart of /),
    away: says(/^stop of .* for .*: downtime until that is done/),
    stop: says(/^stop of .*: downtime until it is started again/),
    rejoin: says(/ becomes a standby of .* Downtime, and everything that only it has is lost/),
    start: says(/^plan: start of /) || says(/^plan: .*, which is stopped, and its start$/),
  };
}

/** What the server did: it went on, another one came in its place, it came, or it went. */
type Fate = "the same" | "none" | "another" | "came" | "went";

function fateOf({ postmaster: before }: Sight, { postmaster: after }: Sight): Fate {
  if (before === undefined) return after === undefined ? "none" : "came";
  if (after === undefined) return "went";
  return before === after ? "the same" : "another";
}

export const leftOf = ({ update }: Round): string[] =>
  update.lines.filter((line) => line.endsWith(", and was left so: refresh to see it"));

/** Whether something was announced, or is not done: then there is another round to come. */
export const isIncomplete = (round: Round): boolean =>
  round.update.stopped !== undefined || leftOf(round).length > 0;

/** A wish that something stands against which no update may change: each preview says so, until it is gone. */
export const isBeyondUs = ({ preview }: Round): boolean =>
  preview.lines.some(
    (line) =>
      line.includes("the provider changes no included file. Declare a value") ||
      line.includes("and only a restart changes that: restartOnChanges is false") ||
      line.includes("the standby is promoted when it is started"),
  );

export function judge(major: Major, round: Round): string[] {
  const { preview, update, announced } = round;
  const isDone = preview.refusal === undefined && update.stopped === undefined && preview.updates;
  const wrong: [is: boolean, what: string][] = [
    [update.failed !== undefined, `failed on its way: ${update.failed}`],
    [announced.length > 0 && !preview.updates, `${kinds(announced)} was announced, and there is no update`],
    ...(isDone ? [...server(round), ...steps(round), ...written(major, round)] : untouched(round)),
  ];
  return wrong.filter(([is]) => is).map(([, what]) => what);
}

/** Nothing was announced, or nothing done: then it was said why. */
function untouched({ preview, update, before, after, isKnown }: Round): [boolean, string][] {
  const { refusal = "", ignores } = preview;
  const { stopped = "" } = update;
  const fate = fateOf(before, after);
  // What was broken by hand and is ignored comes from the state, and may be refused for anything.
  const isMeant = ignores.length > 0 || refusal === "" || meant.some((words) => refusal.includes(words));
  return [
    [before.files !== after.files, "nothing was to be done, and files were written"],
    [fate !== "the same" && fate !== "none", "nothing was to be done, and the server changed"],
    [stopped !== "" && isKnown, `the host was as remembered, and the update stopped: ${stopped}`],
    [stopped !== "" && !reasons.test(stopped), `stopped: ${stopped}`],
    [!isMeant, `refused: ${refusal}`],
  ];
}

const meant = ["set restartOnChanges: true", "this instance is a primary with data of its own"];

/** Why an update may stop before its first change: what it was not shown, or a line that somebody broke. */
const reasons = /^host differs from state: |^configuration: PostgreSQL refuses it/;

const kinds = (steps: readonly { kind: StepKind }[]): string => steps.map(({ kind }) => kind).join(", ");

/** "restart" exactly when the postmaster's start time changed. */
function server(round: Round): [boolean, string][] {
  const { preview, before, after, isKnown } = round;
  const said = saidOf(preview.lines);
  const fate = fateOf(before, after);
  const words = `said ${JSON.stringify(said)}, and the server: ${fate}`;
  const allowed: Readonly<Record<Fate, boolean>> = {
    "the same": !(said.rejoin && isKnown),
    none: true,
    another: said.restart || said.away || said.rejoin,
    came: said.start || said.restart || said.away || said.rejoin,
    went: said.stop || said.rejoin,
  };
  const due: Fate =
    said.restart || said.away ? "another" : said.stop ? "went" : said.start ? "came" : "the same";
  const isQuiet = due === "the same" && fate === "none";
  return [
    [!allowed[fate], words],
    [isKnown && fate !== due && !isQuiet && !said.rejoin, words],
  ];
}

/** A step that is half done, or done in part, is the rest of an announced one. */
const covers: Partial<Readonly<Record<StepKind, readonly StepKind[]>>> = {
  start: ["start", "restart", "setChecksums", "moveWal", "moveTablespace"],
  restart: ["restart", "setChecksums", "moveWal", "moveTablespace"],
  reload: ["reload", "restart", "start"],
};

/** What comes after a copy of the primary makes it what it was: that is planned when the copy is there. */
const untilCopied = (_: StepKind, index: number, all: readonly StepKind[]): boolean =>
  !all.slice(0, index).includes("rejoin");

function steps(round: Round): [boolean, string][] {
  const { announced, isKnown, before, after, remembered } = round;
  const taken = round.taken.filter(untilCopied);
  const said = announced
    .filter((step) => taken.includes(step.kind) || !mayBeThere(step, remembered))
    .map(({ kind }) => kind)
    .filter(untilCopied);
  const strange = taken.filter((kind) => !(covers[kind] ?? [kind]).some((other) => said.includes(other)));
  const loaded = before.loadedAt !== after.loadedAt && before.postmaster === after.postmaster;
  return [
    [strange.length > 0, `taken, and not announced: ${strange}`],
    [isKnown && `${said}` !== `${taken}`, `announced ${said}, taken ${taken}`],
    [
      loaded && !taken.includes("reload") && isUp(after.observed),
      "the server read its files, and nobody said so",
    ],
  ];
}

/** What was never declared the state knows nothing of, and on the host it may be as it shall be. */
function mayBeThere(
  step: Step,
  { replicationRole: role, replicationSlots: slots = [] }: InstanceInputs,
): boolean {
  if (step.kind === "setReplicationRole") return role?.name !== step.name;
  return step.kind === "createSlots" && !step.names.some((name) => slots.includes(name));
}

function written(major: Major, { announced, taken, before, after, isKnown }: Round): [boolean, string][] {
  // The files are the primary's then, until ours are written.
  if (taken.includes("rejoin")) return [];
  const said = new Map(changesOf(announced).map(({ name, to, beneath = null }) => [name, to ?? beneath]));
  const valueIn = (sight: Sight, name: string) => sight.observed.settings[name]?.value ?? null;
  const names = new Set([before, after].flatMap(({ observed }) => Object.keys(observed.settings)));
  const strange = [...names].filter(
    (name) => !said.has(name) && valueIn(before, name) !== valueIn(after, name),
  );
  const missing = [...said]
    // What an included file says stays.
    .filter(([name, to]) => !(to === null && isIncluded(before.observed, name)))
    .filter(([name, to]) => !isSame(major, name, valueIn(after, name), to));
  const records = announced.flatMap((step) => (step.kind === "writeAccess" ? step.changes : []));
  const labels = new Set(records.map(({ file, label }) => `${file} ${label}`));
  const others = (sight: Sight) => recordsOf(sight).filter(({ key }) => !labels.has(key));
  const isMoved = JSON.stringify(others(before)) !== JSON.stringify(others(after));
  return [
    [strange.length > 0, `written, and not announced: ${strange}`],
    [isKnown && missing.length > 0, `announced, and not written: ${missing.map(([name]) => name)}`],
    [isMoved, `records written, and not announced; announced were ${[...labels]}`],
  ];
}

function isSame(major: Major, name: string, there: string | null, wanted: string | null): boolean {
  if (there === null || wanted === null) return there === wanted;
  return equalValues(findSetting(major, name), there, wanted);
}

/** In their order. */
function recordsOf({ observed }: Sight): { key: string; text: string }[] {
  const files = ["hba", "ident"] as const;
  return files.flatMap((file) =>
    (observed.access?.[file] ?? []).map(({ label, text }) => ({ key: `${file} ${label}`, text })),
  );
}
