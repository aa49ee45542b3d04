/** What ours and its peers can all do, so that a case is the same code for each. */
import type { Spot } from "./site";

export interface Means {
  readonly name: string;
  /** An instance that runs, with `work_mem` 8 MB, and has answered. */
  create(spot: Spot): Promise<unknown>;
  /** Sets work_mem, reloads, and has seen that the server took it. */
  configure?(spot: Spot, value: string): Promise<unknown>;
  /** All there is to know of an instance. */
  read?(spot: Spot): Promise<unknown>;
  /** Opens the connection that is kept, should it have been idle for too long. */
  connect?(spot: Spot): Promise<unknown>;
  /** Ends connections that are kept, so that the next command pays for a new one. */
  disconnect?(): Promise<void>;
}
