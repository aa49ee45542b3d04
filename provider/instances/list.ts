import { InvalidVersionError } from "../errors";
import { isMajor, type Major, majors } from "../postgresql/version";
import type { InstanceInputs } from "../schema/inputs";
import type { Observed } from "../schema/observed";
import { asOwner, findOwner } from "../server/facts";
import { listInstances } from "../server/listing";
import { checked, type HostArgs } from "./find";
import { openHost } from "./open";

/** What to list, and where to look. */
export interface ListOptions extends Partial<Pick<InstanceInputs, "owner" | "become">> {
  /** Of this major version alone. Default: all. */
  readonly version?: Major;
  /**
   * Folders to look below, five levels deep, for instances with a `dataDirectory` of their own. Default: none; the
   * owner's own place, `<home>/pginstance/<version>/<name>`, is always looked at, and so are those that a unit of this
   * provider starts, wherever they are.
   * @example ["/srv/postgresql"]
   */
  readonly under?: readonly string[];
  /**
   * Whether clusters of the owner that this provider did not make are listed, too: those that run, Debian's
   * (postgresql-common), those at the usual places of packages and of pglift, and those in the folders of `under`.
   * Default: false.
   */
  readonly others?: boolean;
}

/** An instance in a list. */
export interface InstanceListItem {
  /** Its name: as it was declared, or as Debian calls it, else that of its directory (of the one above `data`). */
  readonly name: string;
  /** Major version as its directory says. */
  readonly version: string;
  /**
   * What its files say, or for a cluster of another maker that runs, what it was started with; null where neither can
   * be read.
   */
  readonly port: number | null;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Where the programs were of which its server was started last; null: it never was. */
  readonly binDirectory: string | null;
  /** What its server does; `absent`: there is but a marker, `unknown`: there is something that is no instance. */
  readonly status: Observed["server"] | "absent" | "unknown";
  /** Whether it has a marker of this provider. */
  readonly managed: boolean;
  /** Why it is not as it should be; undefined when it is. */
  readonly problem?: string;
}

/**
 * The instances of one owner on a host, sorted by version and name. One that is broken is listed with its problem.
 *
 * @example for await (const { name, port } of list({ local: {} })) console.log(name, port);
 * @throws InvalidVersionError for a version that no release of PostgreSQL has, or this package does not know
 * @throws InstanceStateError when a folder of `under` cannot be read
 */
export async function* list(
  host: HostArgs,
  options: ListOptions = {},
): AsyncGenerator<InstanceListItem, void> {
  const { version, under = [], others = false, owner, become } = options;
  if (version !== undefined && !isMajor(version)) {
    throw new InvalidVersionError(`list: ${JSON.stringify(version)} is none of ${majors.join(", ")}`);
  }
  const { inputs } = checked(host, { name: "any", version: version ?? "18", owner, become });
  const opened = openHost(inputs);
  const versions = version === undefined ? majors : [version];
  const user = await findOwner(opened, owner);
  const look = () => listInstances(opened, { owner: user, versions, under, others });
  const found = await asOwner(opened, user, look);
  const items = found.map(({ dataDirectory, marker, server, problem, ...rest }): InstanceListItem => {
    const [folder = "", last = ""] = dataDirectory.split("/").slice(-2);
    const known = rest.version || (isMajor(folder) ? folder : "");
    const isOurs = marker !== undefined || !others;
    const strange = isOurs && isMajor(folder) && rest.version !== "" && rest.version !== folder;
    const words = strange ? `holds an instance of PostgreSQL ${rest.version}, not ${folder}` : problem;
    return {
      name: marker?.name ?? (rest.name || (last === "data" && !marker ? folder : last)),
      version: known,
      port: rest.port,
      dataDirectory,
      binDirectory: rest.binDirectory,
      status: server,
      managed: marker !== undefined,
      ...(words && { problem: `${dataDirectory} ${words}` }),
    };
  });
  const key = (item: InstanceListItem) => `${item.version.padStart(3)} ${item.name} ${item.dataDirectory}`;
  yield* items
    .filter((item) => version === undefined || item.version === version || item.problem !== undefined)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
