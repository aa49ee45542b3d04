export type CompleteMajor = "15" | "17" | "18";

export const completeMajors: readonly CompleteMajor[];
/** The folder of the programs. */
export function obtainComplete(major: CompleteMajor, say?: (line: string) => void): Promise<string>;
