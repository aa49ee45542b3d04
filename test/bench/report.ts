/** The results as a table for the terminal and as what goes into the JSON file. Pure. */
import { type Aim, aims } from "./aims";
import { type Count, itself, type Series } from "./comparison";
import { type Interval, type Pair, reaches, summarise } from "./statistics";

export interface CaseResult {
  readonly name: string;
  readonly unit: string;
  readonly series: readonly Series[];
  readonly counts: readonly Count[];
}

export interface Comparison extends Partial<Aim> {
  readonly case: string;
  readonly peer: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly interval: Interval | undefined;
  readonly reachesAim?: boolean;
  readonly reachesMoonshot?: boolean;
  /** Both raw series, in the order in which they were measured. */
  readonly pairs: readonly Pair[];
}

export function comparisons(result: CaseResult): Comparison[] {
  return result.series.map(({ peer, pairs }) => {
    const summary = summarise(pairs);
    const promise = aims[result.name]?.[peer];
    return {
      case: result.name,
      peer,
      unit: result.unit,
      ...summary,
      ...promise,
      ...(promise && {
        reachesAim: reaches(summary.interval, promise.aim),
        reachesMoonshot: reaches(summary.interval, promise.moonshot),
      }),
      pairs,
    };
  });
}

const heading = ["case", "beside", "ours", "theirs", "ratio", "95 % interval", "aim", "moonshot"];

export function table(results: readonly CaseResult[]): string {
  const rows = results.flatMap((result) => [
    ...comparisons(result).map(comparisonRow),
    ...result.counts.map((count) => countRow(result.name, count)),
  ]);
  return align([heading, ...rows]);
}

function comparisonRow(it: Comparison): string[] {
  return [
    it.case,
    it.peer,
    figure(it.ours, it.unit),
    figure(it.theirs, it.unit),
    it.ratio.toFixed(2),
    it.interval ? `${it.interval.low.toFixed(2)} to ${it.interval.high.toFixed(2)}` : "too few pairs",
    verdict(it.aim, it.reachesAim),
    verdict(it.moonshot, it.reachesMoonshot),
  ];
}

function countRow(name: string, { name: counted, wanted, values }: Count): string[] {
  const found = [...new Set(values)].sort((a, b) => a - b).join(", ");
  return [name, counted, found, "", "", "", `${wanted} ${found === String(wanted) ? "hit" : "miss"}`, ""];
}

function verdict(aim: number | undefined, reached: boolean | undefined): string {
  if (aim === undefined) return "";
  return `${aim.toFixed(2)} ${reached === undefined ? "?" : reached ? "hit" : "miss"}`;
}

const figure = (value: number, unit: string) => `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;

function align(rows: readonly (readonly string[])[]): string {
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return rows.map((row) => line(row).join("  ").trimEnd()).join("\n");
}

/** Pairs of ours with itself that are not 1: something of the order or of the machine weighs on one side. */
export function doubts(results: readonly CaseResult[]): string[] {
  return results
    .flatMap(comparisons)
    .filter(({ peer, interval }) => peer === itself && interval && (interval.low > 1 || interval.high < 1))
    .map(({ case: name, ratio }) => `${name} beside itself is ${ratio.toFixed(2)}, not 1: measure again`);
}
