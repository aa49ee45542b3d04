/** The file of passwords that libpq reads: https://www.postgresql.org/docs/current/libpq-pgpass.html */
import { createHash } from "node:crypto";

/** One line for whatever is asked for it: the file is named in one connection string only. */
export function printPassfile(password: string): string {
  return `*:*:*:*:${password.replace(/[\\:]/g, "\\$&")}\n`;
}

/** Tells one content from another, and nothing of it. */
export function passfileDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
