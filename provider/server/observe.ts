import { InstanceExistsError, InstanceStateError, QueryError } from "../errors";
import { noRelay } from "../host/relay";
import { accessEntries } from "../postgresql/access";
import { bytesToText } from "../postgresql/conf";
import { noFiles, type PlacedEntry, readConfTree } from "../postgresql/conf-tree";
import { type ControlData, leastOfStandby, parseControlFile } from "../postgresql/controldata";
import { passfileDigest } from "../postgresql/passfile";
import { type PostmasterPid, parsePostmasterPid } from "../postgresql/pidfile";
import { notShown } from "../postgresql/secretive";
import { findSetting } from "../postgresql/settings";
import { anyPlace, isOurUnit, movedUnit, unitsIn } from "../postgresql/unit";
import { equalValues, printValue } from "../postgresql/values";
import { isMajor, type Major, parseServerVersion } from "../postgresql/version";
import type { Observed } from "../schema/observed";
import { type Address, answerOf, query, queryError } from "./connect";
import { readIncluded } from "./included";
import { type Look, look } from "./look";
import { type Marker, parseMarker } from "./marker";
import { type Answers, questions, readAnswers } from "./questions";
import { refuseUnreadable } from "./readable";
import type { Target } from "./target";
import { type Journaled, parseJournal, upgradeOf } from "./upgrade/journal";

/** All that one look at an instance tells: what the state remembers of it, and what only the moment knows. */
export interface Observation {
  readonly observed: Observed;
  readonly marker: Marker | undefined;
  /** The files' bytes, one a character; what an edit starts from. */
  readonly postgresqlConf: string;
  readonly autoConf: string;
  readonly hba: string;
  readonly ident: string;
  /** The settings of postgresql.conf and of all that it includes, in order. */
  readonly entries: readonly PlacedEntry[];
  /** Where the first three of these are. */
  readonly files: ConfigurationFiles;
  /** Which machine it is on: a name that stays. */
  readonly machine: string;
  /** The postmaster, when one lives. */
  readonly postmaster: PostmasterPid | undefined;
  readonly control: ControlData | undefined;
  /** Our note that the server logs less than it should, and what it logged before; empty: it does not. */
  readonly hushed: string;
  /** When the server last read its files, in its own words; undefined when it does not answer. */
  readonly loadedAt: string | undefined;
  /** Of the last upgrade, done or not. */
  readonly journal: Journaled | undefined;
  /** Lines that a running server does not take, with its reason. */
  readonly refusedLines: readonly string[];
  /** Of pg_hba.conf those with which it would not start. */
  readonly refusedRecords: readonly string[];
  /** The control groups of the postmaster. */
  readonly cgroups: string;
  /** Why a server that runs takes no session of ours; what only it knows is then as remembered. */
  readonly refusal: string | undefined;
}

/** In the data directory, or elsewhere. */
export interface ConfigurationFiles {
  readonly conf: string;
  readonly hba: string;
  readonly ident: string;
}

