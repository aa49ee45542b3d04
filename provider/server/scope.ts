import { ConnectionError, UnsupportedError } from "../errors";
import type { Scope } from "../postgresql/unit";
import { describe, type Target, unitFile } from "./target";

/**
 * Where the units of a scope are, and how its systemd is asked: $etc, $run, $manager. The user's own is reached and read
 * as that user, without a word of the environment: it may be the login's.
 */
const places = `in_scope() {
  scope=$1
  case $scope in
    user)
      me=$(id -u)
      XDG_RUNTIME_DIR=/run/user/$me; export XDG_RUNTIME_DIR
      etc=$(getent passwd "$me" | cut -d: -f6)/.config/systemd/user run=$XDG_RUNTIME_DIR/systemd/user manager=--user ;;
    *) etc=/etc/systemd/system run=/run/systemd/system manager= ;;
  esac
}
lingers() { [ -e "/var/lib/systemd/linger/\${1:-$(id -un)}" ]; }
`;

/** Of the note in $own: $unit, and where it is. */
export const scoping = `${places}read_unit() {
  unit= scope=
  { read -r unit; read -r _; read -r scope; } 2>/dev/null <"$own/${unitFile}"
  in_scope "$scope"
}
`;

/** Who may tell the systemd of a scope anything. */
export const tells: { readonly [S in Scope]: (target: Target) => string } = {
  system: () => "root",
  user: ({ owner }) => owner,
};

export const noSystemd = 50;

/** Says why not: only root may write where every unit is; and a boot starts nothing of a user who does not linger. */
const mayBe = `[ -d /run/systemd/system ] || exit ${noSystemd}
in_scope "$1"
no() { echo "$1" >&2; exit 1; }
case $scope in
  user)
    lingers || no "$(id -un) does not linger"
    [ -w "\${etc%/.config/*}" ] || no "$(id -un) may not write \${etc%/.config/*}"
    systemctl --user show --property=Version >/dev/null ;;
  *) [ "$(id -u)" = 0 ] || no "root is $(id -un) here" ;;
esac
`;

/** In this order. */
const scopes = ["system", "user"] as const satisfies readonly Scope[];

/** Where a new unit may be; else why nowhere. */
export async function findScope(target: Target): Promise<Scope | UnsupportedError> {
  const { host, owner } = target;
  const reasons: string[] = [];
  for (const scope of scopes) {
    const command = { name: "systemd", script: `${places}${mayBe}`, args: [scope], seconds: 30 };
    const asked = await host.run({ ...command, user: tells[scope](target) }).catch(asRefusal);
    if (asked.exitCode === 0) return scope;
    if (asked.exitCode === noSystemd) return withoutSystemd(target);
    reasons.push(asked.stderr.trim().split("\n", 1).join());
  }
  const [noRoot, noUser] = reasons;
  return new UnsupportedError(
    `serviceManager: a systemd unit for ${describe(target)} needs root (${noRoot}), or an owner who lingers (${noUser})`,
    {
      hint: `Allow the login to become root; or let ${owner} linger (\`loginctl enable-linger ${owner}\`, once, as root); or declare serviceManager: "pg_ctl".`,
    },
  );
}

/** @throws UnsupportedError where it may be nowhere */
export async function requireScope(target: Target): Promise<Scope> {
  const found = await findScope(target);
  if (found instanceof Error) throw found;
  return found;
}

export const withoutSystemd = ({ host }: Target): UnsupportedError =>
  new UnsupportedError(`serviceManager: process 1 of ${host.name} is not systemd`, {
    hint: 'Declare serviceManager: "pg_ctl", or leave it out.',
  });

export const withoutLingering = ({ host, owner }: Target): UnsupportedError =>
  new UnsupportedError(
    `serviceManager: ${owner} does not linger on ${host.name}: a server of ${owner}'s systemd would end with the last login`,
    {
      hint: `Nothing was changed. Let ${owner} linger again (\`loginctl enable-linger ${owner}\`, as root), or declare serviceManager: "pg_ctl".`,
    },
  );

/** That nobody can become a user is an answer; that the host is out of reach is none. */
function asRefusal(cause: unknown): { readonly exitCode: number; readonly stderr: string } {
  if (cause instanceof Error && isRefusedUser(cause)) return { exitCode: 1, stderr: cause.message };
  throw cause;
}

export const isRefusedUser = (cause: unknown): boolean =>
  cause instanceof UnsupportedError || (cause instanceof ConnectionError && cause.phase === "become");
