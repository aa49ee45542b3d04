import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { InvalidVersionError, ProviderError } from "../../../provider/errors";
import { nothing } from "../../../provider/plan/nothing";
import { check, type Properties } from "../../../provider/schema/check";
import { declaredNames, type Made, parseState, printState } from "../../../provider/schema/state";

const inputs = check(
  {},
  { __urn: "urn:a::b::c::orders", version: "17", settings: { work_mem: "8MB" }, restartTriggers: { a: 1 } },
).inputs;

const made: Made = {
  schemaVersion: 1,
  phase: "ready",
  declared: declaredNames(inputs),
  observed: {
    existence: "present",
    version: "17",
    server: "running",
    role: "primary",
    systemIdentifier: "7400000000000000001",
    serverVersion: "17.10",
    dataChecksums: true,
    locale: "C.UTF-8",
    encoding: "UTF8",
    settings: { work_mem: { value: "8MB", place: "postgresql.conf:900" } },
    overrides: {},
    originals: { work_mem: null },
    pending: { max_connections: { running: "100", wanted: "200" } },
    commandLine: ["work_mem"],
    beneath: { max_wal_size: "1GB" },
    unapplied: "none",
    access: { hba: [{ label: "hba.app", text: "host all app 10.0.0.0/8 md5" }], ident: [] },
    replicationRole: { name: "replicator", verifier: null, replicates: true },
    replicationSlots: ["standby1"],
    passwordVerifier: null,
    restartTriggers: null,
    standbys: ["orders_2"],
    passfile: null,
    least: {},
    rejoining: false,
    walDirectory: "/srv/wal/orders",
    tablespaces: { fast: { oid: "16385", location: "/ssd" } },
    leftovers: ["/srv/wal/before"],
    adopted: true,
    elsewhere: ["/etc/postgresql/17/orders/postgresql.conf"],
    slots: { standby1: "physical" },
    upgrade: { from: "15", to: "17", mode: "copy", stage: "done", kept: ["/srv/pg/17/orders.old-15"] },
    service: {
      unit: "pginstance-orders-1.service",
      scope: "user",
      lingers: false,
      text: "[Unit]",
      enabled: true,
      masked: false,
      dropIns: ["/etc/systemd/system/pginstance-orders-1.service.d/override.conf"],
      runsOutside: false,
    },
  },
  dataDirectory: "/srv/pg/17/orders",
  binDirectory: "/usr/lib/postgresql/17/bin",
  owner: "postgres",
  systemIdentifier: "7400000000000000001",
  serverVersion: "17.10",
  role: "primary",
  logFile: "/srv/pg/17/orders.pginstance/postgresql.log",
  unit: "pginstance-orders-1.service",
  pendingRestart: true,
  pendingRestartReasons: { max_connections: { running: "100", wanted: "200" } },
  resolvedSettings: {},
  hostKeys: { "db1.example.com": "ssh-ed25519 AAAA" },
  hostMemory: 8_000_000_000,
};

const messageOf = (outputs: Properties): string => {
  try {
    parseState(outputs);
  } catch (error) {
    if (error instanceof ProviderError) return error.message;
    throw error;
  }
  throw new Error("the state was read");
};

