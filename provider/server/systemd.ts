import { CommandError, UnsupportedError } from "../errors";
import type { Session } from "../host/session";
import { isOurUnit, type Scope, scopeIn, unitName, unitsIn } from "../postgresql/unit";
import type { Observation } from "./observe";
import { isRefusedUser, noSystemd, scoping, tells, withoutLingering, withoutSystemd } from "./scope";
import { describe, stateDirectory, type Target, unitFile } from "./target";

export interface Unit {
  readonly unit: string;
  readonly scope: Scope;
}

/** What a unit of ours demands beyond its scope: looked at before the first of all steps, and by the step itself. */
export async function requireUnitPossible(target: Target, scope: Scope): Promise<void> {
  await tell(target, { unit: "-", scope }, "a unit", demands, [target.owner]);
}

/**
 * A unit of ours, whole, loaded, and enabled or not; what changes it otherwise goes. What it says is taken at the next
 * start: nothing is restarted. Somebody else's is only remembered.
 * @throws UnsupportedError where there is no systemd, nobody may become root, or the owner does not linger
 */
export async function registerUnit(
  target: Target,
  session: Session,
  { text, enabled, ...of }: Unit & { readonly text: string; readonly enabled: boolean },
): Promise<void> {
  // First: whoever removes the instance then knows of a unit.
  await writeNote(target, session, of);
  const whole = `${text}\n`;
  const args = [target.owner, enabled ? "enable" : "disable", String(Buffer.byteLength(whole))];
  if (isOurUnit(of.unit)) await tell(target, of, `writing ${of.unit}`, demands + register, args, whole);
  else await tell(target, of, `looking at ${of.unit}`, find);
}

/**
 * Of a server that somebody else's unit runs, so that no other is ever made: its main process is the server.
 * @returns whether there is one
 */
export async function rememberUnit(
  target: Target,
  session: Session,
  { observed, postmaster, cgroups }: Observation,
): Promise<boolean> {
  if (observed.service !== null || postmaster === undefined) return false;
  const unit = unitsIn(cgroups).at(-1) ?? "";
  const of = { unit, scope: scopeIn(cgroups) };
  const args = [of.scope, unit, String(postmaster.pid)];
  const runs = unit !== "" && (await session.run({ name: "unit", script: isMain, args })).exitCode === 0;
  if (runs) await writeNote(target, session, of);
  return runs;
}

const isMain = `${scoping}in_scope "$1"
[ "$(systemctl $manager show --property=MainPID --value "$2" 2>/dev/null)" = "$3" ]`;

/** The host's own has no third line, as it had before there were others. */
function writeNote(target: Target, session: Session, { unit, scope }: Unit): Promise<void> {
  const lines = [unit, stateDirectory(target), ...(scope === "user" ? [scope] : [])];
  return session.write(unitFile, `${lines.join("\n")}\n`);
}

/**
 * Removes a unit of ours; the server is down by then, or is to go on without. The note of it is the owner's to change, so
 * root removes the one of the instance's id, whatever it says.
 */
export async function removeUnit(target: Target, session: Session, noted: Unit, id: string): Promise<void> {
  const unit = unitName(id);
  if (isOurUnit(noted.unit)) await tell(target, { ...noted, unit }, `removing ${unit}`, remove);
  await session.remove(unitFile);
}

async function tell(
  target: Target,
  { unit, scope }: Unit,
  what: string,
  script: string,
  more: readonly string[] = [],
  stdin = "",
): Promise<void> {
  const args = [scope, unit, ...more];
  const command = { name: "systemd", script: `${scoping}${start}${script}`, args, stdin, seconds: 120 };
  const result = await target.host.run({ ...command, user: tells[scope](target) }).catch((cause: unknown) => {
    if (!(cause instanceof Error) || !isRefusedUser(cause)) throw cause;
    throw new UnsupportedError(
      `serviceManager: ${what} for ${describe(target)} needs root: ${cause.message}`,
      {
        hint: 'Allow the login to become root, or declare serviceManager: "pg_ctl".',
      },
    );
  });
  const words = result.stderr.trim() || result.stdout.toString("utf8").trim();
  if (result.exitCode === 0) return;
  const refusal = refusals[result.exitCode];
  if (refusal) throw refusal(target, words, scope);
  throw new CommandError(`${what} for ${describe(target)} failed: ${words}`, {
    command: "systemctl",
    exitCode: result.exitCode,
    stderr: result.stderr,
    hint: "The server is as it was. Run `pulumi up` again: it goes on from there.",
  });
}

