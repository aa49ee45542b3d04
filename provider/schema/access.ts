import { z } from "zod";
import type { InputFailure } from "../errors";
import { authMethods, methodsOf, recordTypes } from "../postgresql/hba";
import { isMajor, type Major } from "../postgresql/version";
import { because, object, said, secretBecause } from "./parts";
import { isUnknown } from "./unknown";

/** The inputs `hba` and `ident`: records of pg_hba.conf and pg_ident.conf by label. */

/** What stands in a file may be anything, and a refresh brings it here; what a program may ask is checked below. */
const text = (reason: string) => z.string(because(reason));
const names = z.union([z.string(), z.array(z.string())], because('is no name or list of names, as in "app"'));

const hbaRecord = object({
  type: text('is no type of record, as in "hostssl"'),
  database: names.optional(),
  user: names.optional(),
  address: text('is no address, as in "10.0.0.0/8"').optional(),
  method: text('is no authentication method, as in "scram-sha-256"'),
  options: z
    .record(z.string(), z.string(secretBecause("is no text")), secretBecause("is no map of options"))
    .optional(),
});

const identRecord = object({
  map: text("is no name of a map"),
  systemUser: text("is no name of a user"),
  databaseUser: text("is no name of a role"),
});

export const hba = z.record(z.string(), hbaRecord, secretBecause("is no map from labels to records"));
export const ident = z.record(z.string(), identRecord, secretBecause("is no map from labels to records"));

export type HbaInput = z.infer<typeof hbaRecord>;
export type IdentInput = z.infer<typeof identRecord>;

/** A list is accepted, and keyed 000, 001: in a map a record that is put between two others shows as one change. */
export function keyed(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return Object.fromEntries(value.map((record, index) => [String(index).padStart(3, "0"), record]));
}

/** The major is undefined where it is not known yet. */
type Rule<R> = readonly [
  part: keyof R,
  broken: (record: R, major: Major | undefined) => boolean,
  reason: (record: R, major: Major | undefined) => string,
];

const isAddress =
  /^(all|samehost|samenet|[0-9A-Fa-f:.]+(\/[0-9]{1,3}| [0-9A-Fa-f:.]+)|\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)$/;
const maskOf = (address = "") => /\/([0-9]+)$/.exec(address)?.[1];
const widthOf = (address = "") => (address.includes(":") ? 128 : 32);
const isBareNumber = /^([0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/;
const trusted = (type: string) =>
  `"trust" lets everybody in without a password; use ${type === "local" ? '"peer" or ' : ""}"scram-sha-256"`;
const knownTypes: readonly string[] = recordTypes;

/** `trust` has a reason of its own. */
const mayBe = (type: string, major: Major | undefined) =>
  methodsOf(type, major).filter((method) => method !== "trust");

const of = (major: Major | undefined) => (major === undefined ? "" : ` in PostgreSQL ${major}`);

const hbaRules: readonly Rule<HbaInput>[] = [
  [
    "type",
    ({ type }) => !knownTypes.includes(type),
    ({ type }) => said(type, `is none of ${knownTypes.join(", ")}`),
  ],
  ["method", ({ method }) => method === "trust", ({ type }) => trusted(type)],
  [
    "method",
    ({ type, method }, major) =>
      knownTypes.includes(type) && method !== "trust" && !mayBe(type, major).includes(method),
    ({ type, method }, major) =>
      said(method, `is no method of ${type}${of(major)}; those are ${mayBe(type, major).join(", ")}`),
  ],
  [
    "address",
    ({ type, address }) => type === "local" && address !== undefined,
    () => "is not for local records",
  ],
  [
    "address",
    ({ type, address }) => type !== "local" && address === undefined,
    () => 'is required, as in "10.0.0.0/8", "db-client.example.com", "samenet" or "all"',
  ],
  [
    "address",
    ({ address }) => address !== undefined && isBareNumber.test(address),
    ({ address }) =>
      said(address, `has no mask; for this one address it is "${address}/${widthOf(address)}"`),
  ],
  [
    "address",
    ({ address }) => Number(maskOf(address)) > widthOf(address),
    ({ address }) =>
      said(address, `has a mask of ${maskOf(address)} bits, of ${widthOf(address)} that there are`),
  ],
  [
    "address",
    ({ address }) => address !== undefined && !isBareNumber.test(address) && !isAddress.test(address),
    ({ address }) =>
      said(address, 'is no address, as in "10.0.0.0/8", "db-client.example.com", "samenet" or "all"'),
  ],
];

const label = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const leavesItsLine = /[\0\r\n]/;

/** What the server would refuse at its next reload, as far as it can be told without one. */
export function checkAccess(inputs: Readonly<Record<string, unknown>>): InputFailure[] {
  const major = isMajor(inputs.version) ? inputs.version : undefined;
  return [
    ...checkAuth(inputs.auth),
    ...checkFile("hba", inputs.hba, hba, hbaRules, major),
    ...checkFile("ident", inputs.ident, ident, [], major),
  ];
}

/** With the options that some methods need beside them no record of `auth` can be. */
function checkAuth(auth: unknown): InputFailure[] {
  const parts = Object.entries(typeof auth === "object" && auth !== null ? auth : {});
  return parts.flatMap(([type, method]) => {
    if (!(type in authMethods) || typeof method !== "string" || isUnknown(method)) return [];
    const known = authMethods[type as keyof typeof authMethods].filter((one) => one !== "trust");
    const property = `auth.${type}`;
    if (method === "trust") return [{ property, reason: trusted(type) }];
    return known.includes(method)
      ? []
      : [{ property, reason: said(method, `is none of ${known.join(", ")}`) }];
  });
}

function checkFile<R extends object>(
  property: string,
  value: unknown,
  shape: z.ZodType<Record<string, R>>,
  rules: readonly Rule<R>[],
  major: Major | undefined,
): InputFailure[] {
  const parsed = shape.safeParse(value);
  if (!parsed.success) return [];
  return Object.entries(parsed.data).flatMap(([name, record]) => {
    const at = `${property}.${name}`;
    if (!label.test(name)) {
      return [{ property: at, reason: "is no label: 1 to 63 letters, digits, _ . or -" }];
    }
    if (isUnknown(record)) return [];
    const broken = Object.entries(record).filter(([, part]) =>
      textsOf(part).some((one) => leavesItsLine.test(one)),
    );
    return [
      ...broken.map(([part]) => ({
        property: `${at}.${part}`,
        reason: "holds a line end or a NUL character",
      })),
      ...rules
        .filter(([, isBroken]) => isBroken(record, major))
        .map(([part, , reason]) => ({ property: `${at}.${String(part)}`, reason: reason(record, major) })),
    ];
  });
}

function textsOf(part: unknown): string[] {
  if (typeof part === "string") return [part];
  return typeof part === "object" && part !== null
    ? Object.entries(part).flatMap(([name, value]) => [name, String(value)])
    : [];
}
