/** What `npm run bench --` takes. */
import { parseArgs } from "node:util";

export const usage = `npm run bench -- [options]      about an hour and a half
  --pairs N       pairs of each comparison, 9 unless told
  --only CASE     this case, may be given again: create, configure, read, preview, twenty, downtime,
                  refresh, distance, latency, throughput, footprint
  --without PEER  do not miss this peer, may be given again: raw, pglift, ansible
  --json FILE     where the results go, test-results/bench.json unless told
  --local         ours on this machine without SSH: what is left is the work itself`;

export interface Options {
  readonly pairs: number;
  readonly only: readonly string[];
  readonly without: readonly string[];
  readonly json: string;
  readonly local: boolean;
}

export function parseOptions(args: readonly string[], cases: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pairs: { type: "string", default: "9" },
      only: { type: "string", multiple: true, default: [] },
      without: { type: "string", multiple: true, default: [] },
      json: { type: "string", default: "test-results/bench.json" },
      local: { type: "boolean", default: false },
    },
  });
  const pairs = Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`--pairs ${values.pairs} is no number of pairs`);
  requireKnown("case", values.only, cases);
  requireKnown("peer", values.without, ["raw", "pglift", "ansible"]);
  return { ...values, pairs };
}

function requireKnown(what: string, names: readonly string[], known: readonly string[]): void {
  const other = names.find((name) => !known.includes(name));
  if (other !== undefined) throw new Error(`There is no ${what} "${other}", only ${known.join(", ")}.`);
}
