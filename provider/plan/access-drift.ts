import { parseHbaRecord, parseIdentRecord } from "../postgresql/hba-record";
import type { HbaInput, IdentInput } from "../schema/access";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import { recordChanges } from "./access";
import type { Desired } from "./desired";
import type { RecordChange } from "./step";

/** What would have to be declared for pg_hba.conf and pg_ident.conf to be right: record by record. */
export function accessDrift(
  observed: Observed,
  desired: Desired,
): Partial<Pick<InstanceInputs, "auth" | "hba" | "ident">> {
  const { hba, ident, auth } = desired.inputs;
  const changes = recordChanges(observed, desired).filter(({ from, to }) => from !== to);
  const drifted = (prefix: string) => changes.filter(({ label }) => label?.startsWith(`${prefix}.`));
  const asFound = <R>(
    prefix: string,
    declared: Readonly<Record<string, R>> = {},
    parse: (text: string) => R,
  ) => {
    const records = new Map(Object.entries(declared));
    for (const { label, from } of drifted(prefix)) {
      const name = label?.slice(prefix.length + 1) ?? "";
      if (from === null) records.delete(name);
      else records.set(name, parse(from));
    }
    return Object.fromEntries(records);
  };
  return {
    ...(drifted("hba").length > 0 && { hba: asFound<HbaInput>("hba", hba, parseHbaRecord) }),
    ...(drifted("ident").length > 0 && { ident: asFound<IdentInput>("ident", ident, parseIdentRecord) }),
    ...(drifted("auth").length > 0 && { auth: { ...auth, ...Object.fromEntries(methods(drifted("auth"))) } }),
  };
}

/** `auth` has a method for several records: the first that is not as it shall be tells. */
function methods(changes: readonly RecordChange[]): [string, string][] {
  return changes
    .filter(({ file }) => file === "hba")
    .map(({ label, from }): [string, string] => [
      label?.split(".")[1] ?? "",
      from === null ? "(no record)" : parseHbaRecord(from).method,
    ])
    .reverse();
}
