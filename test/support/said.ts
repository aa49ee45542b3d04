/** What the provider said of the instances of a program. */
import type { Run } from "./engine";

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
