import { ProviderError } from "../errors";
import { requiredPrograms } from "../postgresql/programs";
import { tooLowWords } from "../postgresql/replay";
import { isMajor, type Major, majors } from "../postgresql/version";
import { type Equipment, type Programs, uses } from "../server/equipment";
import type { InstanceStatus } from "./get";
import type { InstanceListItem } from "./list";

/** What `examine` has found out. */
export interface Finding {
  /** `failed` stops a deployment, `warning` wants to be looked at, `notice` is good to know. */
  readonly level: "ok" | "notice" | "warning" | "failed";
  /** What is so. */
  readonly text: string;
  /** What to do about it; null: nothing. */
  readonly remedy: string | null;
}

const found =
  (level: Finding["level"]) =>
  (text: string, remedy: string | null = null): Finding => ({ level, text, remedy });
const ok = found("ok");
const notice = found("notice");
const warning = found("warning");
const failed = found("failed");

/** An error says itself what to do. */
export function findingOf(error: unknown, level: "warning" | "failed" = "failed"): Finding {
  if (!(error instanceof ProviderError)) throw error;
  const { message, hint = null } = error;
  return found(level)(hint === null ? message : message.slice(0, -hint.length - 1), hint);
}

/** Of the Pulumi CLI; `refresh` shows no drift by property before. */
const oldestPulumi = [3, 216] as const;

/** @param version what `pulumi version` prints; empty: there is no pulumi */
export function judgePulumi(version: string): Finding {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const install = "Install it: https://www.pulumi.com/docs/install/.";
  if (major === undefined) return failed(`there is no pulumi on the PATH of this machine`, install);
  const isOld =
    Number(major) < oldestPulumi[0] || (Number(major) === oldestPulumi[0] && Number(minor) < oldestPulumi[1]);
  const text = `Pulumi ${version.replace(/^v/, "")} on this machine`;
  if (!isOld) return ok(text);
  return warning(
    `${text}: \`pulumi refresh\` shows no drift by property before ${oldestPulumi.join(".")}`,
    install,
  );
}

/** What a host has for the instances of an owner. */
export function judgeEquipment(seen: Equipment, owner: string, version?: Major): Finding[] {
  return [
    ...judgePrograms(seen, owner, version),
    judgeLock(seen),
    judgeRelay(seen),
    ...judgeHome(seen, owner),
  ];
}

function judgePrograms({ programs, looked }: Equipment, owner: string, version?: Major): Finding[] {
  const wanted = version === undefined ? majors : [version];
  const findings = wanted.flatMap((major) => {
    const of = programs.filter((one) => one.version?.major === major);
    const [first] = [...of].sort((a, b) => lackOf(a).length - lackOf(b).length);
    return first ? [judgeMajor(first, major)] : [];
  });
  if (findings.some(({ level }) => level !== "warning")) return findings;
  const others = programs.filter((one) => !wanted.some((major) => major === one.version?.major));
  const seen = others.map((one) => `${one.directory} (${one.version?.version ?? "no PostgreSQL"})`);
  const which = version ?? `${majors[0]} to ${majors.at(-1)}`;
  return [
    ...findings,
    failed(
      `no PostgreSQL ${which} that ${owner} can run. Looked at ${[...seen, ...looked].join(", ")}`,
      `Install it (Debian: apt-get install postgresql-${version ?? majors.at(-1)}), or declare binDirectory.`,
    ),
  ];
}

/** What is required and not there. */
const lackOf = ({ missing }: Programs): readonly string[] =>
  requiredPrograms.filter((name) => missing.includes(name));

