/** An instance as it was at one moment, to begin from there again and again. */
import { pgCtl } from "../../provider/server/service";
import { handles, type Place } from "./instances";
import { end, processesIn, processesWith, until } from "./processes";
import { editAsOwner, type OwnedDirectory, ownedDirectory } from "./servers";

const timeout = 60;

export class Snapshot {
  private constructor(
    private readonly at: Place,
    private readonly copy: OwnedDirectory,
  ) {}

  /** Stops the server for it, which runs again afterwards. */
  static async take(at: Place): Promise<Snapshot> {
    const snapshot = new Snapshot(at, await ownedDirectory());
    await handles(at.target).locked((session) => pgCtl(at.target).stop(session, "fast", timeout));
    await editAsOwner('cp -a "$1/." "$2"', at.folder.path, snapshot.copy.path);
    await snapshot.#start();
    return snapshot;
  }

  /** @param before what must be so when the server starts */
  async restore(before: () => Promise<unknown> = async () => undefined): Promise<void> {
    const { path } = this.at.folder;
    // An immediate shutdown, which leaves no shared memory.
    for (const { pid } of processesWith(path)) end(pid, "SIGQUIT");
    await until("the end of every process", () => processesIn(path).length === 0);
    await editAsOwner('find "$1" -mindepth 1 -delete; cp -a "$2/." "$1"', path, this.copy.path);
    await before();
    await this.#start();
  }

  dispose(): Promise<void> {
    return this.copy.dispose();
  }

  async #start(): Promise<void> {
    await handles(this.at.target).locked((session) => pgCtl(this.at.target).start(session, timeout));
  }
}
