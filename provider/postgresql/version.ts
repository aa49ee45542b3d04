/** The majors this package knows, and versions as PostgreSQL writes them. */

export const majors = ["14", "15", "16", "17", "18"] as const;
export type Major = (typeof majors)[number];

export function isMajor(value: unknown): value is Major {
  return majors.some((major) => major === value);
}

export interface ServerVersion {
  /** As the server calls itself: `15.18`, `18beta1`, `17devel`. */
  readonly version: string;
  /** Not necessarily one that this package knows. From version 10 on it is the first number alone. */
  readonly major: string;
}

/**
 * What `postgres --version` says, packager's addition left out: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
 * https://www.postgresql.org/support/versioning/
 */
export function parseServerVersion(text: string): ServerVersion | undefined {
  const match = /\(PostgreSQL\) ((\d+)(?:\.\d+)*(?:devel|(?:alpha|beta|rc)\d+)?)/.exec(text);
  return match?.[1] && match[2] ? { version: match[1], major: match[2] } : undefined;
}
