/** An instance as it was at one moment, to begin from there again and again. */
import { pgCtl } from "../../provider/server/service";
import { handles, type Place } from "./instances";
import { end, processesIn, processesWith, until } from "./processes";
import { editAsOwner } from "./servers";

const timeout = 60;

export class Snapshot {
  private constructor(private readonly at: Place) {}

  /** Stops the server for it, which runs again afterwards. */
  static async take(at: Place): Promise<Snapshot> {
    const snapshot = new Snapshot(at);
    await handles(at.target).locked((session) => pgCtl(at.target).stop(session, "fast", timeout));
    await editAsOwner('rm -rf "$1.kept" && cp -a "$1" "$1.kept"', at.target.dataDirectory);
    await editAsOwner('cp -a "$1.pginstance" "$1.kept.pginstance"', at.target.dataDirectory);
    await snapshot.#start();
    return snapshot;
  }

  /** @param before what must be so when the server starts */
  async restore(before: () => Promise<unknown> = async () => undefined): Promise<void> {
    const { folder, target } = this.at;
    for (const { pid } of [...processesWith(folder.path), ...processesIn(folder.path)]) end(pid);
    await until("the end of every process", () => processesIn(folder.path).length === 0);
    await editAsOwner(
      `rm -f "$2"/.s.PGSQL.*
       find "$(dirname "$1")" -mindepth 1 -maxdepth 1 ! -name '*.kept*' -exec rm -rf {} +
       cp -a "$1.kept" "$1" && cp -a "$1.kept.pginstance" "$1.pginstance"`,
      target.dataDirectory,
      folder.path,
    );
    await before();
    await this.#start();
  }

  async #start(): Promise<void> {
    await handles(this.at.target).locked((session) => pgCtl(this.at.target).start(session, timeout));
  }
}
