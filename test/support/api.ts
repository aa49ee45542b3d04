/** The instances API as a script would use it: an instance of a folder of its own, here or on another host. */
import { basename, join } from "node:path";
import { LocalHost } from "../../provider/host/local";
import type { HostArgs, Manifest } from "../../provider/instances";
import type { Major } from "../../provider/postgresql/version";
import { handles, type Live, owner } from "./instances";
import { binDirectory, freePort, type OwnedDirectory, ownedDirectory } from "./servers";
import { openWay, type Way, type WayName } from "./way";

export interface Scripted extends Pick<Live, "sql" | "observe"> {
  readonly folder: OwnedDirectory;
  readonly way: Way;
  readonly host: HostArgs;
  /** What the manifest must say for the instance to be in the folder; `ref` enough. */
  readonly ref: Manifest;
  readonly data: string;
  manifest(settings?: Manifest["settings"], more?: Partial<Manifest>): Manifest;
  dispose(): Promise<void>;
}

/** Nothing is there yet. */
export async function scripted(name: WayName, major: Major, bin?: string): Promise<Scripted> {
  const [folder, port, programs, way] = await Promise.all([
    ownedDirectory(),
    freePort(),
    bin ?? binDirectory(major),
    openWay(name),
  ]);
  const data = join(folder.path, "instances", major, "main");
  const ref = {
    name: "main",
    version: major,
    dataDirectory: data,
    binDirectory: programs,
    owner,
    ...(way.args.become && { become: way.args.become }),
  } as Manifest;
  const target = {
    host: new LocalHost(),
    owner,
    dataDirectory: data,
    binDirectory: programs,
    version: major,
    name: basename(data),
    superuser: "postgres",
  };
  return {
    folder,
    way,
    host: (way.args.host ?? { local: {} }) as HostArgs,
    ref,
    data,
    ...handles(target),
    manifest: (settings = {}, more = {}) => ({
      ...ref,
      port,
      settings: { unix_socket_directories: folder.path, ...settings },
      ...more,
    }),
    async dispose() {
      await folder.dispose();
      await way.dispose();
    },
  };
}
