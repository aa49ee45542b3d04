/**
 * Numbers as the C library reads and prints them, because the server does: `strtol`, `strtod`, `rint` and `%g`
 * as used by parse_int, parse_real and ShowGUCOption in src/backend/utils/misc/guc.c.
 */

/** A number at the start of a text, and what follows it. */
export interface Numeral {
  readonly value: number;
  readonly rest: string;
}

const decimalInteger = /^[ \t\n\v\f\r]*([+-]?)(0[xX][\da-fA-F]+|\d+)/;
const hexadecimal = /^[ \t\n\v\f\r]*([+-]?)0[xX]([\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)(?:[pP]([+-]?\d+))?/;
const decimal = /^[ \t\n\v\f\r]*([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?/;

const signed = (sign: string | undefined, value: number) => (sign === "-" ? -value : value);

/** The base is in the prefix (0x, 0, none), and a numeral ends before the first digit that its base does not have. */
function strtol(text: string): Numeral | undefined {
  const match = decimalInteger.exec(text);
  if (!match?.[2]) return undefined;
  const octal = /^0[0-7]*/.exec(match[2].replace(/^0[xX].*/, "x"))?.[0];
  const digits = octal ?? match[2];
  const value = BigInt(octal ? `0o${octal}` : digits);
  const rest = text.slice(match[0].length - match[2].length + digits.length);
  return { value: signed(match[1], Number(value)), rest };
}

/** Without infinities and NaN, which no setting takes. A value too large or too small for a double is none either. */
function strtod(text: string): Numeral | undefined {
  const hex = hexadecimal.exec(text);
  const match = hex ?? decimal.exec(text);
  if (!match) return undefined;
  const [all, sign, mantissa = "", exponent = "0"] = match;
  const value = hex ? hexadecimalValue(mantissa, Number(exponent)) : Number(`${mantissa}e${exponent}`);
  const underflow = value < 2 ** -1022 && /[1-9a-f]/i.test(mantissa);
  return Number.isFinite(value) && !underflow
    ? { value: signed(sign, value), rest: text.slice(all.length) }
    : undefined;
}

function hexadecimalValue(mantissa: string, exponent: number): number {
  const [whole, fraction = ""] = mantissa.split(".");
  return Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (exponent - 4 * fraction.length);
}

/** As parse_int: an integer in any base; a decimal number where that stops at a point or an exponent. */
export function readInteger(text: string): Numeral | undefined {
  const integer = strtol(text);
  const stopped = (integer?.rest ?? text)[0];
  const tooLarge = integer !== undefined && Math.abs(integer.value) > 2 ** 63;
  return stopped === "." || stopped === "e" || stopped === "E" || tooLarge ? strtod(text) : integer;
}

/** As parse_real. */
export function readReal(text: string): Numeral | undefined {
  return strtod(text);
}

/** To the nearest integer, ties to the even one. */
export function rint(value: number): number {
  const rounded = Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
  return rounded === 0 ? 0 : rounded;
}

/** `%g`: six digits, ties to even, without needless zeros, an exponent below -4 and above 5. */
export function printReal(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits = "", exponentText] = roundToSixDigits(value).split("e");
  const exponent = Number(exponentText);
  const trimmed = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent >= -4 && exponent < 6) return trimmed(Number(`${digits}e${exponent}`).toFixed(5 - exponent));
  return `${trimmed(digits)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** JavaScript rounds a tie away from zero. `toExponential(100)` shows whether this is one. */
function roundToSixDigits(value: number): string {
  const [, kept = "", dropped = "", exponent = ""] =
    /^(-?\d\.\d{5})(\d*)(e.*)$/.exec(value.toExponential(100)) ?? [];
  const isTie = /^50*$/.test(dropped);
  return isTie && /[02468]$/.test(kept) ? kept + exponent : value.toExponential(5);
}
