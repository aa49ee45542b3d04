import { manualPage } from "../postgresql/manual";
import { findSetting, isExtensionSetting, nearestSettingName } from "../postgresql/settings";
import { parseValue, type SettingValue } from "../postgresql/values";
import type { Major } from "../postgresql/version";
import { settingValue } from "./inputs";

/** Settings that are a property of their own, or would take the files away from under the provider. */
const refused: Readonly<Record<string, string>> = {
  port: "use the property port",
  data_directory: "use the property dataDirectory",
  config_file: "the provider writes postgresql.conf in the data directory",
  hba_file: "the provider writes pg_hba.conf in the data directory",
  ident_file: "the provider writes pg_ident.conf in the data directory",
  external_pid_file: "the provider reads postmaster.pid in the data directory",
  primary_conninfo: "use the property standby",
  primary_slot_name: "use the property standby",
};

/** Values that the type of the setting allows: the server takes them not, or takes them and then nobody can look after it. */
const unusable: Readonly<Record<string, (value: string) => string | undefined>> = {
  hot_standby: (value) =>
    value === "off" ? "a standby that takes no sessions cannot be looked after; leave it on" : undefined,
  db_user_namespace: (value) =>
    value === "on" ? "the server would not know the superuser by its name any more; leave it off" : undefined,
  // check_locale_messages() in src/backend/utils/adt/pg_locale.c takes it as the compiled default alone.
  lc_messages: (value) => (value === "" ? 'is no locale; name one, as in "C", or leave it out' : undefined),
  unix_socket_directories: (value) =>
    value.trimStart().startsWith("/")
      ? undefined
      : "must begin with an absolute path: the provider looks after the server over a socket there",
};

/**
 * Why a setting would be refused, in words for the terminal; undefined when it is fine. Values of string settings are
 * never shown: one may be a secret, and the provider cannot tell.
 */
export function checkSetting(version: Major, name: string, value: unknown): string | undefined {
  if (!settingValue.safeParse(value).success) return "is no string, number, boolean or null";
  const key = name.toLowerCase();
  if (Object.hasOwn(refused, key)) return refused[key];
  if (key.startsWith("recovery_target"))
    return "a recovery target belongs to one recovery, not to an instance";
  const setting = findSetting(version, name);
  if (setting === undefined) {
    if (isExtensionSetting(name)) return value === null ? undefined : textReason(value);
    const near = nearestSettingName(version, name);
    const hint = near ? ` Did you mean ${near}?` : "";
    return `PostgreSQL ${version} has no such setting.${hint}`;
  }
  if (setting.name !== name) return `is spelt ${setting.name}`;
  if (setting.context === "internal")
    return "is fixed when the server is built or the instance made; it cannot be set";
  if (value === null) return undefined;
  const unfit = textReason(value);
  if (unfit) return unfit;
  if (setting.vartype !== "string" && parsePercent(value) !== undefined) {
    return isMemory(setting.unit)
      ? undefined
      : `${JSON.stringify(value)}: only memory can be a share of the host's`;
  }
  const parsed = parseValue(setting, value as SettingValue);
  if (!parsed.ok) return `${parsed.reason}. See ${manualPage(version, setting)}`;
  return unusable[name]?.(parsed.value);
}

function textReason(value: unknown): string | undefined {
  return typeof value === "string" && /[\0\r\n]/.test(value)
    ? "holds a line break or NUL, which postgresql.conf cannot"
    : undefined;
}

/** "25%" -> 25 */
function parsePercent(value: unknown): number | undefined {
  const match = typeof value === "string" ? /^([0-9]{1,2}(?:\.[0-9]+)?)%$/.exec(value.trim()) : null;
  const percent = Number(match?.[1]);
  return match && percent > 0 ? percent : undefined;
}

function isMemory(unit: string | null): boolean {
  return unit !== null && /^([0-9]+)?(B|kB|MB)$/.test(unit);
}
