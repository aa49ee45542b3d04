/** What the provider said of the instances of a program. */
import { expect } from "vitest";
import type { Run } from "./engine";

export const text = ({ stdout, stderr }: Run): string => stdout + stderr;

/** @returns it, when it did what it was to do */
export async function done(running: Promise<Run>): Promise<Run> {
  const run = await running;
  expect(run, text(run)).toMatchObject({ exitCode: 0 });
  return run;
}

/** What stays on the screen. */
export function sayingsOf({ events }: Run): string[] {
  return diagnostics(events)
    .filter(({ ephemeral }) => !ephemeral)
    .map(({ message, severity }) => (severity === "warning" ? `warning: ${message}` : message));
}

/** What is shown while it works. */
export const progressOf = ({ events }: Run): string[] =>
  diagnostics(events)
    .filter(({ ephemeral }) => ephemeral)
    .map(({ message }) => message);

interface Diagnostic {
  readonly message: string;
  readonly severity: string;
  readonly ephemeral: boolean;
}

function diagnostics(events: Run["events"]): Diagnostic[] {
  return events.flatMap(({ diagnosticEvent: event }) => {
    const {
      message = "",
      severity = "",
      ephemeral = false,
      urn,
    } = (event ?? {}) as Partial<Diagnostic> & { urn?: string };
    if (!urn?.includes("pginstance:Instance") || severity === "debug") return [];
    return [{ message: message.replaceAll(/<\{%.*?%\}>/g, "").trim(), severity, ephemeral }];
  });
}
