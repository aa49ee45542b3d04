/**
 * Which records of pg_hba.conf no connection ever reaches: the first that fits decides, and it is not gone on after that
 * (https://www.postgresql.org/docs/current/auth-pg-hba-conf.html). Says less rather than wrong: of groups, files, patterns
 * and host names nobody knows here whom they mean.
 */
import { itemsOf } from "./hba";
import { parseHbaRecord } from "./hba-record";

type Fields = ReturnType<typeof parseHbaRecord>;

export interface Unreached {
  readonly label: string;
  /** The label of the record before it, or its text where it has none. */
  readonly by: string;
}

/** @param records in the order of the file */
export function unreachedRecords(
  records: readonly { readonly label: string | null; readonly text: string }[],
): Unreached[] {
  const all = records.map(({ label, text }) => ({ label, text, fields: parseHbaRecord(text) }));
  return all.flatMap(({ label, fields }, index) => {
    const first = all.slice(0, index).find((before) => covers(before.fields, fields));
    return first && label !== null ? [{ label, by: first.label ?? first.text }] : [];
  });
}

const covers = (a: Fields, b: Fields): boolean =>
  coversType(a.type, b.type) &&
  coversNames(a.database, b.database, "database") &&
  coversNames(a.user, b.user, "user") &&
  coversAddress(a.address, b.address);

/** `host` is with TLS and without, with GSSAPI's encryption and without. */
const coversType = (a: string, b: string): boolean => a === b || (a === "host" && b.startsWith("host"));

/** `all` means every database, but no replication; a name, a keyword or a pattern means itself. */
function coversNames(a: Fields["database"], b: Fields["database"], of: "database" | "user"): boolean {
  const those = itemsOf(a);
  const isWithin = (name: string) =>
    those.includes(name) || (those.includes("all") && !(of === "database" && name === "replication"));
  return itemsOf(b).every(isWithin);
}

function coversAddress(a: string | undefined, b: string | undefined): boolean {
  if (a === b || a === "all") return true;
  const [outer, inner] = [network(a), network(b)];
  if (!outer || !inner || outer.width !== inner.width || outer.bits > inner.bits) return false;
  const shift = BigInt(outer.width - outer.bits);
  return outer.address >> shift === inner.address >> shift;
}

interface Network {
  readonly address: bigint;
  readonly bits: number;
  readonly width: 32 | 128;
}

/** Of `10.0.0.0/8` and `fd00::/8`; what is written otherwise, as `010.0.0.0/8` in octal, is not looked into. */
function network(text = ""): Network | undefined {
  const [, address = "", bits = ""] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/.test(address)) {
    return { address: joined(address.split(".").map(Number), 8), bits: Number(bits), width: 32 };
  }
  if (!address.includes(":") || address.includes(".")) return undefined;
  const [head = "", tail] = address.split("::");
  const words = (part = "") => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
  const [before, after] = [words(head), words(tail)];
  const zeros =
    tail === undefined ? [] : new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  const all = [...before, ...zeros, ...after];
  return all.length === 8 ? { address: joined(all, 16), bits: Number(bits), width: 128 } : undefined;
}

const joined = (parts: readonly number[], width: number): bigint =>
  parts.reduce((number, part) => (number << BigInt(width)) | BigInt(part), 0n);