/** Everything in one script and one round trip, the server's own answers too when it takes sessions. */
export async function observe(
  target: Target,
  remembered?: Observed,
  by: (target: Target) => Promise<Look> = look,
): Promise<Observation> {
  const parts = await by(target);
  const bytes = (name: string) => parts.get(name)?.toString("latin1") ?? "";
  const text = (name: string) => bytesToText(bytes(name)).trim();
  const marker = parseMarker(text("marker"));
  refuseStrange(target, text("directory"), text("version"), marker !== undefined);
  const found = text("version");
  const version = isMajor(found) ? found : target.version;
  const journal = parseJournal(text("journal"), text("stage"));
  const control = parseControlFile(parts.get("control") ?? Buffer.alloc(0));
  const pid = parsePostmasterPid(bytes("pid"));
  const postmaster =
    pid && isAlive(pid, text("process"), [target.dataDirectory, text("resolved")]) ? pid : undefined;
  const existence = text("directory") === "directory" ? "present" : "absent";
  const files = filesOf(text("files"));
  if (existence === "present") {
    const auto = `${target.dataDirectory}/postgresql.auto.conf`;
    const paths = { conf: files.conf, auto, hba: files.hba, ident: files.ident };
    const read = Object.entries(paths).map(([name, path]) => [path, bytes(name)] as const);
    refuseUnreadable(target, text("troubles"), new Map(read));
  }
  const server = serverState(postmaster, control, bytes("pid"));
  const asked =
    postmaster && server === "running"
      ? await answersOf(target, postmaster, parts).catch(asAnswer)
      : undefined;
  const refusal = asked instanceof QueryError ? asked.message : undefined;
  const answers = asked instanceof QueryError ? undefined : asked;
  const known = existence === "present" ? remembered : undefined;
  const { entries } = await readIncluded(target, files.conf, bytes("conf"));
  const lines = readFiles(target.dataDirectory, entries, bytes("auto"), files.conf);
  // What is stopped takes everything when it starts.
  const pending = answers
    ? pendingSettings(answers, lines.settings, version)
    : postmaster
      ? (known?.pending ?? {})
      : {};
  const binaries = parseServerVersion(text("binaries"))?.version ?? null;
  const role = text("standby") === "" ? "primary" : "standby";
  const passfile = parts.get("passfile")?.toString("utf8") ?? "";
  const observed: Observed = {
    existence,
    version: existence === "present" ? version : null,
    server: existence === "present" ? server : "stopped",
    role,
    systemIdentifier: control?.systemIdentifier ?? known?.systemIdentifier ?? null,
    serverVersion: answers?.serverVersion ?? known?.serverVersion ?? binaries,
    dataChecksums: control?.dataChecksums ?? known?.dataChecksums ?? null,
    locale: answers?.locale ?? known?.locale ?? null,
    encoding: answers?.encoding ?? known?.encoding ?? null,
    ...lines,
    adopted: existence === "present" && (marker === undefined || marker.adopted === true),
    elsewhere: Object.values(files).filter((file) => !file.startsWith(`${target.dataDirectory}/`)),
    originals: parseOriginals(text("originals")),
    pending: { ...pending, ...olderThanBinaries(answers, binaries) },
    commandLine: answers
      ? answers.commandLine.map(({ name }) => name)
      : postmaster
        ? (known?.commandLine ?? [])
        : [],
    unapplied: unapplied(text("unapplied"), postmaster),
    access: existence === "present" ? readAccess(bytes("hba"), bytes("ident")) : null,
    replicationRole: answers ? answers.replicationRole : (known?.replicationRole ?? null),
    replicationSlots: [...(answers?.replicationSlots ?? known?.replicationSlots ?? [])],
    passwordVerifier: answers ? answers.passwordVerifier : (known?.passwordVerifier ?? null),
    restartTriggers: text("triggers") || null,
    walDirectory: text("wal") || null,
    tablespaces: tablespacesOf(
      text("tablespaces"),
      answers?.tablespaces ?? namesOf(known?.tablespaces ?? {}),
    ),
    leftovers: leftoversOf(text("outside")),
    standbys: [...(answers ? answers.standbys : (known?.standbys ?? []))],
    passfile: passfile === "" ? null : passfileDigest(passfile),
    least: role === "standby" && control ? leastOfStandby(control) : {},
    rejoining: text("rejoining") !== "",
    slots: answers?.slots ?? known?.slots ?? {},
    upgrade: upgradeOf(journal),
    service: serviceOf(text("unit"), bytes("unitfile"), text("unitstate"), postmaster ? text("cgroup") : ""),
  };
  const conf = {
    postgresqlConf: bytes("conf"),
    autoConf: bytes("auto"),
    hba: bytes("hba"),
    ident: bytes("ident"),
  };
  const loadedAt = answers?.loadedAt;
  return {
    observed,
    marker,
    entries,
    files,
    machine: text("machine"),
    journal,
    control,
    postmaster,
    refusal,
    loadedAt,
    hushed: text("hushed"),
    refusedLines: answers?.refusedLines ?? [],
    refusedRecords: answers?.refusedRecords ?? [],
    cgroups: text("cgroup"),
    ...conf,
  };
}

