export interface Engine {
  readonly pulumi: string;
  readonly directory: string;
  readonly version: string;
  readonly source: "PATH" | "cached" | "official installer" | "built from Go modules";
}

export function obtainPulumi(say?: (line: string) => void): Promise<Engine>;
export function engineSettings(places: { backend: string; home: string }): Record<string, string>;
export function engineEnvironment(places: { backend: string; home: string }): NodeJS.ProcessEnv;