const codes = { noUnit: 51, removesIpc: 52, unlingering: 53 } as const;

const refusals: Readonly<Record<number, (target: Target, words: string, scope: Scope) => Error>> = {
  [noSystemd]: withoutSystemd,
  [codes.noUnit]: ({ host, owner }, words, scope) => {
    const whose = scope === "user" ? ` among those of ${owner}` : "";
    return new UnsupportedError(`service.unit: ${host.name} has no such unit${whose}: ${words}`, {
      hint: "Leave `unit` out for a unit of the provider's own.",
    });
  },
  [codes.unlingering]: withoutLingering,
  [codes.removesIpc]: ({ host, owner }) =>
    new UnsupportedError(
      `owner: systemd-logind of ${host.name} removes the shared memory of ${owner} when that user logs out (RemoveIPC), and the server with it`,
      {
        hint: `Set RemoveIPC=no in /etc/systemd/logind.conf, or let ${owner} linger (loginctl enable-linger ${owner}), or declare a system user as owner.`,
      },
    ),
};

const start = `[ -d /run/systemd/system ] || exit ${noSystemd}
in_scope "$1"
unit=$2 at=$etc/$2; shift 2
`;

/** https://www.postgresql.org/docs/current/kernel-resources.html#SYSTEMD-REMOVEIPC */
const demands = `[ "$scope" != user ] || lingers || exit ${codes.unlingering}
least=$(awk '$1 == "UID_MIN" { print $2 }' /etc/login.defs 2>/dev/null)
if [ "$(id -u "$1")" -ge "\${least:-1000}" ] && ! lingers "$1"; then
  login=org.freedesktop.login1
  removes=$(busctl get-property $login /org/freedesktop/login1 $login.Manager RemoveIPC 2>/dev/null)
  [ "$removes" != "b true" ] || exit ${codes.removesIpc}
fi
`;

const register = `changed=
mkdir -p "$etc" || exit
# Of whoever was cut off, and may still be at it: of two who write, each has a file of its own.
rm -f "$at.new".*
new=$at.new.$$
cat >"$new" && chmod 644 "$new" || exit
[ $(wc -c <"$new") -eq "$3" ] || { rm -f "$new"; echo "its input was cut off" >&2; exit 1; }
if [ ! -L "$at" ] && [ "$(cat "$at" 2>/dev/null)" = "$(cat "$new")" ]; then rm -f "$new"
else mv -f "$new" "$at" || exit; sync "$at" 2>/dev/null || sync; changed=yes; fi
# A mask for this boot, and what would change the unit.
[ ! -L "$run/$unit" ] || { rm -f "$run/$unit"; changed=yes; }
for place in "$etc" "$etc.control" "$run" "$run.control"; do
  [ ! -d "$place/$unit.d" ] || { rm -rf "$place/$unit.d"; changed=yes; }
done
[ -z "$changed" ] || systemctl $manager daemon-reload || exit
is=disable
for link in "$etc"/*.wants/"$unit"; do [ ! -L "$link" ] || is=enable; done
[ "$is" = "$2" ] || systemctl $manager "$2" "$unit" 2>&1 >/dev/null
`;

const find = `said=$(systemctl $manager cat -- "$unit" 2>&1 >/dev/null) || { echo "$said"; exit ${codes.noUnit}; }
`;

/** The systemd of a user who is logged out and lingers no more is not there to be told. */
const remove = `rm -f "$at.new".*
[ -e "$at" ] || [ -L "$at" ] || exit 0
[ -L "$at" ] || systemctl $manager disable "$unit" >/dev/null 2>&1
rm -f "$at" "$run/$unit" "$etc"/*.wants/"$unit" && rm -rf "$at.d" "$run/$unit.d" || exit
[ "$scope" != user ] || systemctl --user show --property=Version >/dev/null 2>&1 || exit 0
systemctl $manager daemon-reload || exit
systemctl $manager reset-failed "$unit" 2>/dev/null || :
`;
