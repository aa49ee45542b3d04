import { CommandError, InstanceExistsError, InstanceStateError } from "../errors";
import { sectionFunction, sections } from "../host/shell";
import { bytesToText, confEntries, parseConf } from "../postgresql/conf";
import { type ControlData, parseControlFile } from "../postgresql/controldata";
import { type PostmasterPid, parsePostmasterPid } from "../postgresql/pidfile";
import { parseServerVersion } from "../postgresql/version";
import type { Observed } from "../schema/state";
import type { Address } from "./connect";
import { type Marker, parseMarker } from "./marker";
import { type Answers, ask } from "./questions";
import { describe, stateDirectory, type Target } from "./target";

/** All that one look at an instance tells: what the state remembers of it, and what only the moment knows. */
export interface Observation {
  readonly observed: Observed;
  readonly marker: Marker | undefined;
  /** The files' bytes, one a character; what an edit starts from. */
  readonly postgresqlConf: string;
  readonly autoConf: string;
  /** The postmaster, when one lives. */
  readonly postmaster: PostmasterPid | undefined;
  readonly control: ControlData | undefined;
}

/** Everything in one script and one round trip; SQL only when the server takes sessions. */
export async function observe(target: Target, remembered?: Observed): Promise<Observation> {
  const parts = await look(target);
  const bytes = (name: string) => parts.get(name)?.toString("latin1") ?? "";
  const text = (name: string) => bytesToText(bytes(name)).trim();
  refuseStrange(target, text("directory"), text("version"));
  const marker = parseMarker(text("marker"));
  const control = parseControlFile(parts.get("control") ?? Buffer.alloc(0));
  const pid = parsePostmasterPid(bytes("pid"));
  const postmaster =
    pid && isAlive(pid, text("process"), [target.dataDirectory, text("resolved")]) ? pid : undefined;
  const existence = text("directory") === "directory" ? "present" : "absent";
  const server = serverState(postmaster, control, bytes("pid"));
  const answers =
    postmaster && server === "running"
      ? await ask(addressOf(target, postmaster), target.superuser)
      : undefined;
  const known = existence === "present" ? remembered : undefined;
  const files = readFiles(bytes("conf"), bytes("auto"));
  const pending = answers ? pendingSettings(answers, files.settings) : (known?.pending ?? {});
  const binaries = parseServerVersion(text("binaries"))?.version ?? null;
  const observed: Observed = {
    existence,
    server: existence === "present" ? server : "stopped",
    role: text("standby") === "" ? "primary" : "standby",
    systemIdentifier: control?.systemIdentifier ?? known?.systemIdentifier ?? null,
    serverVersion: answers?.serverVersion ?? known?.serverVersion ?? binaries,
    dataChecksums: control?.dataChecksums ?? known?.dataChecksums ?? null,
    locale: answers?.locale ?? known?.locale ?? null,
    encoding: answers?.encoding ?? known?.encoding ?? null,
    ...files,
    originals: JSON.parse(text("originals") || "{}"),
    pending: { ...pending, ...olderThanBinaries(answers, binaries) },
    unapplied: unapplied(text("unapplied"), postmaster),
    passwordVerifier: answers ? answers.passwordVerifier : (known?.passwordVerifier ?? null),
    restartTriggers: text("triggers") || null,
  };
  return { observed, marker, control, postmaster, postgresqlConf: bytes("conf"), autoConf: bytes("auto") };
}

const script = `${sectionFunction}
data=$1 own=$2 bin=$3
section directory
if [ -d "$data" ]; then [ -n "$(ls -A "$data" 2>&1)" ] && echo directory || echo empty
elif [ -e "$data" ] || [ -L "$data" ]; then echo other
else up=$(dirname "$data"); while [ ! -e "$up" ]; do up=$(dirname "$up"); done; [ -x "$up" ] && echo absent || echo "denied $up"; fi
section version; cat "$data/PG_VERSION"
section marker; cat "$own/marker.json"
section originals; cat "$own/originals.json"
section unapplied; cat "$own/unapplied"
section triggers; cat "$own/triggers"
section binaries; "$bin/postgres" --version
section standby; [ -e "$data/standby.signal" ] && echo standby
section conf; cat "$data/postgresql.conf"
section auto; cat "$data/postgresql.auto.conf"
section control; head -c 8192 "$data/global/pg_control"
section pid; cat "$data/postmaster.pid"
pid=$(head -n 1 "$data/postmaster.pid")
section resolved; cd -P "$data" && pwd -P; cd /
section process
case $pid in '' | *[!0-9]*) exit 0 ;; esac
if [ -d /proc/self ]; then
  read -r stat <"/proc/$pid/stat" && { stat=\${stat##*) }; echo "\${stat%% *}"; readlink "/proc/$pid/cwd"; }
else ps -o state= -p "$pid" | cut -c1; lsof -a -p "$pid" -d cwd -Fn | sed -n 's/^n//p'; fi
exit 0
`;

