/**
 * Password verifiers, made here so that the password itself never reaches a host.
 * https://www.postgresql.org/docs/current/catalog-pg-authid.html, scram_build_secret() in src/common/scram-common.c
 */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type saslprep from "@mongodb-js/saslprep";

/** Loaded with the first password that needs it: its tables take their memory. */
const library = (): typeof saslprep => require("@mongodb-js/saslprep");

/** What pg_authid.rolpassword holds for this password and salt. PostgreSQL takes 16 random bytes as salt. */
export function scramVerifier(password: string, salt: Uint8Array, iterations = 4096): string {
  const salted = pbkdf2Sync(prepare(password), salt, iterations, 32, "sha256");
  const key = (label: string) => createHmac("sha256", salted).update(label).digest();
  const storedKey = createHash("sha256").update(key("Client Key")).digest("base64");
  const serverKey = key("Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString("base64")}$${storedKey}:${serverKey}`;
}

const base64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?";
const key = "[A-Za-z0-9+/]{43}=";
const verifier = new RegExp(`^SCRAM-SHA-256\\$[1-9][0-9]{0,9}:${base64}\\$${key}:${key}$`);

/** Whether PostgreSQL takes this text for a verifier, not for a password: parse_scram_secret() in auth-scram.c. */
export function isScramVerifier(text: string): boolean {
  return verifier.test(text);
}

/** pg_saslprep() in src/common/saslprep.c; where it refuses the password, clients and server take it as it is, as all ASCII. */
function prepare(password: string): string {
  if (/^\p{ASCII}*$/u.test(password)) return password;
  try {
    return library()(password) || password;
  } catch {
    return password;
  }
}
