import { findStep } from "../plan/step";
import { type ApplyOptions, convergeOrThrow, type Manifest, wantedOf } from "./apply";
import { type HostArgs, isPresent, notFound } from "./find";

/**
 * Makes the data directory of an instance and no more: initdb, or pg_basebackup for a standby, beside it, renamed when it
 * is complete. `configure` and `start` may follow, or `apply`, which does all that is missing.
 *
 * @returns whether it made one; false: there is one already, and it was not touched
 * @throws InstanceExistsError when something else is there
 */
export async function init(
  host: HostArgs,
  manifest: Omit<Manifest, "state">,
  options: Pick<ApplyOptions, "progress"> = {},
): Promise<boolean> {
  const wanted = await wantedOf(host, { ...manifest, state: "stopped" }, options);
  if (isPresent(wanted.known)) return false;
  await convergeOrThrow({ ...wanted, only: ["init", "writePassfile", "baseBackup"] });
  return true;
}

/** What the files said of a setting, and what they say now; null: no line. */
export type SettingsChanged = Readonly<Record<string, readonly [old: string | null, now: string | null]>>;

/**
 * Writes the configuration of an instance, and nothing else of the manifest. One that runs takes it by the rules of
 * `apply`: a reload, or a restart that is allowed by `restartOnChanges` or confirmed, or else it stays pending. One that
 * is stopped stays so.
 *
 * @returns the settings that changed, by name
 * @throws SettingsError when the server refuses it; the files are then as they were
 * @throws InstanceNotFoundError
 */
export async function configure(
  host: HostArgs,
  manifest: Omit<Manifest, "state">,
  options: ApplyOptions = {},
): Promise<SettingsChanged> {
  const wanted = await wantedOf(host, manifest, options);
  if (!isPresent(wanted.known)) throw notFound(manifest);
  const { steps } = await convergeOrThrow({ ...wanted, only: ["writeConfiguration", "reload", "restart"] });
  const changes = findStep(steps, "writeConfiguration")?.changes ?? [];
  return Object.fromEntries(changes.map(({ name, from, to }) => [name, [from, to]]));
}
