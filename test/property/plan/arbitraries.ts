import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type Desired, desire } from "../../../provider/plan/desired";
import { isUp } from "../../../provider/plan/is-up";
import { brokenRules } from "../../../provider/postgresql/setting-rules";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import { isOurUnit } from "../../../provider/postgresql/unit";
import { parseValue, printValue, type SettingValue, valueToText } from "../../../provider/postgresql/values";
import { type Major, majors } from "../../../provider/postgresql/version";
import { check, type Properties } from "../../../provider/schema/check";
import { parseInputs } from "../../../provider/schema/inputs";
import { checkSetting } from "../../../provider/schema/settings";
import { editByHand, type ModelHost, reloadByHand, startByHand, stopByHand } from "../../support/model";

/** Programs, instances and what people do to them by hand; settings are those of the real catalogs. */

const catalogs = join(__dirname, "../../../provider/postgresql/settings-catalog");

function settable(major: Major): readonly string[] {
  const rows: { name: string }[] = JSON.parse(readFileSync(join(catalogs, `${major}.json`), "utf8"));
  return rows
    .map(({ name }) => name)
    .filter((name) => checkSetting(major, name, null) === undefined && name !== "unix_socket_directories");
}

const names = new Map(majors.map((major) => [major, settable(major)] as const));

const extensionNames = ["auto_explain.log_analyze", "my_app.tenant", "pg_stat_statements.max"];

/** A value with all the ways to write it that mean the same. */
export type Spellings = readonly [SettingValue | null, ...(SettingValue | null)[]];

const words = fc.constantFrom(
  "",
  "a",
  "on",
  "5",
  "5%",
  "%m [%p] %",
  "it's",
  "a, b",
  "C:\\x",
  "é",
  "  x ",
  "#",
  "/tmp, sock",
);

/** @param within of a number: where not all that is allowed will do */
export function spellingsOf(
  major: Major,
  name: string,
  within?: readonly [low: number, high: number],
): fc.Arbitrary<Spellings> {
  const setting = findSetting(major, name);
  if (setting === undefined) {
    return fc.oneof(words, fc.integer(), fc.boolean()).map((value) => [value, valueToText(value)]);
  }
  const values: Readonly<Record<Setting["vartype"], () => fc.Arbitrary<Spellings>>> = {
    bool: () =>
      fc
        .boolean()
        .map((on) => (on ? ["on", true, "true", "YES", "1", "t"] : [false, "off", "false", "No", "0"])),
    enum: () => fc.constantFrom(...(setting.enumvals ?? [])).map((value) => [value, value.toUpperCase()]),
    string: () => words.map((value) => [value]),
    integer: () => numbers(setting, within, (low, high) => fc.integer({ min: low, max: high })),
    real: () =>
      numbers(setting, within, (low, high) => fc.integer({ min: Math.ceil(low), max: Math.floor(high) })),
  };
  const isMemory = setting.unit !== null && /B$/.test(setting.unit) && !within;
  const shares: fc.Arbitrary<Spellings>[] = isMemory ? [fc.constantFrom(["25%"], ["12.5%"])] : [];
  return fc.oneof(
    { weight: 6, arbitrary: values[setting.vartype]() },
    fc.constant<Spellings>([null]),
    ...shares,
  );
}

function numbers(
  setting: Setting,
  within: readonly [low: number, high: number] | undefined,
  between: (low: number, high: number) => fc.Arbitrary<number>,
): fc.Arbitrary<Spellings> {
  const least = Number(setting.min);
  const [low, high] = within ?? [least, Math.min(Number(setting.max), least + 100_000)];
  return between(low, high).map((value) => {
    const parsed = parseValue(setting, value);
    return [value, String(value), ` ${value}`, parsed.ok ? printValue(setting, parsed.value) : value];
  });
}

/** One setting with three values that it may have in turn: before, then, and by somebody's hand. */
export interface Slot {
  readonly name: string;
  readonly before: Spellings | undefined;
  readonly after: Spellings | undefined;
  readonly hand: string;
}

/** Settings to choose from, and what they may be. */
export interface Choice {
  readonly isOffered: (name: string) => boolean;
  readonly spellings: (name: string) => fc.Arbitrary<Spellings>;
}

