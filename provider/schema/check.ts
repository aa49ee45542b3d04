import type { InputFailure } from "../errors";
import { equalLocales, findEncoding } from "../postgresql/locale";
import { brokenRules } from "../postgresql/setting-rules";
import { findSetting } from "../postgresql/settings";
import { equalValues, type SettingValue } from "../postgresql/values";
import { isMajor } from "../postgresql/version";
import { checkAccess, keyed } from "./access";
import { isPropertyName, type PropertyName, propertyNames, settingValue, shape } from "./inputs";
import { checkSetting } from "./settings";
import { defaultStatus } from "./standby";
import { isUnknown, unknownValue } from "./unknown";

/** As the engine passes them: any JSON, unknown values included. */
export type Properties = Readonly<Record<string, unknown>>;

export interface Checked {
  /** With defaults, and with the old spelling where the meaning is the same. */
  readonly inputs: Record<string, unknown>;
  readonly failures: readonly InputFailure[];
}

/**
 * The hidden input that holds what the program did not say: a default once given stays. With its value, since a refresh
 * puts what drifted in place of the input, and that is no default.
 */
const defaultsKey = "__defaults";

/** What a property is when the program does not say it, as far as that needs no host. */
interface Default {
  readonly of: (given: Properties) => unknown;
  /** Whether one once given stays, whatever it came from: a renamed resource keeps the name it began with. */
  readonly stays: boolean;
}

const always = (value: unknown): Default => ({ of: () => value, stays: true });

const defaults: { readonly [K in PropertyName]?: Default } = {
  host: always({ local: {} }),
  address: { of: addressOfHost, stays: false },
  name: { of: resourceName, stays: true },
  port: always(5432),
  state: always("started"),
  restartOnChanges: always(false),
  superuser: always("postgres"),
  deletionProtection: always(true),
  stopMode: always("fast"),
};

/**
 * Looks at everything the program said, without any host, and reports all that is wrong with it at once.
 * @param olds the inputs of the last run, empty for a new resource
 */
export function check(olds: Properties, news: Properties): Checked {
  const given = withStatus(withRecordsKeyed(withoutNulls(news)));
  const { inputs, kept } = withDefaults(olds, given);
  const failures = [
    ...Object.keys(given).filter(isMisspelt).map(misspelt),
    ...propertyNames.flatMap((name) => checkProperty(name, inputs[name], name in kept)),
    ...("version" in inputs ? [] : [{ property: "version", reason: versionMissing }]),
    ...checkSettings(inputs),
    ...checkRules(olds, inputs),
    ...checkAccess(inputs),
    ...checkTogether(inputs, olds),
  ];
  return { inputs: { ...keepSpelling(olds, inputs), [defaultsKey]: kept }, failures };
}

function withoutNulls(news: Properties): Properties {
  return Object.fromEntries(
    Object.entries(news).filter(([, value]) => value !== null && value !== undefined),
  );
}

function withRecordsKeyed(given: Properties): Properties {
  const files = ["hba", "ident"].filter((name) => name in given);
  return { ...given, ...Object.fromEntries(files.map((name) => [name, keyed(given[name])])) };
}

function withStatus(given: Properties): Properties {
  const { standby } = given;
  return isMap(standby)
    ? { ...given, standby: { ...standby, status: standby.status ?? defaultStatus } }
    : given;
}

function withDefaults(olds: Properties, given: Properties) {
  const before = isMap(olds[defaultsKey]) ? olds[defaultsKey] : {};
  const missing = Object.entries(defaults).filter(([name]) => !(name in given));
  const kept = Object.fromEntries(
    missing.map(([name, { of, stays }]) => [name, (stays ? before[name] : undefined) ?? of(given)]),
  );
  return { inputs: { ...given, ...kept }, kept };
}

/** The last part of the URN. */
function resourceName({ __urn: urn }: Properties): string {
  return typeof urn === "string" ? (urn.split("::").at(-1) ?? "main") : "main";
}

function addressOfHost({ host }: Properties): unknown {
  const [name] = ["ssh", "openssh"]
    .map((way) => part(part(host, way), "host"))
    .filter((one) => one !== undefined);
  return name ?? "localhost";
}

