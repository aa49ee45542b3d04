import { z } from "zod";

/** What the inputs are made of: types that refuse in words for the terminal. */

/** A reason that shows the value, so that the reader needs no second look at the program; a long text may be a key. */
export function said(value: unknown, reason: string): string {
  const text = JSON.stringify(value) ?? "nothing";
  return `${text.length > 100 ? `a text of ${text.length} characters` : text} ${reason}`;
}

export const because = (reason: string) => ({
  error: (issue: { input?: unknown }) => said(issue.input, reason),
});

/** Never printed: the value may be the secret itself. */
export const secretBecause = (reason: string) => ({ error: () => reason });

/** Printed unless it looks as if a secret were in it. */
export const carefulBecause = (secretive: RegExp, reason: string) => ({
  error: ({ input }: { input?: unknown }) => (secretive.test(String(input)) ? reason : said(input, reason)),
});

export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, because(`is none of ${values.map((value) => JSON.stringify(value)).join(", ")}`));

export const boolean = z.boolean(because("is not true or false"));

export const matching = (
  pattern: RegExp,
  reason: string,
  why: (reason: string) => { error: (issue: { input?: unknown }) => string } = because,
) => z.string(why(reason)).regex(pattern, { ...why(reason), abort: true });

/** Who asks for one reads a line. */
export const password = z
  .string(secretBecause("is no text"))
  .min(1, secretBecause("is empty"))
  .regex(/^[^\0\r\n]*$/, secretBecause("holds a line break or NUL: trim what was read from a file"));

/** Seconds within a range that the reason names. */
export const seconds = (min: number, max: number) => {
  const range = because(`is not between ${min} and ${max} seconds`);
  return z
    .number(because("is no number of seconds"))
    .int(because("is no whole number of seconds"))
    .min(min, range)
    .max(max, range);
};

export const count = (min: number, max: number) => {
  const range = because(`is no whole number between ${min} and ${max}`);
  return z.number(range).int(range).min(min, range).max(max, range);
};

export const port = z
  .number(because("is no port: a number between 1 and 65535"))
  .int(because("is no whole number between 1 and 65535"))
  .min(1, because("is not between 1 and 65535"))
  .max(65535, because("is not between 1 and 65535"));

/** How an object of these keys refuses what it is not, or what it has too much. */
export const objectReason =
  (shape: z.ZodRawShape, show: (value: unknown, reason: string) => string = said) =>
  (issue: { code?: string; input?: unknown; keys?: readonly string[] }): string =>
    issue.code === "unrecognized_keys"
      ? `has no ${issue.keys?.join(", ")}; what it can have: ${Object.keys(shape).join(", ")}`
      : show(issue.input, `is no object of ${Object.keys(shape).join(", ")}`);

export const object = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, { error: objectReason(shape) });

/** An object in whose place somebody may have put a password, as in a URL. */
export const secretObject = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, { error: objectReason(shape, (_, reason) => reason) });
