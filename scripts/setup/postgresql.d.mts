export type Major = "14" | "15" | "16" | "17" | "18";

export interface Server {
  readonly major: string;
  readonly version: string;
  readonly binDirectory: string;
  readonly source: "installed" | "embedded";
}

export const majors: readonly Major[];
export function findInstalled(major: string): Server | undefined;
export function obtainEmbedded(major: string, say?: (line: string) => void): Promise<Server>;
export function obtain(
  major: string,
  options?: { embedded?: boolean; say?: (line: string) => void },
): Promise<Server>;
/** The user that servers run as when this process is root; `undefined`: the login itself. */
export function serverUser(): string | undefined;
/** To spread into the options of `spawn`. */
export function asServerUser(): { uid?: number; gid?: number };
