/** What every case gets. */
import { editAsOwner } from "../../support/servers";
import type { Means } from "../means";
import type { Ours } from "../ours";
import type { Raw } from "../peers/raw";
import type { Site, Spot } from "../site";

export interface Bench {
  readonly site: Site;
  readonly ours: Ours;
  readonly raw?: Raw;
  /** pglift and Ansible, as far as they are there. */
  readonly tools: readonly Means[];
  say(line: string): void;
}

/** Asked by none of the contenders: that the work was done is not left to who did it. */
export async function requireSetting(site: Site, { name, port }: Spot, wanted: string): Promise<void> {
  const psql = `${site.programs.binDirectory}/psql`;
  const script = '"$1" -XAtq -h "$2" -p "$3" -U postgres -d postgres -c "SHOW work_mem"';
  const found = (await editAsOwner(script, psql, site.folder, String(port))).trim();
  if (found !== wanted) throw new Error(`${name} has work_mem ${found}, and ${wanted} was to be`);
}