export function slots(
  major: Major,
  { isOffered, spellings: spellingsOfName }: Choice = {
    isOffered: () => true,
    spellings: (name) => spellingsOf(major, name),
  },
): fc.Arbitrary<readonly Slot[]> {
  const isSettable = (name: string, value: unknown) => checkSetting(major, name, value) === undefined;
  // Enough of those that everybody knows, so that initdb's lines and restarts are met often.
  const anyName = fc.oneof(
    fc.constantFrom(...[...(names.get(major) ?? []), ...extensionNames].filter(isOffered)),
    fc.constantFrom("max_connections", "shared_buffers", "work_mem", "wal_level", "TimeZone"),
  );
  const slot = anyName.chain((name) => {
    const spellings = spellingsOfName(name).filter((all) => all.every((value) => isSettable(name, value)));
    const plain = spellings.filter(([value]) => value !== null && !String(value).endsWith("%"));
    return fc.record({
      name: fc.constant(name),
      before: fc.option(spellings, { nil: undefined }),
      after: fc.option(spellings, { nil: undefined }),
      hand: plain.map(([value]) => valueToText(value ?? "")),
    });
  });
  return fc.uniqueArray(slot, { maxLength: 7, selector: ({ name }) => name });
}

const verifiers = fc.option(
  fc.constantFrom("A", "B").map((letter) => {
    const key = `${letter.repeat(43)}=`;
    return `SCRAM-SHA-256$4096:${letter.repeat(22)}==$${key}:${key}`;
  }),
  { nil: undefined },
);

const records = fc.dictionary(
  fc.constantFrom("app", "backup", "zone"),
  fc.constantFrom(
    { type: "host", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" },
    { type: "local", database: "shop", user: ["jo", "all"], method: "peer", options: { map: "m" } },
    { type: "hostssl", user: '"all"', address: "samenet", method: "cert" },
  ),
);

const runs = fc.constantFrom(
  { serviceManager: "systemd" },
  { serviceManager: "pg_ctl" },
  { service: { enabled: false } },
  { service: { environment: { A: "b" } } },
  { service: { unit: "postgresql@17-main" } },
);

/** Each property beside the settings, as some programs have it. */
export const properties = {
  runs,
  port: fc.constantFrom(5432, 5433, 6000),
  state: fc.constantFrom("started", "started", "stopped"),
  restartOnChanges: fc.boolean(),
  restartTriggers: fc.constantFrom("one", "two", { a: 1 }),
  stopMode: fc.constantFrom("smart", "fast", "immediate"),
  superuserPasswordVerifier: verifiers,
  hba: records,
  unmanagedSettings: fc.constantFrom("keep", "remove"),
  unmanagedHba: fc.constantFrom("keep", "remove"),
  auth: fc.constantFrom({ local: "peer" }, { host: "md5", hostssl: "cert" }),
  replicationRole: fc.constantFrom({ name: "replicator" }, { name: "other" }),
  replicationSlots: fc.subarray(["one", "two"]),
  dataChecksums: fc.boolean(),
  walDirectory: fc.constantFrom("/srv/wal", "/srv/wal2", "/srv/pg/data/pg_wal"),
  socketDirectory: fc.constantFrom("/run/a", "/run/b"),
  tablespaces: fc.constantFrom({}, { fast: "/ssd" }, { fast: "/nvme" }, { fast: "/ssd", slow: "/hdd" }),
};

const other = fc
  .record(properties, { requiredKeys: [] })
  .map(({ runs: how, ...rest }) => ({ ...rest, ...how }));

type Deed =
  | { readonly kind: "edit" | "alterSystem" | "remove"; readonly slot: number }
  | {
      readonly kind:
        | ("reload" | "stop" | "start" | "crash" | "password" | "undeclared" | "move" | "checksums")
        | ("recordFirst" | "recordLost" | "recordEdited" | "recordsTurned")
        | ("unitEdited" | "unitMasked" | "unitDisabled");
    };

const deeds: fc.Arbitrary<readonly Deed[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom("edit", "alterSystem", "remove"), slot: fc.nat(6) }),
    fc.record({
      kind: fc.constantFrom(
        ...(["reload", "stop", "start", "crash", "password", "undeclared", "move", "checksums"] as const),
        ...(["recordFirst", "recordLost", "recordEdited", "recordsTurned"] as const),
        ...(["unitEdited", "unitMasked", "unitDisabled"] as const),
      ),
    }),
  ),
  { maxLength: 5 },
);

export interface Story {
  /** What the program said at first, and says now. */
  readonly before: Properties;
  readonly now: Properties;
  /** The same as before, spelt otherwise and in another order. */
  readonly respelt: Properties;
  /** What somebody did to the host in between. */
  readonly byHand: (host: ModelHost, desired: Desired) => ModelHost;
}

/** Without what would be refused as wrong together: a case would end there. */
function startable(version: Major, settings: Settings): Settings {
  const values = new Map(Object.entries(settings).map(([name, value]) => [name.toLowerCase(), value]));
  const broken = brokenRules(
    version,
    (name) => values.get(name) ?? null,
    (name) => values.has(name),
  ).map(({ name }) => name);
  if (broken.length === 0) return settings;
  const rest = Object.entries(settings).filter(([name]) => !broken.includes(name.toLowerCase()));
  return startable(version, Object.fromEntries(rest));
}

