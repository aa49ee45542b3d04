/** The initdb of an instance that is being made, stopped at a moment of it for as long as a test wants. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stateDirectory } from "../../provider/server/target";
import type { Place } from "./instances";
import { end, processesIn, processesWith, until } from "./processes";

export interface HeldInitdb {
  /** False where it was through before it could be stopped. */
  readonly isAtWork: boolean;
  goOn(): void;
  /** As when the host loses its power. */
  die(): Promise<void>;
}

/** @param moment a file or folder, seen from the instance's own folder, that is there from that moment on */
export async function heldInitdb(at: Place, moment: string): Promise<HeldInitdb> {
  const own = stateDirectory(at.target);
  await until(`${moment} of initdb`, () => existsSync(join(own, moment)), 30);
  // The step and all in it; not the shell that waits for it.
  const step = () => processesWith(own).filter(({ argv }) => !argv.includes(" pginstance "));
  // A child that was just about to be another program has another argv by the time that it goes on.
  const stopped = step();
  for (const { pid } of stopped) end(pid, "SIGSTOP");
  return {
    isAtWork: !existsSync(join(own, "step.exit")),
    goOn() {
      for (const { pid } of [...stopped, ...step()]) end(pid, "SIGCONT");
    },
    async die() {
      for (const { pid } of stopped) end(pid);
      const all = () => [...step(), ...processesIn(at.folder.path)];
      await until("the end of initdb", () => {
        for (const { pid } of all()) end(pid);
        return all().length === 0;
      });
    },
  };
}
