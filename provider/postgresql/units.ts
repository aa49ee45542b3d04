/**
 * Units of memory and time: the tables memory_unit_conversion_table and time_unit_conversion_table in guc.c.
 * https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-NAMES-VALUES
 */
import { rint } from "./numerals";

export type Dimension = "memory" | "time";

/** Largest first. Memory in bytes, time in microseconds: so the ratio of any two is exact. */
const sizes: Readonly<Record<Dimension, Readonly<Record<string, number>>>> = {
  memory: { TB: 1024 ** 4, GB: 1024 ** 3, MB: 1024 ** 2, kB: 1024, B: 1 },
  time: { d: 86_400_000_000, h: 3_600_000_000, min: 60_000_000, s: 1_000_000, ms: 1_000, us: 1 },
};

/** What pg_settings.unit counts in: `8kB` is eight kilobytes. */
interface BaseUnit {
  readonly dimension: Dimension;
  readonly size: number;
}

function baseUnit(unit: string): BaseUnit {
  const [, count, name = ""] = /^(\d*)(.*)$/.exec(unit) ?? [];
  const dimension = name in sizes.memory ? "memory" : "time";
  return { dimension, size: Number(count || 1) * (sizes[dimension][name] ?? Number.NaN) };
}

export function dimensionOf(unit: string): Dimension {
  return baseUnit(unit).dimension;
}

/** Each unit of the dimension with its size in base units, largest first. */
function multipliers(unit: string): readonly [name: string, multiplier: number][] {
  const base = baseUnit(unit);
  return Object.entries(sizes[base.dimension]).map(([name, size]) => [name, size / base.size]);
}

/** As convert_to_base_unit: a fraction is rounded to the next smaller unit, `30.1GB` to whole megabytes. */
export function toBaseUnit(value: number, name: string, unit: string): number | undefined {
  const table = multipliers(unit);
  const index = table.findIndex(([candidate]) => candidate === name);
  const multiplier = table[index]?.[1];
  const smaller = table[index + 1]?.[1];
  if (multiplier === undefined) return undefined;
  return smaller === undefined ? value * multiplier : rint((value * multiplier) / smaller) * smaller;
}

/**
 * As convert_int_from_base_unit and convert_real_from_base_unit: the largest unit that makes a whole number, for
 * reals within 1e-8, or the smallest there is.
 */
export function fromBaseUnit(value: number, unit: string, vartype: "integer" | "real"): [number, string] {
  const isExact = (multiplier: number) =>
    vartype === "integer"
      ? multiplier <= 1 || value % multiplier === 0
      : Math.abs(rint(value / multiplier) / (value / multiplier) - 1) <= 1e-8;
  const table = multipliers(unit);
  const [name, multiplier] = table.find(([, candidate]) => isExact(candidate)) ?? table.at(-1) ?? [unit, 1];
  return [vartype === "integer" ? rint(value / multiplier) : value / multiplier, name];
}
