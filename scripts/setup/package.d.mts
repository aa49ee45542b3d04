export type PackageManager = "npm" | "pnpm";

/** The path of the packed tarball. */
export function packedPackage(say?: (line: string) => void): Promise<string>;
export function installRoot(manager: PackageManager, say?: (line: string) => void): Promise<string>;
