import type * as dynamic from "@pulumi/pulumi/dynamic";
import { InstanceExistsError, InstanceNotFoundError, InvalidInputsError } from "../errors";
import type { Outcome } from "../instances/converge";
import { desiredOf } from "../instances/desired";
import { nameOfHost, printFirstContacts } from "../instances/way";
import { findDrift } from "../plan/drift";
import { info, type PlanLine } from "../plan/line";
import { nothing } from "../plan/nothing";
import { plan } from "../plan/plan";
import { printAdoption, printChanges, printHeld, printPlan, printReleased } from "../plan/print";
import { judge } from "../plan/refusals";
import { check, type Properties } from "../schema/check";
import { type InstanceInputs, parseInputs } from "../schema/inputs";
import { declaredNames, parseState, printState, type Remembered } from "../schema/state";
import { differs, keepKnown, unknownNames } from "./compare";
import { EngineError, type Log, logFor, ResourceInitError } from "./engine";

/**
 * Resources, by URN, that were read and whose inputs were not checked since: of such a one a refresh shows how it differs
 * from what was declared before it. Nothing is asked for by that, and so nothing is refused: an upgrade may have come to
 * its end without the engine.
 */
const refreshed = new Set<unknown>();

/** By URN, what is to be made in the place of a resource: it is deleted first, and there is no way back from that. */
const replacements = new Map<unknown, InstanceInputs>();

/**
 * The whole life of an Instance. `check` and `diff` never touch a host, and load nothing that does; the others observe,
 * plan, apply, observe.
 */
