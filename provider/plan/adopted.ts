import type { AccessFile } from "../postgresql/access";
import type { Observed } from "../schema/observed";
import type { Desired } from "./desired";

/**
 * Of an instance that was taken over, what nobody declared stays as it was: no default `cluster_name`, and no record of
 * the provider's before a program declares some. Its way in is then the one that it had.
 */
export function leavingAdopted(observed: Observed, desired: Desired): Desired {
  if (!observed.adopted) return desired;
  const { inputs, settings, access } = desired;
  const { cluster_name: ownName, ...rest } = settings;
  const declaresName = Object.keys(inputs.settings ?? {}).some(
    (name) => name.toLowerCase() === "cluster_name",
  );
  return {
    ...desired,
    settings: declaresName ? settings : rest,
    access:
      access && declaresRecords(desired) ? { ...access, hba: withoutDefaults(access.hba, desired) } : null,
  };
}

function declaresRecords({ inputs: { hba, ident, auth, unmanagedHba } }: Desired): boolean {
  return hba !== undefined || ident !== undefined || auth !== undefined || unmanagedHba === "remove";
}

/** Of the records that `auth` makes, those alone that it was asked for. */
function withoutDefaults(file: AccessFile, { inputs: { auth = {} } }: Desired): AccessFile {
  const asked = new Set(
    Object.entries(auth).flatMap(([type, method]) => (method === undefined ? [] : [type])),
  );
  const isWanted = (label: string) => !label.startsWith("auth.") || asked.has(label.split(".")[1] ?? "");
  return { ...file, records: file.records.filter(({ label }) => isWanted(label)) };
}