/** The script has asked already; where it could not, or there is no database postgres, it is asked once more. */
async function answersOf(
  target: Target,
  postmaster: PostmasterPid,
  parts: ReadonlyMap<string, Buffer>,
): Promise<Answers> {
  const address = addressOf(target, postmaster);
  const asked = questions(target);
  const exitCode = Number(parts.get("relayed")?.toString("latin1"));
  const stdout = parts.get("sql") ?? Buffer.alloc(0);
  try {
    const stderr = parts.get("relay")?.toString("utf8") ?? "";
    return readAnswers(await answerOf({ exitCode, stdout, stderr }, asked.length));
  } catch (cause) {
    const again = exitCode === noRelay || (cause instanceof QueryError && cause.sqlstate === "3D000");
    if (again) return readAnswers(await query(address, asked));
    throw queryError(cause, address);
  }
}

/** What the server says is an answer; that the host is out of reach is none. */
function asAnswer(error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  throw error;
}

/** Notes of ours that were damaged tell nothing; what they told goes back to the compiled default. */
function parseOriginals(text: string): Observed["originals"] {
  try {
    const notes: unknown = JSON.parse(text || "{}");
    return typeof notes === "object" && notes !== null ? (notes as Observed["originals"]) : {};
  } catch {
    return {};
  }
}

/** Of somebody else's unit only the name is ours to know. */
function serviceOf(note: string, file: string, found: string, cgroups: string): Observed["service"] {
  const [unit = "", stateDirectory = "", third] = note.split("\n");
  if (unit === "") return null;
  const runsOutside = cgroups !== "" && !unitsIn(cgroups).includes(unit);
  const lines = found.split("\n");
  const where = {
    scope: third === "user" ? third : "system",
    lingers: !lines.includes("unlingering"),
  } as const;
  const nothing = { unit, ...where, text: null, enabled: false, masked: false, dropIns: [], runsOutside };
  if (!isOurUnit(unit)) return nothing;
  const text = bytesToText(file).trim();
  return {
    ...nothing,
    text: text === "" ? null : movedUnit(text, stateDirectory, anyPlace),
    enabled: lines.includes("enabled"),
    masked: lines.includes("masked"),
    dropIns: lines.filter((line) => line.startsWith("/")),
  };
}

/** Unreadable is not absent, and somebody's files are not an instance of ours. */
function refuseStrange(target: Target, directory: string, version: string, isOurs: boolean): void {
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
        : directory === "directory" && version !== target.version && !(isOurs && isMajor(version))
          ? `holds an instance of PostgreSQL ${version}, not ${target.version}`
          : undefined;
  if (strange) {
    throw new InstanceExistsError(
      `dataDirectory: ${dataDirectory} on ${host.name} ${strange}. It was not touched.`,
      {
        hint: isOurs
          ? "An instance of ours was there: if its disk is only not mounted, mount it; else put back what was there."
          : "Declare another dataDirectory, or move away what is there.",
      },
    );
  }
}

/** A pid proves nothing by itself: it may be a zombie, or another program's by now. */
export function isAlive(pid: PostmasterPid, process: string, places: readonly string[]): boolean {
  const [state = "", cwd = ""] = process.split("\n");
  return pid.pid > 0 && state !== "" && !"ZX".includes(state) && places.includes(cwd);
}

export function serverState(
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
  const { host, owner, superuser, binDirectory } = target;
  return {
    host,
    owner,
    superuser,
    binDirectory,
    socketDirectory: postmaster.socketDirectory,
    port: postmaster.port,
  };
}

function filesOf(text: string): ConfigurationFiles {
  const [conf = "", hba = "", ident = ""] = text.split("\n");
  return { conf, hba, ident };
}