export const instance = guarded({
  async check(olds: Properties, news: Properties): Promise<dynamic.CheckResult> {
    refreshed.delete(news.__urn);
    const { inputs, failures } = check(olds, news);
    const listed = failures.map(({ property, reason }) => ({
      property: "",
      reason: `${property}: ${reason}`,
    }));
    const isNew = Object.keys(olds).length === 0;
    if (isNew && listed.length === 0) await announceCreate(inputs);
    return { inputs, failures: listed };
  },

  async diff(_id: string, olds: Properties, news: Properties): Promise<dynamic.DiffResult> {
    const remembered = parseState(olds);
    const log = logFor(news.__urn);
    const wanted = parseInputs(keepKnown(olds, news));
    const { refusals, replaces } = judge(remembered, wanted);
    if (refreshed.has(news.__urn) && refusals.length + replaces.length > 0) return { changes: true };
    if (refusals.length > 0) throw new InvalidInputsError(refusals);
    for (const name of unknownNames(news)) {
      await log.say(
        "info",
        `plan: ${name} is not known yet; what it changes is planned, or refused, in the update`,
      );
    }
    const changed = differs(declaredOnly(olds, remembered), news);
    if (replaces.length > 0) {
      if (wanted.adopt) throw new InvalidInputsError([emptyClusterAdopted]);
      replacements.set(news.__urn, wanted);
      const { finalDump } = remembered.inputs;
      const dumped = finalDump?.startsWith("/") ? ` but for the dump that goes to ${finalDump}` : "";
      await log.say(
        "warning",
        `${replaces.join(", ")} changed: a new, empty cluster replaces this one. All its data is lost${dumped}.`,
      );
      return { replaces: [...replaces], deleteBeforeReplace: true };
    }
    const desired = desiredOf(wanted, remembered.hostMemory, remembered);
    const steps = plan(remembered.observed, desired);
    const lines = [
      ...printPlan(remembered.observed, desired, steps, nameOfHost(wanted)),
      ...(changed ? printHeld(remembered.observed, desired, steps) : printChanges(desired, steps)),
      ...printReleased(remembered.inputs, remembered.observed, wanted),
      ...(differs({ host: remembered.inputs.host }, { host: wanted.host })
        ? printFirstContacts(wanted, remembered.hostKeys)
        : []),
    ];
    const unended = remembered.phase !== "ready";
    if (unended && !changed && lines.length === 0) {
      lines.push(
        info("plan: the last update did not come to its end; this one looks again, and does what is left"),
      );
    }
    for (const line of lines) await log.say(line.severity, line.text);
    return { changes: changed ? undefined : unended || steps.length > 0, deleteBeforeReplace: true };
  },

  async create(inputs: Properties): Promise<dynamic.CreateResult> {
    const log = logFor(inputs.__urn);
    const wanted = parseInputs(inputs);
    const make = wanted.adopt
      ? (await import("../instances/adopt.js")).adopt
      : (await import("../instances/converge.js")).converge;
    const outcome = await make({
      inputs: wanted,
      declared: declaredNames(inputs),
      urn: String(inputs.__urn),
      secrets: secretSettings(inputs),
      progress: log.progress,
    });
    for (const warning of outcome.warnings) await log.say("warning", warning);
    const outs = printState(inputs, outcome.made);
    if (wanted.adopt) for (const line of nextPlan(outs)) await log.say(line.severity, line.text);
    if (outcome.failure) throw new ResourceInitError(outcome.id, outs, outcome.failure);
    return { id: outcome.id, outs };
  },

  async read(id: string, props: Properties): Promise<dynamic.ReadResult> {
    if (!("schemaVersion" in props)) return lookUp(id, props);
    refreshed.add(props.__urn);
    const remembered = parseState(props);
    const { inspect } = await import("../instances/inspect.js");
    try {
      const { made, drift, refusal, lines } = await inspect(id, remembered, String(props.__urn));
      const log = logFor(props.__urn);
      if (refusal) await log.say("warning", `the server takes no sessions of the provider: ${refusal}`);
      const inputs = { ...declaredOnly(props, remembered), ...drift.inputs };
      for (const place of drift.places) await log.say("info", `plan: ${place}`);
      for (const line of lines) await log.say(line.severity, line.text);
      return { id, props: printState(inputs, made, props), inputs };
    } catch (error) {
      if (!(error instanceof InstanceNotFoundError)) throw error;
      await logFor(props.__urn).say("warning", error.message);
      return {};
    }
  },

  async update(id: string, olds: Properties, news: Properties): Promise<dynamic.UpdateResult> {
    const remembered = parseState(olds);
    const inputs = parseInputs(news);
    const log = logFor(news.__urn);
    const { refusals } = judge(remembered, inputs);
    if (refusals.length > 0) throw new InvalidInputsError(refusals);
    const { converge } = await import("../instances/converge.js");
    const outcome = await converge({
      inputs,
      declared: declaredNames(news),
      urn: String(news.__urn),
      secrets: secretSettings(news),
      known: { id, remembered },
      progress: log.progress,
    });
    for (const difference of outcome.left) {
      await log.say("warning", `${difference}, and was left so: refresh to see it`);
    }
    for (const warning of outcome.warnings) await log.say("warning", warning);
    if (outcome.failure) throw new ResourceInitError(id, asItIs(olds, remembered, outcome), outcome.failure);
    return { outs: printState(news, outcome.made) };
  },

  async delete(id: string, props: Properties): Promise<void> {
    const log = logFor(props.__urn);
    const remembered = parseState(props);
    const next = replacements.get(props.__urn);
    if (next) {
      const { requireReplaceable } = await import("../instances/replacement.js");
      await requireReplaceable(remembered, next);
    }
    const { dropKnown } = await import("../instances/drop.js");
    const { notes, warnings } = await dropKnown({ id, remembered }, log.progress);
    for (const note of notes) await log.say("info", note);
    for (const warning of warnings) await log.say("warning", warning);
  },
});

/** The engine hands secrets over in clear; the class says which they are. */
function secretSettings({ __secretSettings: names }: Properties): string[] {
  return Array.isArray(names) ? names.map((name) => String(name).toLowerCase()) : [];
}

