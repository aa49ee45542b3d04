import {
  get,
  type InstanceListItem,
  InstanceNotFoundError,
  InstanceStateError,
  type InstanceStatus,
  mayBeSecret,
  type Replication,
} from "../../provider/instances";
import { type Arguments, UsageError } from "./arguments";
import { everyInstance, isCalled, refOf } from "./instances";
import { printJson, printTable } from "./table";

/** All there is to know of one instance of ours. */
export async function run(given: Arguments, print: (text: string) => void) {
  const { host, json } = given;
  const found = await get(host, refOf(given, await locate(given)));
  const settings = Object.fromEntries(
    Object.entries(found.settings).map(([setting, value]) => [setting, mayBeSecret(setting) ? null : value]),
  );
  print(json ? printJson({ ...found, settings }) : printStatus(found, settings));
  return 0;
}

/** As somebody calls it; a data directory is found wherever it is. */
async function locate({ host, where, look, subject }: Arguments): Promise<InstanceListItem> {
  const up = /^(\/.*)\/[^/]+\/*$/.exec(subject)?.[1] ?? "/";
  const under = [...(look.under ?? []), ...(subject.startsWith("/") ? [up] : [])];
  const items = await everyInstance({ host, look: { ...look, under } });
  const named = items.filter((item) => isCalled(item, subject));
  // Of several of one name those of ours are meant.
  const ours = named.filter(({ managed }) => managed);
  const [found, another] = ours.length > 0 ? ours : named;
  if (found === undefined) {
    const all = items.map((item) => `${item.version}/${item.name}`).join(", ");
    throw new InstanceNotFoundError(`there is no instance ${subject} on ${where}`, {
      hint: all ? `There is ${all}.` : "There is none at all; --under DIR looks in more places.",
    });
  }
  if (another !== undefined) {
    const all = named.map((item) => `${item.version} at ${item.dataDirectory}`).join(", ");
    throw new UsageError(
      `${subject} is the name of several: ${all}. Name the data directory, or the --version`,
    );
  }
  if (found.managed) return found;
  const which = `${found.version}/${found.name} on ${where}`;
  throw new InstanceStateError(`${which} at ${found.dataDirectory} is not managed by this provider`, {
    hint: "Adopt or import it to have it managed.",
  });
}

function printStatus(found: InstanceStatus, settings: Readonly<Record<string, string | null>>): string {
  const { replication, pendingRestartReasons, belowPrimary } = found;
  const text = (value: unknown) => (value === null ? "(not known)" : String(value));
  const waiting = Object.entries(pendingRestartReasons).map(
    ([setting, { running, wanted }]) => `${setting} ${running} -> ${wanted}`,
  );
  const rows = [
    ...plain.map((property) => [property, text(found[property])]),
    ...(waiting.length === 0 ? [["pendingRestart", "no"]] : waiting.map((line) => ["pendingRestart", line])),
    ...belowPrimary.map(({ name, running, least }) => [
      "belowPrimary",
      `${name} is ${running}, and ${least} there: it replays nothing until it is restarted with that`,
    ]),
    ["replication", replication ? printReceiver(replication) : "(its server takes no sessions)"],
  ];
  const tables: readonly (readonly [head: readonly string[], rows: readonly string[][]])[] = [
    [["PROPERTY", "VALUE"], rows],
    [["SETTING", "VALUE"], Object.entries(settings).map(([name, value]) => [name, value ?? "(not shown)"])],
    [["RECEIVER", "ADDRESS", "STATE", "SLOT", "BEHIND"], (replication?.senders ?? []).map(senderRow)],
    [["SLOT", "ACTIVE", "WAL", "KEPT"], (replication?.slots ?? []).map(slotRow)],
  ];
  return tables
    .filter(([, lines]) => lines.length > 0)
    .map((table) => printTable(...table))
    .join("\n\n");
}

const plain = [
  ...(["name", "version", "port", "state", "role", "serverVersion", "superuser", "owner"] as const),
  ...(["dataDirectory", "binDirectory", "logFile", "systemIdentifier"] as const),
  ...(["locale", "encoding", "dataChecksums"] as const),
];

function printReceiver({ receiver }: Replication): string {
  if (receiver === null) return "a primary";
  const { state, slot, lagBytes, lagSeconds, paused } = receiver;
  const parts = [
    state ?? "not connected",
    slot === null ? "" : `slot ${slot}`,
    behind(lagBytes, lagSeconds),
    paused ? "replay is paused" : "",
  ];
  return parts.filter(Boolean).join(", ");
}

function behind(bytes: number | null, seconds: number | null): string {
  if (bytes === null) return "";
  return `${bytes} bytes${seconds ? ` (${seconds} s)` : ""} behind`;
}

function senderRow({ name, address, state, slot, lagBytes, lagSeconds }: Replication["senders"][number]) {
  return [name, address ?? "(local)", state, slot ?? "-", behind(lagBytes, lagSeconds) || "-"];
}

function slotRow({ name, active, walStatus, keptBytes }: Replication["slots"][number]) {
  return [name, active ? "yes" : "no", walStatus ?? "-", keptBytes === null ? "-" : `${keptBytes} bytes`];
}
