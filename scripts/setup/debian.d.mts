/** Whether this user can. */
export const bootsHosts: boolean;
/** The folder of the system, to be read only. */
export function obtainDebian(say?: (line: string) => void): Promise<string>;
