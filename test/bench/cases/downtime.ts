/** A restart as a client sees it that asks every millisecond: the longest time without an answer. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { editAsOwner } from "../../support/servers";
import type { Case, Contender } from "../comparison";
import type { Client, Gap } from "../probe";
import type { Spot } from "../site";
import type { Bench } from "./bench";
import { standing } from "./standing";

export async function downtime(bench: Bench): Promise<Case> {
  const { site, ours, raw } = bench;
  const { spots, close } = await standing(bench, [ours]);
  const spot = spots(ours);
  try {
    await admitClient(bench, spot);
    let connections = 100;
    const restart = () => {
      connections = connections === 100 ? 101 : 100;
      return ours.update(spot, { settings: { max_connections: connections }, restartOnChanges: true });
    };
    const client = { host: site.folder, port: spot.port };
    const contender = (name: string, run: () => Promise<unknown>): Contender => ({
      name,
      run: () => longestGap(client, run),
    });
    return {
      ours: contender(ours.name, restart),
      peers: raw ? [contender("pg_ctl", () => raw.restart(spot))] : [],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A role without rights or password, so that proving who it is costs no time. First match wins in pg_hba.conf; before the
 * provider's own records nothing may stand.
 */
async function admitClient({ site }: Bench, { data, port }: Spot): Promise<void> {
  await editAsOwner(
    `own=$(grep -n "own[.]" "$2/pg_hba.conf" | tail -n 1)
     sed -i "\${own%%:*}a local postgres probe trust" "$2/pg_hba.conf"
     "$1/psql" -Xq -h "$3" -p "$4" -U postgres -d postgres -c "CREATE ROLE probe LOGIN" -c "SELECT pg_reload_conf()"`,
    ...[site.programs.binDirectory, data, site.folder, String(port)],
  );
}

/** The client lives in a thread of its own: what ours computes must not look like downtime. */
async function longestGap(client: Client, restart: () => Promise<unknown>): Promise<number> {
  const probe = new Worker(join(__dirname, "..", "probe.js"), { workerData: client });
  const next = () =>
    new Promise<Gap>((resolve, reject) => probe.once("message", resolve).once("error", reject));
  try {
    await next();
    await restart();
    probe.postMessage("end");
    return (await next()).milliseconds;
  } finally {
    await probe.terminate();
  }
}