/** The last line wins, and every line of postgresql.auto.conf comes after those of postgresql.conf. */
export function readFiles(
  dataDirectory: string,
  entries: readonly PlacedEntry[],
  auto: string,
  conf = `${dataDirectory}/postgresql.conf`,
): Pick<Observed, "settings" | "overrides" | "beneath"> {
  const inside = (path: string) => {
    const file = withoutDetours(path);
    return file.startsWith(`${dataDirectory}/`) ? file.slice(dataDirectory.length + 1) : file;
  };
  const placed = (all: readonly PlacedEntry[]) =>
    Object.fromEntries(
      all.map(({ name, value, file, line }) => [
        name,
        { value: bytesToText(value), place: `${inside(file)}:${line}` },
      ]),
    );
  const autoFile = `${dataDirectory}/postgresql.auto.conf`;
  const overrides = placed(readConfTree(autoFile, auto, noFiles).entries);
  const settings = { ...placed(entries), ...overrides };
  const included = Object.entries(placed(entries.filter(({ file }) => file !== conf)));
  const beneath = included.flatMap(([name, { value, place }]) =>
    settings[name]?.place === place ? [] : [[name, value]],
  );
  return { settings, overrides, beneath: Object.fromEntries(beneath) };
}

/** As a reader would say it; it is opened as it was written, for a link may be among the folders. */
function withoutDetours(path: string): string {
  const shorter = path.replace(/\/(?!\.\.\/)[^/]+\/\.\.\//, "/");
  return shorter === path ? path : withoutDetours(shorter);
}

const readAccess = (hba: string, ident: string): Observed["access"] => ({
  hba: accessEntries(hba),
  ident: accessEntries(ident),
});

/** Links tell where, in the midst of a switch as well; only the server tells their names. */
function tablespacesOf(links: string, names: ReadonlyMap<string, string>): Observed["tablespaces"] {
  const found = links.split("\n").flatMap((line) => {
    const [, oid, location] = /^(\d+)(?:\.old)? (.+)$/.exec(line) ?? [];
    return oid && location ? [[names.get(oid) ?? oid, { oid, location }] as const] : [];
  });
  return Object.fromEntries(found.reverse());
}

const namesOf = (known: Observed["tablespaces"]): ReadonlyMap<string, string> =>
  new Map(Object.entries(known).map(([name, { oid }]) => [oid, name]));

/** Of the notes of server/outside.ts those of copies. */
function leftoversOf(notes: string): string[] {
  return notes.split("\n").flatMap((line) => /^copy \w+ (.+)$/.exec(line)?.[1] ?? []);
}

/** What the next start will change: what the server says, and lines of the files that it has not read yet. */
function pendingSettings(
  { startSettings, commandLine }: Answers,
  settings: Observed["settings"],
  version: Major,
): Observed["pending"] {
  const unread = startSettings.filter(
    ({ name, setting, isPending }) => isPending || isUnread(version, name, settings[name]?.value, setting),
  );
  // The next start has no such command line.
  const waiting = [...unread, ...commandLine].map(({ name, running, bootValue, shown }) => {
    const setting = findSetting(version, name);
    const wanted = settings[name]?.value ?? (setting ? printValue(setting, bootValue) : bootValue);
    return { name, running, wanted, shown, isSame: equalValues(setting, wanted, running) };
  });
  // A server says that a line waits which was taken out, whatever it said.
  return Object.fromEntries(
    waiting
      .filter(({ isSame }) => !isSame)
      .map(({ name, running, wanted, shown }) => [
        name,
        shown ? { running, wanted } : { running: notShown, wanted: notShown },
      ]),
  );
}

/** Strings the server may spell anew, and -1 or 0 may mean a value that it works out at its start: these tell nothing. */
function isUnread(version: Major, name: string, line: string | undefined, running: string): boolean {
  const setting = findSetting(version, name);
  if (line === undefined || setting === undefined || setting.vartype === "string") return false;
  return !["-1", "0"].includes(line) && !equalValues(setting, line, running);
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
