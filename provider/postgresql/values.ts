/**
 * Values by meaning: what PostgreSQL makes of what is written, after parse_and_validate_value in
 * src/backend/utils/misc/guc.c and parse_bool in src/backend/utils/adt/bool.c.
 * https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-NAMES-VALUES
 */
import { checkHooks } from "./check-hooks";
import { lookUpEnum } from "./enum-spellings";
import { type Numeral, printReal, readInteger, readReal, rint } from "./numerals";
import type { Setting, Vartype } from "./settings";
import { dimensionOf, fromBaseUnit, toBaseUnit } from "./units";

export type SettingValue = string | number | boolean;
export type ParsedValue = { ok: true; value: string } | { ok: false; reason: string };

/** What PostgreSQL makes of a value: the base-unit text that pg_settings.setting would show; or why it refuses it. */
export function parseValue(setting: Setting, value: SettingValue): ParsedValue {
  const text = valueToText(value);
  const shown =
    typeof value === "string" ? JSON.stringify(value) : typeof value === "number" ? text : String(value);
  const refused = (complaint: string) => ({ ok: false as const, reason: complaint });

  if (text.includes("\0") || text.includes("\n")) {
    return refused(
      `${shown} has a ${text.includes("\0") ? "NUL byte" : "newline"}, which postgresql.conf cannot hold`,
    );
  }
  if (typeof value === "number" && !Number.isFinite(value)) return refused(`${shown} is no number`);
  const read = readers[setting.vartype](setting, text, value);
  return typeof read === "string"
    ? { ok: true, value: read }
    : refused(`${shown} ${read.complaint}${byDefault(setting)}`);
}

/**
 * Whether PostgreSQL would make the same of both. Without a setting (an extension's) and for what it would refuse, the
 * texts count. Reals are compared as they are shown, with six digits.
 */
export function equalValues(setting: Setting | undefined, a: SettingValue, b: SettingValue): boolean {
  if (a === b) return true;
  const meaning = (value: SettingValue) => {
    const parsed = setting && parseValue(setting, value);
    return parsed?.ok ? `value ${parsed.value}` : `text ${valueToText(value)}`;
  };
  return meaning(a) === meaning(b);
}

/** As SHOW prints it, in the largest unit that is exact: `16MB`, `1min`. What is not above zero has none: `-1`. */
export function printValue(setting: Setting, value: string): string {
  const { unit, vartype } = setting;
  if (unit === null || (vartype !== "integer" && vartype !== "real") || !(Number(value) > 0)) return value;
  const [amount, name] = fromBaseUnit(Number(value), unit, vartype);
  return (vartype === "integer" ? String(amount) : printReal(amount)) + name;
}

/** What is written between quotes: `true` as `on`, numbers without exponent unless that took more than 30 zeros. */
export function valueToText(value: SettingValue): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  const [, sign = "", whole = "", fraction = "", exponentText] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(String(value)) ?? [];
  const exponent = Number(exponentText);
  if (exponentText === undefined || Math.abs(exponent) > 30) return String(value);
  return exponent < 0
    ? `${sign}0.${"0".repeat(-exponent - 1)}${whole}${fraction}`
    : `${sign}${whole}${fraction.padEnd(exponent, "0")}`;
}

/** The canonical text, or what is wrong with the value, to follow after it. */
type Read = string | { complaint: string };

const readers: Readonly<Record<Vartype, (setting: Setting, text: string, value: SettingValue) => Read>> = {
  bool: (_, text) => readBool(text) ?? { complaint: "is not on or off" },
  integer: readNumber,
  real: readNumber,
  enum: ({ name, enumvals }, text) =>
    lookUpEnum(name, enumvals ?? [], text) ?? {
      complaint: `is none of ${(enumvals ?? []).map((candidate) => candidate || '""').join(", ")}`,
    },
  string: ({ name }, text, value) =>
    typeof value !== "boolean" || stringsOnceBool.has(name)
      ? text
      : { complaint: `is no text; ${JSON.stringify(text)} would be` },
};

/** Text settings that were bool before and still take its words. log_connections: release notes of 18. */
const stringsOnceBool: ReadonlySet<string> = new Set(["log_connections"]);

/** As parse_bool: any unambiguous prefix of true, false, yes, no, on, off; 1 and 0. Spaces are not trimmed. */
function readBool(text: string): "on" | "off" | undefined {
  const match = /^(?:(t|tr|tru|true|y|ye|yes|on|1)|f|fa|fal|fals|false|n|no|of|off|0)$/i.exec(text);
  return match ? (match[1] ? "on" : "off") : undefined;
}

function readNumber(setting: Setting, text: string): Read {
  const numeral = setting.vartype === "integer" ? readInteger(text) : readReal(text);
  const amount = numeral && inBaseUnit(setting, numeral);
  if (amount === undefined)
    return { complaint: `is no ${noun(setting)}; ${range(setting)}${example(setting)}` };
  const value = setting.vartype === "integer" ? rint(amount) : amount;
  if (value < bound(setting.min) || value > bound(setting.max)) {
    return { complaint: `is ${setting.max === unbounded ? "not" : "outside"} ${range(setting)}` };
  }
  const checked = checkHooks[setting.name]?.(value) ?? value;
  return typeof checked === "number" ? canonicalNumber(setting, checked) : checked;
}

function inBaseUnit({ unit }: Setting, { value, rest }: Numeral): number | undefined {
  const name = rest.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, "");
  if (name === "") return value;
  return unit === null ? undefined : toBaseUnit(value, name, unit);
}

/** pg_settings shows DBL_MAX with six digits, which is a little less. */
const bound = (text: string | null) => (text === unbounded ? Number.MAX_VALUE : Number(text));
const unbounded = "1.79769e+308";

/** Settings shown by a hook of their own, `%04o` (show_log_file_mode and its like in variable.c, guc.c below 16). */
const fileModes: ReadonlySet<string> = new Set([
  "data_directory_mode",
  "log_file_mode",
  "unix_socket_permissions",
]);

function canonicalNumber(setting: Setting, value: number): string {
  if (setting.vartype === "real") return printReal(value);
  return fileModes.has(setting.name) ? `0${value.toString(8).padStart(3, "0")}` : String(value);
}

const nouns = { memory: "amount of memory", time: "time", integer: "whole number", real: "number" };
const examples = { memory: "64MB", time: "5min" };

function noun({ unit, vartype }: Setting): string {
  return nouns[unit === null ? (vartype === "real" ? "real" : "integer") : dimensionOf(unit)];
}

function range(setting: Setting): string {
  const print = (limit: string | null) => printValue(setting, canonicalNumber(setting, Number(limit)));
  return setting.max === unbounded
    ? `${print(setting.min)} or more`
    : `${print(setting.min)} to ${print(setting.max)}`;
}

/** Twice the default where that is allowed, for its order of magnitude; else any amount that is. */
function example(setting: Setting): string {
  const { unit, bootValue, max } = setting;
  if (unit === null) return "";
  const twice = 2 * Number(bootValue);
  const some =
    twice > 0 && twice <= bound(max) ? printValue(setting, String(twice)) : examples[dimensionOf(unit)];
  const allowed = typeof readNumber(setting, some) === "string" ? some : printValue(setting, max ?? "");
  return `, as in "${allowed}"`;
}

function byDefault(setting: Setting): string {
  if (!setting.bootValue) return "";
  const parsed = parseValue(setting, setting.bootValue);
  return ` (default ${printValue(setting, parsed.ok ? parsed.value : setting.bootValue)})`;
}
