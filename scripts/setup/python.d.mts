export interface Python {
  /** Of a virtual environment that has the packages. */
  readonly python: string;
  readonly versions: Readonly<Record<string, string>>;
}
export function obtainPython(packages: readonly string[], say?: (line: string) => void): Promise<Python>;