async function look(target: Target): Promise<ReadonlyMap<string, Buffer>> {
  const output = sections();
  const result = await target.host.run({
    name: "observe",
    script,
    args: [output.nonce, target.dataDirectory, stateDirectory(target), target.binDirectory],
    user: target.owner,
  });
  const parts = output.parse(result.stdout);
  if (!parts.has("process")) {
    throw new CommandError(`cannot look at ${describe(target)} as ${target.owner}: ${result.stderr.trim()}`, {
      command: "observe",
      exitCode: result.exitCode,
      stderr: result.stderr,
      hint: "The state is unchanged: not seeing an instance does not mean that it is gone.",
    });
  }
  return parts;
}

/** Unreadable is not absent, and somebody's files are not an instance of ours. */
function refuseStrange(target: Target, directory: string, version: string): void {
  const { dataDirectory, host } = target;
  if (directory.startsWith("denied ")) {
    throw new InstanceStateError(`${target.owner} may not look into ${directory.slice(7)} on ${host.name}`, {
      hint: `Let ${target.owner} pass (chmod o+x), or declare another dataDirectory.`,
    });
  }
  const strange =
    directory === "other"
      ? "is no directory"
      : directory === "directory" && version === ""
        ? "is not empty, and holds no PostgreSQL instance"
        : directory === "directory" && version !== target.version
          ? `holds an instance of PostgreSQL ${version}, not ${target.version}`
          : undefined;
  if (strange) {
    throw new InstanceExistsError(
      `dataDirectory: ${dataDirectory} on ${host.name} ${strange}. It was not touched.`,
      {
        hint: "Declare another dataDirectory, or move away what is there.",
      },
    );
  }
}

/** A pid proves nothing by itself: it may be a zombie, or another program's by now. */
function isAlive(pid: PostmasterPid, process: string, places: readonly string[]): boolean {
  const [state = "", cwd = ""] = process.split("\n");
  return pid.pid > 0 && state !== "" && !"ZX".includes(state) && places.includes(cwd);
}

function serverState(
  postmaster: PostmasterPid | undefined,
  control: ControlData | undefined,
  pidText: string,
): Observed["server"] {
  if (!postmaster) {
    const clean = control === undefined || control.state.startsWith("shut down");
    return clean && pidText.trim() === "" ? "stopped" : "crashed";
  }
  if (postmaster.status === "ready") return "running";
  if (postmaster.status === "stopping") return "stopping";
  return postmaster.status === "standby" || control?.state.endsWith("recovery") ? "recovering" : "starting";
}

export function addressOf(target: Target, postmaster: PostmasterPid): Address {
  const { host, owner, superuser } = target;
  return { host, owner, superuser, socketDirectory: postmaster.socketDirectory, port: postmaster.port };
}

/** The last line wins, and every line of postgresql.auto.conf comes after those of postgresql.conf. */
function readFiles(conf: string, auto: string): Pick<Observed, "settings" | "overrides"> {
  const entries = (text: string, file: string) =>
    Object.fromEntries(
      confEntries(parseConf(text)).map(({ name, value, line }) => [
        name,
        { value: bytesToText(value), place: `${file}:${line}` },
      ]),
    );
  const overrides = entries(auto, "postgresql.auto.conf");
  return { settings: { ...entries(conf, "postgresql.conf"), ...overrides }, overrides };
}

function pendingSettings(answers: Answers, settings: Observed["settings"]): Observed["pending"] {
  return Object.fromEntries(
    answers.pending.map(({ name, running, bootValue, shown }) => {
      const wanted = settings[name]?.value ?? bootValue;
      return [name, shown ? { running, wanted } : { running: "(not shown)", wanted: "(not shown)" }];
    }),
  );
}

/** Packages were updated under a running server: its next start is another minor version. */
function olderThanBinaries(answers: Answers | undefined, binaries: string | null): Observed["pending"] {
  if (!answers || binaries === null || answers.serverVersion === binaries) return {};
  return { server_version: { running: answers.serverVersion, wanted: binaries } };
}

/**
 * `reload`, `restart` or `pending`, then the postmaster that had not taken it: its pid and start. Another one has read
 * everything when it started, whoever started it.
 */
function unapplied(flag: string, postmaster: PostmasterPid | undefined): Observed["unapplied"] {
  const [what, pid, startTime] = flag.split(/\s+/);
  const same = postmaster && Number(pid) === postmaster.pid && Number(startTime) === postmaster.startTime;
  return same && (what === "reload" || what === "restart" || what === "pending") ? what : "none";
}
