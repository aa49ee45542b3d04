import { isMajor } from "../postgresql/version";
import { lookAtEquipment } from "../server/equipment";
import { asOwner, findOwner } from "../server/facts";
import { findPortHolder } from "../server/port";
import { checked, type HostArgs, type Ref } from "./find";
import {
  type Finding,
  findingOf,
  judgeEquipment,
  judgeInstance,
  judgeListed,
  judgePort,
  judgePulumi,
} from "./findings";
import { get } from "./get";
import { type InstanceListItem, type ListOptions, list } from "./list";
import { openHost } from "./open";

export type { Finding } from "./findings";

/** What to examine, and where to look. */
export interface ExamineOptions
  extends Omit<ListOptions, "others">,
    Partial<Pick<Ref, "binDirectory" | "superuser">> {}

/**
 * Looks for what would stop a deployment, on this machine and on a host, and for what is wrong with the instances there.
 * Each finding comes when it is known; what is wrong is one, and no error. Nothing is changed.
 *
 * @example for await (const { level, text } of examine({ local: {} })) console.log(level, text);
 * @throws InvalidInputsError
 */
export async function* examine(host: HostArgs, options: ExamineOptions = {}): AsyncGenerator<Finding, void> {
  const { version, binDirectory, owner, become } = options;
  const { inputs } = checked(host, { name: "any", version: version ?? "18", owner, become, binDirectory });
  yield { level: "ok", text: `Node ${process.versions.node} on this machine`, remedy: null };
  yield judgePulumi(await pulumiVersion());
  const opened = openHost(inputs);
  try {
    const { stdout } = await opened.run({ name: "examine", script: "id -un" });
    const login = stdout.toString("utf8").trim();
    yield { level: "ok", text: `reached ${opened.name} as ${login}`, remedy: null };
    const user = await findOwner(opened, owner);
    const look = () => lookAtEquipment(opened, user, { version, binDirectory });
    const equipment = await asOwner(opened, user, look);
    yield { level: "ok", text: `may run as ${user}`, remedy: null };
    yield* judgeEquipment(equipment, user, version);
    yield judgePort(defaultPort, await findPortHolder(opened, defaultPort, user));
    for await (const item of list(host, { ...options, others: true })) {
      yield* item.managed || item.problem !== undefined ? await examineInstance(host, options, item) : [];
    }
  } catch (error) {
    yield findingOf(error);
  }
}

const defaultPort = 5432;

/** Of whoever calls, whose PATH it is; empty: there is none. */
async function pulumiVersion(): Promise<string> {
  const { PATH = "", HOME = "/" } = process.env;
  const { stdout } = await openHost({ host: { local: {} } }).run({
    name: "pulumi version",
    script: `export PATH="$1" HOME="$2" PULUMI_SKIP_UPDATE_CHECK=true
command -v pulumi >/dev/null 2>&1 && pulumi version`,
    args: [PATH, HOME],
  });
  return stdout.toString("utf8").trim();
}

async function examineInstance(
  host: HostArgs,
  { owner, become, superuser, ...given }: ExamineOptions,
  item: InstanceListItem,
): Promise<Finding[]> {
  const { name, version, dataDirectory } = item;
  const broken = judgeListed(item);
  if (broken || !isMajor(version)) return broken ? [broken] : [];
  try {
    // Programs of one major tell nothing of another; else those of its last start are meant.
    const named = given.version === version ? given.binDirectory : undefined;
    const binDirectory = named ?? item.binDirectory ?? undefined;
    const ref = { name, version, dataDirectory, binDirectory, owner, become, superuser };
    return judgeInstance(item, await get(host, ref));
  } catch (error) {
    return [findingOf(error, "warning")];
  }
}
