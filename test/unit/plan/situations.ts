import { type Desired, desire } from "../../../provider/plan/desired";
import { nothing } from "../../../provider/plan/nothing";
import { check, type Properties } from "../../../provider/schema/check";
import { type InstanceInputs, parseInputs } from "../../../provider/schema/inputs";
import type { Observed } from "../../../provider/schema/observed";
import { parseState, printState, type Remembered } from "../../../provider/schema/state";

/** What is checked into a plan: a program's wish, and an instance as it was seen. */

const urn = "urn:pulumi:dev::shop::pulumi-nodejs:dynamic/pginstance:Instance::orders";

export function checkedInputs(more: Properties = {}): Record<string, unknown> {
  const { inputs, failures } = check({}, { __urn: urn, version: "17", ...more });
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return inputs;
}

export const inputsOf = (more: Properties = {}): InstanceInputs => parseInputs(checkedInputs(more));

export function wish(more: Properties = {}): Desired {
  const { restartTriggers } = more;
  return desire(inputsOf(more), {
    hostMemory: 8 * 1024 ** 3,
    restartTriggers: restartTriggers === undefined ? null : JSON.stringify(restartTriggers),
  });
}

/** Lines of postgresql.conf, beside those that the provider writes by itself. */
export function lines(values: Readonly<Record<string, string>>): Observed["settings"] {
  const own = { port: "5432", cluster_name: "orders" };
  return Object.fromEntries(
    Object.entries({ ...own, ...values }).map(([name, value], index) => [
      name,
      { value, place: `postgresql.conf:${index + 1}` },
    ]),
  );
}

/** An instance that runs as `wish()` wants it, but for what is said. */
export function seen(more: Partial<Observed> = {}): Observed {
  return {
    ...nothing,
    existence: "present",
    version: "17",
    server: "running",
    systemIdentifier: "7400000000000000001",
    serverVersion: "17.10",
    dataChecksums: true,
    locale: "C.UTF-8",
    encoding: "UTF8",
    settings: lines({}),
    originals: { port: null, cluster_name: null },
    ...more,
  };
}

export const stoppedServer = { server: "stopped" } as const;

/** As the state has it after a run with these inputs. */
export function remember(program: Properties = {}, more: Partial<Remembered> = {}): Remembered {
  return { ...parseState(printed(program, more.observed)), ...more };
}

/** The same, as the engine passes it. */
export function printed(program: Properties = {}, observed: Observed = seen()): Record<string, unknown> {
  const inputs = checkedInputs(program);
  return printState(inputs, {
    schemaVersion: 1,
    phase: "ready",
    declared: Object.keys(inputs),
    observed,
    dataDirectory: "/srv/pg/17/orders",
    binDirectory: "/usr/lib/postgresql/17/bin",
    owner: "postgres",
    systemIdentifier: observed.systemIdentifier,
    serverVersion: observed.serverVersion,
    role: "primary",
    logFile: "/srv/pg/17/orders.pginstance/postgresql.log",
    unit: null,
    hostKeys: {},
    pendingRestart: false,
    pendingRestartReasons: {},
    resolvedSettings: {},
    hostMemory: 8 * 1024 ** 3,
  });
}