async function announceCreate(inputs: Properties): Promise<void> {
  const log: Log = logFor(inputs.__urn);
  const unknown = unknownNames(inputs);
  for (const name of unknown)
    await log.say("info", `plan: ${name} is not known yet; it may be refused in the update`);
  if (unknown.length > 0) return;
  const wanted = parseInputs(inputs);
  const desired = desiredOf(wanted, null);
  const where = nameOfHost(wanted);
  const lines = wanted.adopt
    ? printAdoption(desired, where)
    : printPlan(nothing, desired, plan(nothing, desired), where);
  for (const line of [...lines, ...printFirstContacts(wanted, {})]) await log.say(line.severity, line.text);
}

/** What was taken over is as it was; what the program wants of it comes with the next preview. */
function nextPlan(outs: Properties): PlanLine[] {
  const remembered = parseState(outs);
  const { inputs, observed, hostMemory, dataDirectory } = remembered;
  const desired = desiredOf(inputs, hostMemory, remembered);
  const steps = plan(observed, desired);
  const where = nameOfHost(inputs);
  const taken = info(
    `${inputs.version}/${inputs.name} on ${where} was taken over as it is: ${dataDirectory}`,
  );
  if (steps.length === 0) return [taken];
  const left = info("it is not as declared yet; the next `pulumi up` does what follows, once approved:");
  return [taken, left, ...printPlan(observed, desired, steps, where), ...printChanges(desired, steps)];
}

const emptyClusterAdopted = {
  property: "adopt",
  reason: "a replacement makes a new, empty cluster, and there is none to adopt then; leave `adopt` out",
};

/** The inputs among the outputs, as they were spelt, with the engine's own keys. */
function declaredOnly(outputs: Properties, { declared }: Remembered): Properties {
  const isInput = (name: string) => name.startsWith("__") || declared.includes(name);
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => isInput(name)));
}

/**
 * After a failed update the engine keeps the old inputs, so the outputs say what is there, never what was wanted; else
 * the next preview would have nothing to show. An upgrade may have moved it on from where it was declared.
 */
function asItIs(olds: Properties, remembered: Remembered, { made }: Outcome): Record<string, unknown> {
  const before = desiredOf(remembered.inputs, remembered.hostMemory, remembered);
  const { dataDirectory } = made;
  const inputs = {
    ...declaredOnly(olds, remembered),
    ...findDrift(made.observed, before).inputs,
    ...(remembered.declared.includes("dataDirectory") && { dataDirectory }),
  };
  return printState(inputs, { ...made, declared: remembered.declared });
}

/** What leaves here is an error that the engine shows well; nothing else reaches it. */
function guarded<T extends Record<string, (...args: never[]) => Promise<unknown>>>(methods: T): T {
  const wrapped = Object.entries(methods).map(([name, method]) => [
    name,
    async (...args: never[]) => {
      try {
        return await method(...args);
      } catch (error) {
        throw error instanceof EngineError ? error : new EngineError(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped);
}

/** What `Instance.get` asks for: no state remembers it, so where it is and how to get there is in the program. */
async function lookUp(id: string, props: Properties): Promise<dynamic.ReadResult> {
  const { inputs, failures } = check({}, props);
  if (failures.length > 0) throw new InvalidInputsError(failures);
  const wanted = parseInputs(inputs);
  const { find } = await import("../instances/find.js");
  const known = await find(wanted.host, wanted);
  if (known?.remembered.observed.existence !== "present") return {};
  if (known.id !== id) {
    throw new InstanceExistsError(`${wanted.version}/${wanted.name} is ${known.id}, not ${id}`, {
      hint: "The id is an output of the stack that made it.",
    });
  }
  const { port, state } = known.remembered.inputs;
  const declared = declaredNames(inputs);
  return { id, props: printState({ ...inputs, port, state }, { ...known.remembered, declared }), inputs };
}