/** A part of what is not known yet is not known. */
function part(value: unknown, key: PropertyKey): unknown {
  if (value === unknownValue) return unknownValue;
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

const versionMissing = 'is required: a database\'s major version is a decision, as in version: "17"';

const isMisspelt = (name: string): boolean => !name.startsWith("__") && !isPropertyName(name);

function misspelt(name: string): InputFailure {
  return { property: name, reason: `is no property of an Instance; those are ${propertyNames.join(", ")}` };
}

function checkProperty(name: PropertyName, value: unknown, isDefault: boolean): InputFailure[] {
  // A default that follows another property is as good as that one, which is checked itself.
  if (value === undefined || (isDefault && !defaults[name]?.stays)) return [];
  const result = shape[name].safeParse(value);
  if (result.success) return [];
  const more = isDefault && name === "name" ? "; the default is the resource's name: declare another" : "";
  const known = result.error.issues.filter(({ path }) => path.reduce<unknown>(part, value) !== unknownValue);
  return known.map((issue) => ({
    property: [name, ...issue.path].join("."),
    reason: issue.message + more,
  }));
}

function checkSettings(inputs: Properties): InputFailure[] {
  const { settings, version } = inputs;
  if (!isMajor(version) || !isMap(settings)) return [];
  return Object.entries(settings).flatMap(([name, value]) => {
    const isRefusedAlready = !settingValue.safeParse(value).success;
    const reason = isRefusedAlready || isUnknown(value) ? undefined : checkSetting(version, name, value);
    return reason === undefined ? [] : [{ property: `settings.${name}`, reason }];
  });
}

/** Of a new instance; of one that is there its files count, too, and the plan looks at them. */
function checkRules(olds: Properties, { settings, version, standby }: Properties): InputFailure[] {
  if (Object.keys(olds).length > 0 || !isMajor(version) || standby !== undefined) return [];
  if (settings !== undefined && !isMap(settings)) return [];
  const declared = new Map(
    Object.entries(settings ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const lookup = (name: string) => {
    const value = declared.has(name) ? declared.get(name) : null;
    return value === null || isValue(value) ? value : undefined;
  };
  return brokenRules(version, lookup, (name) => declared.has(name)).map(({ name, reason }) => ({
    property: `settings.${name}`,
    reason,
  }));
}

/** Rules between properties, or between the last run and this one. */
function checkTogether(inputs: Properties, olds: Properties): InputFailure[] {
  const { settings, socketDirectory } = inputs;
  const hasSockets = isMap(settings) && "unix_socket_directories" in settings;
  const rules: readonly [property: string, broken: boolean, reason: string][] = [
    ...directoryRules(inputs),
    [
      "socketDirectory",
      socketDirectory !== undefined && hasSockets,
      "is the setting unix_socket_directories: declare one of the two",
    ],
    [
      "version",
      isMajor(inputs.version) && isMajor(olds.version) && Number(inputs.version) < Number(olds.version),
      `${olds.version} cannot be lowered to ${inputs.version}: PostgreSQL has no way back; ` +
        "restore a dump into a new instance",
    ],
    [
      "upgrade.mode",
      part(inputs.upgrade, "mode") === "swap" && isMajor(inputs.version) && Number(inputs.version) < 18,
      '"swap" is there from 18 on; use "copy", "link" or "clone"',
    ],
    [
      "owner",
      inputs.owner === "root",
      'PostgreSQL refuses to run as root; use a user of its own, as in "postgres"',
    ],
    [
      "finalDump",
      olds.deletionProtection === true && inputs.deletionProtection === false && !("finalDump" in inputs),
      'must be said before the protection is lifted: a directory on the host for a dump of everything, or "skip"',
    ],
    [
      "standby.status",
      Object.keys(olds).length === 0 && part(inputs.standby, "status") === "promoted",
      "a standby is made first and promoted later; one that was promoted and lost is made again without `standby`",
    ],
    [
      "service",
      inputs.serviceManager === "pg_ctl" && inputs.service !== undefined,
      'is for serviceManager: "systemd"; leave one of the two out',
    ],
    [
      "service.environment",
      part(inputs.service, "unit") !== undefined && part(inputs.service, "environment") !== undefined,
      "is for a unit that the provider writes; one of somebody else's (`service.unit`) is not changed",
    ],
    ...primarys.map((property): [string, boolean, string] => [
      property,
      property in inputs && part(inputs.standby, "status") === "streaming",
      "comes from the primary: declare it there, or here once this standby is promoted",
    ]),
  ];
  return rules.filter(([, broken]) => broken).map(([property, , reason]) => ({ property, reason }));
}

/** What a standby has no will of its own in. */
const primarys = [
  "superuserPasswordVerifier",
  "replicationRole",
  "dataChecksums",
  "locale",
  "encoding",
] as const;

/** Each of its own, and none in the data directory. */
function directoryRules({
  dataDirectory,
  walDirectory,
  tablespaces,
}: Properties): [property: string, broken: boolean, reason: string][] {
  const listed = isMap(tablespaces) ? Object.entries(tablespaces) : [];
  const all: [property: string, path: unknown][] = [
    ["walDirectory", walDirectory],
    ...listed.map(([name, path]): [string, unknown] => [`tablespaces.${name}`, path]),
  ];
  return all
    .filter(([, path]) => typeof path === "string")
    .map(([property, path], index) => {
      const isInside = `${path}/`.startsWith(`${dataDirectory}/`) && path !== `${dataDirectory}/pg_wal`;
      const isTaken = all.slice(0, index).some(([, other]) => other === path);
      const reason = isInside ? "lies in the data directory" : "is declared for something else already";
      return [property, isInside || isTaken, `${JSON.stringify(path)} ${reason}`];
    });
}

/** Equal in meaning is no change: the old spelling stays, and neither diff nor refresh has anything to show. */
function keepSpelling(olds: Properties, inputs: Properties): Record<string, unknown> {
  const version = inputs.version;
  const kept: Record<string, unknown> = { ...inputs };
  for (const [name, same] of Object.entries(sameMeaning)) {
    const old = olds[name];
    const now = inputs[name];
    if (typeof old === "string" && typeof now === "string" && same(old, now)) kept[name] = old;
  }
  if (!isMajor(version) || !isMap(olds.settings) || !isMap(inputs.settings)) return kept;
  const before = olds.settings;
  kept.settings = Object.fromEntries(
    Object.entries(inputs.settings).map(([name, value]) => {
      const old = before[name];
      const same = isValue(old) && isValue(value) && equalValues(findSetting(version, name), old, value);
      return [name, same ? old : value];
    }),
  );
  return kept;
}

const sameMeaning: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  locale: equalLocales,
  encoding: (a, b) => findEncoding(a) !== undefined && findEncoding(a) === findEncoding(b),
};

function isMap(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isValue(value: unknown): value is SettingValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
