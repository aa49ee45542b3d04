import { CommandError, UnsupportedError } from "../errors";
import type { Host } from "../host/host";
import type { Session } from "../host/session";
import { isOurUnit, unitName, unitsIn } from "../postgresql/unit";
import type { Observation } from "./observe";
import { describe, stateDirectory, type Target, unitFile } from "./target";

/** Where nobody can be root, or process 1 is something else, `pg_ctl` is the way. */
export async function mayUseSystemd(host: Host): Promise<boolean> {
  const asked = await host
    .run({ name: "systemd", script: "[ -d /run/systemd/system ] && id -u", user: "root", seconds: 30 })
    .catch(() => undefined);
  return asked?.stdout.toString("latin1").trim() === "0";
}

/**
 * A unit of ours, whole, loaded, and enabled or not; what changes it otherwise goes. What it says is taken at the next
 * start: nothing is restarted. Somebody else's is only remembered.
 * @throws UnsupportedError where there is no systemd, or nobody may become root
 */
export async function registerUnit(
  target: Target,
  session: Session,
  { unit, text, enabled }: { readonly unit: string; readonly text: string; readonly enabled: boolean },
): Promise<void> {
  // First: whoever removes the instance then knows of a unit.
  await session.write(unitFile, `${unit}\n${stateDirectory(target)}\n`);
  const whole = `${text}\n`;
  const args = [unit, enabled ? "enable" : "disable", target.owner, String(Buffer.byteLength(whole))];
  if (isOurUnit(unit)) await asRoot(target, `writing ${unit}`, register, args, whole);
  else await asRoot(target, `looking at ${unit}`, find, [unit]);
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
  const args = [unit, String(postmaster.pid)];
  const runs = unit !== "" && (await session.run({ name: "unit", script: isMain, args })).exitCode === 0;
  if (runs) await session.write(unitFile, `${unit}\n${stateDirectory(target)}\n`);
  return runs;
}

const isMain = '[ "$(systemctl show --property=MainPID --value "$1" 2>/dev/null)" = "$2" ]';

/**
 * Removes a unit of ours; the server is down by then, or is to go on without. The note of it is the owner's to change, so
 * root removes the one of the instance's id, whatever it says.
 */
export async function removeUnit(target: Target, session: Session, noted: string, id: string): Promise<void> {
  const unit = unitName(id);
  if (isOurUnit(noted)) await asRoot(target, `removing ${unit}`, remove, [unit]);
  await session.remove(unitFile);
}

async function asRoot(
  target: Target,
  what: string,
  script: string,
  args: readonly string[],
  stdin = "",
): Promise<void> {
  const { host } = target;
  const command = { name: "systemd", script: `${places}${script}`, args, stdin, user: "root", seconds: 120 };
  const result = await host.run(command).catch((cause: unknown) => {
    if (
      !(cause instanceof Error) ||
      (!("phase" in cause && cause.phase === "become") && !(cause instanceof UnsupportedError))
    )
      throw cause;
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
  if (refusal) throw refusal(target, words);
  throw new CommandError(`${what} for ${describe(target)} failed: ${words}`, {
    command: "systemctl",
    exitCode: result.exitCode,
    stderr: result.stderr,
    hint: "The server is as it was. Run `pulumi up` again: it goes on from there.",
  });
}

const codes = { noSystemd: 50, noUnit: 51, removesIpc: 52 } as const;

const refusals: Readonly<Record<number, (target: Target, words: string) => Error>> = {
  [codes.noSystemd]: ({ host }) =>
    new UnsupportedError(`serviceManager: process 1 of ${host.name} is not systemd`, {
      hint: 'Declare serviceManager: "pg_ctl", or leave it out.',
    }),
  [codes.noUnit]: ({ host }, words) =>
    new UnsupportedError(`service.unit: ${host.name} has no such unit: ${words}`, {
      hint: "Leave `unit` out for a unit of the provider's own.",
    }),
  [codes.removesIpc]: ({ host, owner }) =>
    new UnsupportedError(
      `owner: systemd-logind of ${host.name} removes the shared memory of ${owner} when that user logs out (RemoveIPC), and the server with it`,
      {
        hint: `Set RemoveIPC=no in /etc/systemd/logind.conf, or let ${owner} linger (loginctl enable-linger ${owner}), or declare a system user as owner.`,
      },
    ),
};

const places = `[ -d /run/systemd/system ] || exit ${codes.noSystemd}
unit=$1 at=/etc/systemd/system/$1
`;

/** https://www.postgresql.org/docs/current/kernel-resources.html#SYSTEMD-REMOVEIPC */
const register = `least=$(awk '$1 == "UID_MIN" { print $2 }' /etc/login.defs 2>/dev/null)
if [ "$(id -u "$3")" -ge "\${least:-1000}" ] && [ ! -e "/var/lib/systemd/linger/$3" ]; then
  login=org.freedesktop.login1
  removes=$(busctl get-property $login /org/freedesktop/login1 $login.Manager RemoveIPC 2>/dev/null)
  [ "$removes" != "b true" ] || exit ${codes.removesIpc}
fi
changed=
# Of whoever was cut off, and may still be at it: of two who write, each has a file of its own.
rm -f "$at.new".*
new=$at.new.$$
cat >"$new" && chmod 644 "$new" || exit
[ $(wc -c <"$new") -eq "$4" ] || { rm -f "$new"; echo "its input was cut off" >&2; exit 1; }
if [ ! -L "$at" ] && [ "$(cat "$at" 2>/dev/null)" = "$(cat "$new")" ]; then rm -f "$new"
else mv -f "$new" "$at" || exit; sync "$at" 2>/dev/null || sync; changed=yes; fi
# A mask for this boot, and what would change the unit.
[ ! -L "/run/systemd/system/$unit" ] || { rm -f "/run/systemd/system/$unit"; changed=yes; }
for place in /etc/systemd/system /etc/systemd/system.control /run/systemd/system /run/systemd/system.control; do
  [ ! -d "$place/$unit.d" ] || { rm -rf "$place/$unit.d"; changed=yes; }
done
[ -z "$changed" ] || systemctl daemon-reload || exit
is=disable
for link in /etc/systemd/system/*.wants/"$unit"; do [ ! -L "$link" ] || is=enable; done
[ "$is" = "$2" ] || systemctl "$2" "$unit" 2>&1 >/dev/null
`;

const find = `said=$(systemctl cat -- "$unit" 2>&1 >/dev/null) || { echo "$said"; exit ${codes.noUnit}; }
`;

const remove = `rm -f "$at.new".*
[ -e "$at" ] || [ -L "$at" ] || exit 0
[ -L "$at" ] || systemctl disable "$unit" >/dev/null 2>&1
rm -f "$at" "/run/systemd/system/$unit" && rm -rf "$at.d" "/run/systemd/system/$unit.d" && systemctl daemon-reload || exit
systemctl reset-failed "$unit" 2>/dev/null || :
`;
