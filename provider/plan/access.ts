import { type AccessFile, accessChanges, accessFile } from "../postgresql/access";
import { defaultHba, type HbaRecord, ownHba, printHba } from "../postgresql/hba";
import { ownIdent, printIdent } from "../postgresql/ident";
import type { HbaInput, IdentInput } from "../schema/access";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import type { AccessFileName, RecordChange } from "./step";

/** pg_hba.conf and pg_ident.conf as they shall be, beside what others wrote there. */
export type DesiredAccess = Readonly<Record<AccessFileName, AccessFile>>;

/** Most instances of a program have the same records, and each is planned several times. */
const made = new Map<string, DesiredAccess>();
const mostMade = 100;

export function desireAccess(wanted: WantedAccess): DesiredAccess {
  const key = JSON.stringify(wanted);
  const known = made.get(key) ?? makeAccess(wanted);
  if (made.size >= mostMade) made.clear();
  made.set(key, known);
  return known;
}

interface WantedAccess extends Pick<InstanceInputs, "superuser" | "hba" | "ident" | "auth"> {
  readonly owner: string;
  readonly defaultAuth: { readonly local: string; readonly host: string };
}

/** The provider's own way in, then the declared records in the order of their labels, then the default ones. */
function makeAccess({
  superuser,
  owner,
  hba = {},
  ident = {},
  auth,
  defaultAuth,
}: WantedAccess): DesiredAccess {
  const records = [
    ...ownHba(superuser),
    ...inOrder(hba).map(([label, record]) => hbaRecord(`hba.${label}`, record)),
    ...defaultHba({ ...defaultAuth, ...withoutUndefined(auth) }),
  ];
  const maps = [
    ...ownIdent({ owner, superuser }),
    ...inOrder(ident).map(([label, record]: [string, IdentInput]) => ({
      ...record,
      label: `ident.${label}`,
    })),
  ];
  return { hba: accessFile(printHba(records, comment)), ident: accessFile(printIdent(maps, comment)) };
}

const comment =
  "Made by pulumi-pginstance: records with its label are the program's, others are left alone unless it says otherwise.";

function inOrder<R>(records: Readonly<Record<string, R>>): [string, R][] {
  return Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1));
}

function hbaRecord(label: string, { type, database, user, ...record }: HbaInput): HbaRecord {
  const list = (names: string | readonly string[] = "all") =>
    typeof names === "string" ? names : names.join(",");
  return { ...record, type: type as HbaRecord["type"], database: list(database), user: list(user), label };
}

function withoutUndefined<T extends object>(given: T | undefined): Partial<T> {
  return Object.fromEntries(
    Object.entries(given ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

const accessFiles: readonly AccessFileName[] = ["hba", "ident"];

/** Before an instance is made, its files are written with it; one that was never looked at tells nothing. */
export function recordChanges(
  { access }: Pick<Observed, "access">,
  { access: desired, inputs }: { access: DesiredAccess | null; inputs: InstanceInputs },
): RecordChange[] {
  if (access === null || desired === null) return [];
  return accessFiles.flatMap((file) =>
    accessChanges(access[file], desired[file].records, inputs.unmanagedHba ?? "keep").map((change) => ({
      file,
      ...change,
    })),
  );
}

/** The same wish, but content with what the host has, and where, where nothing was announced. */
export function leavingRecords(
  observed: Pick<Observed, "access">,
  { access: desired, inputs }: { readonly access: DesiredAccess | null; readonly inputs: InstanceInputs },
  announced: readonly RecordChange[],
): DesiredAccess | null {
  const { access } = observed;
  if (access === null || desired === null) return desired;
  const changes = recordChanges(observed, { access: desired, inputs });
  const changed = new Set(changes.map(({ label }) => label));
  const labels = new Set(announced.map(({ label }) => label));
  const leave = (file: AccessFileName): AccessFile => ({
    ...desired[file],
    records: desired[file].records.flatMap((record) => {
      const found = access[file].find(({ label }) => label === record.label);
      if (labels.has(record.label) || !changed.has(record.label)) return [record];
      const isThere = found ?? access[file].find(({ label, text }) => label === null && text === record.text);
      return isThere ? [{ ...record, text: isThere.text, stays: true }] : [];
    }),
  });
  return { hba: leave("hba"), ident: leave("ident") };
}

/** Records of ours without which the provider gets no session: the first for the socket, and the map that it names. */
export function missingWayIn(
  { access }: Pick<Observed, "access">,
  { access: desired }: { readonly access: DesiredAccess | null },
): { readonly file: AccessFileName; readonly label: string }[] {
  if (access === null || desired === null) return [];
  const isFirst = (text: string) =>
    access.hba.find((entry) => /^local (?!replication )/.test(entry.text))?.text === text;
  const isThere = (text: string) => access.ident.some((entry) => entry.text === text);
  const ours = [
    ...desired.hba.records.map((record) => ({ file: "hba" as const, ...record, isRight: isFirst })),
    ...desired.ident.records.map((record) => ({ file: "ident" as const, ...record, isRight: isThere })),
  ];
  return ours.filter(
    ({ label, text, isRight }) => (label === "own.all" || label === "auth.owner") && !isRight(text),
  );
}
