/** The folder of the system, to be read only. */
export function obtainBusybox(say?: (line: string) => void): Promise<string>;
