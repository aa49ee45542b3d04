import type * as pulumi from "@pulumi/pulumi";

/** All that touches Pulumi at run time: lines to the terminal, and the forms in which the engine takes errors. */

/** Loaded where an engine listens: a script, or a test, has none, and it takes most of the start of a process. */
const sdk = (): typeof pulumi => require("@pulumi/pulumi");

export interface Log {
  /** A live line in the row of the resource, gone when the next comes. */
  progress(line: string): void;
  /** Lines that stay, under the resource; each once in the life of the process, since the engine asks more than once. */
  say(severity: "info" | "warning", text: string): Promise<void>;
}

/** The engine passes its address to the process of a dynamic provider; elsewhere (scripts, tests) there is none. */
const address = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
const isProvider = /dynamic-provider/.test(process.argv[1] ?? "");
let connected = false;
const saidBefore = new Set<string>();

export function logFor(urn: unknown): Log {
  const resource = typeof urn === "string" && isProvider && address !== undefined ? urnOnly(urn) : undefined;
  if (resource && !connected && address !== undefined) {
    sdk().runtime.resetOptions(process.env.PULUMI_NODEJS_PROJECT ?? "", "", -1, address, "", false, "");
    connected = true;
  }
  const send = resource ? sdk().log : silent;
  return {
    progress(line) {
      send.info(line, resource, undefined, true).catch(() => undefined);
    },
    async say(severity, text) {
      const key = `${urn} ${text}`;
      if (saidBefore.has(key)) return;
      saidBefore.add(key);
      const write = severity === "warning" ? send.warn : send.info;
      await write(text, resource).catch(() => undefined);
    },
  };
}

const silent = { info: async () => undefined, warn: async () => undefined };

/** The log asks a resource for nothing but its URN. */
function urnOnly(urn: string): pulumi.Resource {
  return { urn: { promise: async () => urn } } as unknown as pulumi.Resource;
}

/**
 * An error as the engine shows it best: the host of dynamic providers prints `error: stack` before it passes the
 * message on, so the stack is left out.
 */
export class EngineError extends Error {
  constructor(error: unknown) {
    super(messageOf(error), { cause: error });
    this.stack = "see the error of the resource";
  }

  override toString(): string {
    return "pulumi-pginstance";
  }
}

/**
 * Keeps a half-made resource in the state, so that the next `up` goes on with it. The engine shows `reasons` alone.
 * https://github.com/pulumi/pulumi/issues/18009: undocumented, and every value must be one that JSON has.
 */
export class ResourceInitError extends EngineError {
  readonly reasons: readonly string[];

  constructor(
    readonly id: string,
    readonly properties: Readonly<Record<string, unknown>>,
    failure: unknown,
  ) {
    super(failure);
    this.reasons = [this.message];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
