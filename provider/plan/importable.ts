import { parseHbaRecord, parseIdentRecord } from "../postgresql/hba-record";
import { mayBeSecret, notShown } from "../postgresql/secretive";
import type { Major } from "../postgresql/version";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import { isGiven } from "./given";

/** What a program would declare of an instance for nothing to be planned. */
export interface Declaration {
  readonly inputs: Pick<InstanceInputs, "settings" | "hba" | "ident" | "auth" | "tablespaces">;
  /** What was left out, and why: a line each, for people. */
  readonly notes: readonly string[];
}

/**
 * Of an instance of ours what was declared, as far as its files tell; of others the settings that somebody chose, which
 * are those that neither PostgreSQL nor initdb gave it. Records of pg_hba.conf that nobody labelled stay what they are.
 * @param refuses why a program may not declare a setting
 */
export function declarationOf(
  observed: Observed,
  { version, name }: { readonly version: Major; readonly name: string },
  refuses: (setting: string, value: string) => string | undefined,
): Declaration {
  const chosen = Object.entries(observed.settings).filter(([setting, { value }]) =>
    observed.adopted
      ? !isGiven(version, setting, value)
      : setting in observed.originals && !isDefault(setting, value, name),
  );
  const rows = chosen.map(([setting, { value, place }]) => {
    const why = mayBeSecret(setting) ? unsaid[observed.adopted ? "theirs" : "ours"] : refuses(setting, value);
    return { setting, value, note: why && `${setting} (${place}) is not declared: ${why}` };
  });
  const settings = rows
    .filter(({ note }) => note === undefined)
    .map(({ setting, value }) => [setting, value]);
  const spaces = Object.entries(observed.tablespaces).map(([space, { location }]) => [space, location]);
  return {
    inputs: {
      ...(settings.length > 0 && { settings: Object.fromEntries(settings) }),
      ...records(observed),
      ...(spaces.length > 0 && { tablespaces: Object.fromEntries(spaces) }),
    },
    notes: [
      ...rows.flatMap(({ note }) => note ?? []),
      ...(observed.passwordVerifier === null ? [] : [noPassword]),
    ],
  };
}

const noPassword =
  "superuserPassword is not declared: the server has one, and keeps no more of it than a verifier. It stays as it is";

/** The one resource that an instance has is in another stack, whose next update knows nothing of this one's. */
export function managedElsewhere(
  marker: { readonly id: string; readonly stack?: string } | undefined,
): string[] {
  if (marker?.stack === undefined) return [];
  return [
    `a stack manages it, as ${marker.id}: take it out of that stack's program and state (\`pulumi state delete\`) first, or two stacks change one server`,
  ];
}

/** The class gives these. */
const isDefault = (setting: string, value: string, name: string): boolean =>
  setting === "port" || (setting === "cluster_name" && value === name);

/** What nobody declares any longer is taken back, which of others' settings is none. */
const unsaid = {
  theirs: "it may be a secret",
  ours: "it may be a secret. Declare it by hand, or the first `pulumi up` takes it out",
} as const;

/** What was seen, for a file that people read: of a setting that may be a secret that it is there, and no more. */
export function withoutSecrets(observed: Observed): Observed {
  return {
    ...observed,
    settings: hide(observed.settings, (entry) => ({ ...entry, value: notShown })),
    overrides: hide(observed.overrides, (entry) => ({ ...entry, value: notShown })),
    originals: hide(observed.originals, (original) => original && notShown),
    pending: hide(observed.pending, () => ({ running: notShown, wanted: notShown })),
  };
}

function hide<T>(settings: Readonly<Record<string, T>>, cover: (found: T) => T): Record<string, T> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, found]) => [name, mayBeSecret(name) ? cover(found) : found]),
  );
}

/** Those that bear a label of the program's. */
function records({ access, adopted }: Observed): Pick<InstanceInputs, "hba" | "ident" | "auth"> {
  if (access === null || adopted) return {};
  const labelled = <R>(
    entries: readonly { label: string | null; text: string }[],
    prefix: string,
    parse: (text: string) => R,
  ) =>
    Object.fromEntries(
      entries.flatMap(({ label, text }) =>
        label?.startsWith(prefix) ? [[label.slice(prefix.length), parse(text)] as const] : [],
      ),
    );
  const hba = labelled(access.hba, "hba.", parseHbaRecord);
  const ident = labelled(access.ident, "ident.", parseIdentRecord);
  const methods = access.hba.flatMap(({ label, text }) => {
    const [, type] = /^auth\.(local|host|hostssl)\./.exec(label ?? "") ?? [];
    return type === undefined ? [] : [[type, parseHbaRecord(text).method] as const];
  });
  const auth = Object.fromEntries(
    methods.filter(([type, method]) => type === "hostssl" || method !== "scram-sha-256"),
  );
  return {
    ...(Object.keys(hba).length > 0 && { hba }),
    ...(Object.keys(ident).length > 0 && { ident }),
    ...(Object.keys(auth).length > 0 && { auth }),
  };
}