type Settings = Readonly<Record<string, SettingValue | null>>;

const urn = "urn:pulumi:dev::shop::pulumi-nodejs:dynamic/pginstance:Instance::orders";

export const stories: fc.Arbitrary<Story> = fc.constantFrom(...majors).chain((version) =>
  fc
    .record({ slots: slots(version), first: other, second: other, deeds, pick: fc.nat() })
    .map(({ slots: given, first, second: wanted, deeds: done, pick }) => {
      // Else a changed port or socket is refused.
      const stays = first.port === wanted.port && first.socketDirectory === wanted.socketDirectory;
      const second = stays ? wanted : { ...wanted, restartOnChanges: true };
      const program = (rest: object, settings: readonly (readonly [string, SettingValue | null])[]) =>
        withoutUndefined({
          ...{ __urn: urn, version, ...rest },
          settings: startable(version, Object.fromEntries(settings)),
        });
      const first0 = given.flatMap(({ name, before }) => (before ? [[name, before] as const] : []));
      return {
        before: program(
          first,
          first0.map(([name, spellings]) => [name, spellings[0] ?? null]),
        ),
        respelt: program(
          first,
          first0
            .map(([name, spellings]) => [name, spellings[pick % spellings.length] ?? null] as const)
            .reverse(),
        ),
        now: program(
          second,
          given.flatMap(({ name, after }) => (after ? [[name, after[0] ?? null] as const] : [])),
        ),
        byHand: (host, desired) => done.reduce((so, deed) => doByHand(so, desired, given, deed), host),
      };
    }),
);

function doByHand(host: ModelHost, desired: Desired, given: readonly Slot[], deed: Deed): ModelHost {
  const slot = "slot" in deed ? given[deed.slot] : undefined;
  const name = slot?.name.toLowerCase();
  const running = isUp(host);
  switch (deed.kind) {
    case "edit":
      return slot && name ? editByHand(host, { conf: { [name]: slot.hand } }) : host;
    case "alterSystem":
      return slot && name ? editByHand(host, { auto: { [name]: slot.hand } }) : host;
    case "remove":
      return name ? editByHand(host, { conf: { [name]: null } }) : host;
    case "undeclared":
      return editByHand(host, { conf: { max_wal_senders: "3", log_statement: "all" } });
    case "move":
      return editByHand(host, { conf: { port: "7000" } });
    case "reload":
      return running ? reloadByHand(host, desired) : host;
    case "stop":
      return running ? stopByHand(host) : host;
    case "crash":
      return running ? { ...stopByHand(host), server: "crashed" } : host;
    case "start":
      return running ? host : startByHand(host, desired);
    case "recordFirst":
      return withRecords(host, (all) => [{ label: null, text: "host all all 0.0.0.0/0 reject" }, ...all]);
    case "recordLost":
      return withRecords(host, (all) => all.toSpliced(all.length >> 1, 1));
    case "recordEdited":
      return withRecords(host, (all) =>
        all.with(-1, { label: all.at(-1)?.label ?? null, text: "local all jo reject" }),
      );
    case "recordsTurned":
      return withRecords(host, (all) => all.toReversed());
    case "unitEdited":
      return withUnit(host, { text: "[Unit]" });
    case "unitMasked":
      return withUnit(host, { text: null, masked: true });
    case "unitDisabled":
      return withUnit(host, { enabled: false });
    case "checksums":
      return running ? host : { ...host, dataChecksums: !host.dataChecksums };
    case "password":
      return running ? { ...host, passwordVerifier: null } : host;
  }
}

function withUnit(host: ModelHost, change: Partial<NonNullable<ModelHost["service"]>>): ModelHost {
  const { service } = host;
  return service && isOurUnit(service.unit) ? { ...host, service: { ...service, ...change } } : host;
}

type Records = NonNullable<ModelHost["access"]>["hba"];

function withRecords(host: ModelHost, change: (records: Records) => Records): ModelHost {
  const { access } = host;
  return access && access.hba.length > 0 ? { ...host, access: { ...access, hba: change(access.hba) } } : host;
}

const hostMemory = 8 * 1024 ** 3;

/** As the resource does it: checked, then what it means. */
export function desiredFrom(program: Properties): Desired {
  const { inputs, failures } = check({}, program);
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return desireChecked(inputs);
}

export function desireChecked(inputs: Properties): Desired {
  const { restartTriggers } = inputs;
  return desire(parseInputs(inputs), {
    hostMemory,
    owner: "postgres",
    restartTriggers: restartTriggers === undefined ? null : JSON.stringify(restartTriggers),
  });
}

export function withoutUndefined(given: Properties): Properties {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