describe("the state", () => {
  test.each([
    ...(["standbys", "passfile", "least", "rejoining"] as const),
    ...(["walDirectory", "tablespaces", "leftovers", "beneath"] as const),
    ...(["access", "replicationRole", "replicationSlots"] as const),
  ])("of before `observed.%s` is read", (name) => {
    const { [name]: _, ...older } = made.observed;
    const outputs = { ...printState(inputs, made), observed: older };
    expect(parseState(outputs).observed).toEqual({ ...older, [name]: nothing[name] });
  });

  test("of before units of a user's own has the host's", () => {
    const { scope, lingers, ...service } = made.observed.service ?? {};
    const outputs = { ...printState(inputs, made), observed: { ...made.observed, service } };
    expect(parseState(outputs).observed.service).toEqual({ ...service, scope: "system", lingers: true });
    expect([scope, lingers]).not.toContain(undefined);
  });

  test("is read as it was printed, also after the backend had it as JSON", () => {
    const printed = printState(inputs, made);
    const remembered = parseState(JSON.parse(JSON.stringify(printed)));
    expect(remembered).toMatchObject(made);
    expect(printState(inputs, remembered)).toEqual(printed);
  });

  test("has what was observed as one text, and reads the object of before", () => {
    expect(printState(inputs, made).observed).toMatch(/^[A-Za-z0-9+/]+=*$/);
    const older = { ...printState(inputs, made), observed: made.observed };
    expect(parseState(older)).toEqual(parseState(printState(inputs, made)));
  });

  test.each<[what: string, before: unknown]>([
    [
      "a text that another zlib packed",
      deflateRawSync(JSON.stringify(made.observed), { level: 1 }).toString("base64"),
    ],
    ["the object of before", made.observed],
  ])("keeps %s where it says the same, so that a refresh shows no change", (_what, before) => {
    const printed = printState(inputs, made);
    expect(before).not.toEqual(printed.observed);
    expect(printState(inputs, made, { observed: before })).toEqual({ ...printed, observed: before });
    const changed = { ...made, observed: { ...made.observed, server: "stopped" as const } };
    expect(printState(inputs, changed, { observed: before })).toEqual(printState(inputs, changed));
  });

  test("has the inputs as they were spelt, and the engine's own keys", () => {
    expect(printState(inputs, made)).toMatchObject(inputs);
    expect(parseState(printState(inputs, made)).inputs).toMatchObject({
      name: "orders",
      version: "17",
      settings: { work_mem: "8MB" },
    });
  });

  test("has what the host decided, where the program said nothing, and does not take it for an input", () => {
    const printed = printState(inputs, made);
    expect(printed).toMatchObject({ locale: "C.UTF-8", encoding: "UTF8", dataChecksums: true });
    const remembered = parseState(printed);
    expect(remembered.inputs).not.toHaveProperty("locale");
    expect(remembered.inputs).not.toHaveProperty("dataDirectory");
  });

  test("has a declared value in the program's spelling, not the host's", () => {
    const declared = { ...inputs, locale: "C.utf8" };
    expect(printState(declared, { ...made, declared: declaredNames(declared) }).locale).toBe("C.utf8");
  });

  test("never holds undefined, and no null where an input is absent", () => {
    const printed = printState({ ...inputs, locale: undefined, encoding: null }, made);
    expect(printed.locale).toBe("C.UTF-8");
    expect(printed.encoding).toBe("UTF8");
    expect(JSON.parse(JSON.stringify(printed))).toEqual(printed);
  });

  test("is not printed with undefined anywhere inside: the engine would hang", () => {
    expect(() => printState({ ...inputs, auth: { local: undefined } }, made)).toThrow();
    expect(() => printState({ ...inputs, restartTriggers: [undefined] }, made)).toThrow();
    expect(() => printState({ ...inputs, port: Number.NaN }, made)).toThrow();
  });

  test("of a newer release is refused with what to do", () => {
    const newer = { ...printState(inputs, made), schemaVersion: 2 };
    expect(() => parseState(newer)).toThrow(InvalidVersionError);
    expect(messageOf(newer)).toBe(
      "the state was written by a newer pulumi-pginstance (state version 2, this one knows 1)\n" +
        "Update the package: npm install pulumi-pginstance@latest",
    );
  });

  test.each<[where: string, change: (state: Record<string, unknown>) => Properties]>([
    ["schemaVersion", ({ schemaVersion, ...rest }) => rest],
    ["phase", (state) => ({ ...state, phase: "done" })],
    ["observed", (state) => ({ ...state, observed: "AAAA" })],
    ["observed", (state) => ({ ...state, observed: String(state.observed).slice(0, 40) })],
    ["observed.server", (state) => ({ ...state, observed: { ...made.observed, server: "dead" } })],
    [
      "observed.settings.work_mem",
      (state) => ({
        ...state,
        observed: { ...made.observed, settings: { work_mem: "8MB" } },
      }),
    ],
    ["pendingRestart", (state) => ({ ...state, pendingRestart: "true" })],
    ["port", (state) => ({ ...state, port: "x" })],
    ["version", (state) => ({ ...state, version: undefined })],
  ])("that is broken says where: %s", (where, change) => {
    const message = messageOf(change(printState(inputs, made)));
    expect(message).toContain(`the state cannot be read: ${where}: `);
    expect(message).toContain("pulumi stack export --version N");
  });

  test("of before upgrades means the declared major, without slots", () => {
    const printed = printState(inputs, made);
    const { version, slots, upgrade, ...before } = made.observed;
    expect(parseState({ ...printed, observed: before }).observed).toEqual({
      ...before,
      version: "17",
      slots: {},
      upgrade: null,
    });
    expect([version, slots, upgrade]).not.toContain(undefined);
  });

  test("ignores a declared name that this release does not know", () => {
    const printed = printState(inputs, { ...made, declared: [...made.declared, "fromTheFuture"] });
    expect(parseState(printed).inputs).not.toHaveProperty("fromTheFuture");
  });
});

describe("declared", () => {
  test("are the properties among the inputs, without the engine's own keys", () => {
    expect(declaredNames({ __urn: "x", __defaults: {}, version: "17", port: 1, banana: 2 })).toEqual([
      "version",
      "port",
    ]);
  });
});