function judgeMajor(programs: Programs, major: Major): Finding {
  const { directory, missing, version } = programs;
  const what = `PostgreSQL ${version?.version} in ${directory}`;
  const install = `Install the whole of it (Debian: apt-get install postgresql-${major} postgresql-client-${major}).`;
  const lack = lackOf(programs);
  if (lack.length > 0) return warning(`${what} cannot be used without ${lack.join(", ")}`, install);
  if (missing.length === 0) return ok(what);
  const refused = Object.entries(uses).filter(([, needed]) => needed.some((name) => missing.includes(name)));
  const properties = refused.map(([property]) => property).join(", ");
  return notice(`${what} has no ${missing.join(", ")}, needed for ${properties}`, install);
}

function judgeLock({ lock }: Equipment): Finding {
  if (lock) return ok(`locks by ${lock}`);
  return failed("neither flock nor perl, so nothing can be locked", "Install one of them.");
}

function judgeRelay({ relay, programs }: Equipment): Finding {
  const install = "Install perl, python3, socat or nc (one with -U).";
  if (relay) return ok(`SQL by ${relay}`);
  return programs.some(({ missing }) => !missing.includes("psql"))
    ? notice("SQL by psql, which is slower than what else could do", install)
    : failed("nothing that could send SQL to a server's socket", install);
}

const megabyte = 1024 * 1024;
/** A new cluster with its first WAL; and with as much WAL as it keeps by default. */
const leastRoom = 128 * megabyte;
const enoughRoom = 1536 * megabyte;

function judgeHome({ home, isHomeWritable, room }: Equipment, owner: string): Finding[] {
  const declare = `Make it writable for ${owner}, or declare dataDirectory for each instance.`;
  if (!home) return [warning(`${owner} has no home, where instances are by default`, declare)];
  if (!isHomeWritable) return [warning(`${owner} cannot write to its home ${home}`, declare)];
  if (room === null) return [];
  const text = `${Math.floor(room / megabyte)} MB free in ${home}, the home of ${owner}`;
  const make = "Make room, or declare dataDirectory on another file system.";
  if (room < leastRoom) return [failed(`${text}: too little for an instance`, make)];
  return [room < enoughRoom ? warning(`${text}: an instance soon has more WAL than that`, make) : ok(text)];
}

/** The default one; that it is taken matters to whoever declares no other. */
export function judgePort(port: number, holder: string | undefined): Finding {
  if (holder === undefined) return ok(`port ${port} is free`);
  return notice(`port ${port} is in use by ${holder}`, "A new instance needs another port.");
}

/** One that cannot be asked. undefined: it can. */
export function judgeListed(item: InstanceListItem): Finding | undefined {
  const { name, version, managed, problem } = item;
  if (problem !== undefined) return found(managed ? "warning" : "notice")(`${version}/${name}: ${problem}`);
  return isMajor(version) ? undefined : notice(`${version}/${name} is of no version that can be managed`);
}

const restart =
  "Restart it when its clients can bear that: by restartOnChanges: true, other restartTriggers, or by hand.";

const restartWithAsMuch =
  "Restart it with at least that: `pulumi refresh`, then `pulumi up` with restartOnChanges: true.";

/** An instance of ours. */
export function judgeInstance(
  { status }: InstanceListItem,
  { name, version, port, role, pendingRestartReasons, belowPrimary }: InstanceStatus,
): Finding[] {
  const which = `${version}/${name}`;
  const stuck =
    belowPrimary.length > 0
      ? [warning(`${which} replays nothing since ${tooLowWords(belowPrimary)}`, restartWithAsMuch)]
      : [];
  const waiting = Object.entries(pendingRestartReasons).map(([setting, { running, wanted }]) =>
    setting === "server_version"
      ? warning(`${which}: its server is ${running}, its programs are ${wanted} already`, restart)
      : warning(`${which}: ${setting} ${running} -> ${wanted} waits for a restart`, restart),
  );
  if (status === "crashed") {
    return [
      warning(`${which}: its server has crashed`, "Start it: it recovers by itself. Its log says why."),
    ];
  }
  const wrong = [...stuck, ...waiting];
  return wrong.length > 0 ? wrong : [ok(`${which}, a ${role} at port ${port}, is ${status}`)];
}
