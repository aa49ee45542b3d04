#!/usr/bin/env node
/** `npx pulumi-pginstance`: what has no place in a program. Everything is loaded late, so that an old Node is told. */
import { argv, exit, stderr, stdout } from "node:process";
import {
  type Arguments,
  everywhere,
  instanceForms,
  type OptionName,
  options,
  parseArguments,
  UsageError,
} from "./arguments";
import { printLines } from "./table";

interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Whether it is about something beside a host. */
  readonly hasSubject: boolean;
  readonly options: readonly OptionName[];
  /** @returns what to exit with */
  readonly load: () => Promise<{ run(given: Arguments, print: (text: string) => void): Promise<number> }>;
}

const commands: Readonly<Record<string, Command>> = {
  list: {
    usage: "list [HOST]",
    summary: "every instance of the owner, whoever made it",
    hasSubject: false,
    options: [],
    load: () => import("./list.js"),
  },
  get: {
    usage: "get [HOST] INSTANCE",
    summary: "all there is to know of one: settings, what waits for a restart, replication",
    hasSubject: true,
    options: ["bin-directory", "superuser"],
    load: () => import("./get.js"),
  },
  import: {
    usage: "import [HOST]",
    summary: "writes Pulumi's import file and the program of every instance, whoever made it",
    hasSubject: false,
    options: ["only", "into", "bin-directory", "superuser"],
    load: () => import("./import.js"),
  },
  doctor: {
    usage: "doctor [HOST]",
    summary: "what would stop a deployment, what is wrong with the instances, and what to do",
    hasSubject: false,
    options: ["bin-directory", "superuser", "exit-code"],
    load: () => import("./doctor.js"),
  },
};

function printHelp(): string {
  const shown = Object.values(commands).map(({ usage, summary }) => [usage, summary] as const);
  const names = Object.keys(options) as OptionName[];
  const takers = (name: OptionName) =>
    Object.keys(commands).filter((command) => commands[command]?.options.includes(name));
  const lines = names.map((name) => {
    const { help, ...option } = options[name];
    const only = everywhere.some((each) => each === name) ? "" : ` (${takers(name).join(", ")})`;
    return [`--${name}${"value" in option ? ` ${option.value}` : ""}`, `${help}${only}`] as const;
  });
  const block = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([left, right]) => `  ${left.padEnd(31)} ${right}`).join("\n");
  return `Usage: pulumi-pginstance COMMAND [OPTION...]

${block(shown)}

HOST is [USER@]HOST[:PORT] for SSH, an IPv6 address in brackets; without it, or with "local", this machine is meant.
INSTANCE is a ${instanceForms}.

${block(lines)}

Passwords come from the environment: PGINSTANCE_SSH_PASSWORD, PGINSTANCE_SSH_PASSPHRASE, PGINSTANCE_BECOME_PASSWORD.
Exit code: 0 fine; 1 something failed, or doctor found something wrong; 2 wrong usage.`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h") return print(printHelp());
  const command = Object.hasOwn(commands, name ?? "") ? commands[name ?? ""] : undefined;
  if (command === undefined) {
    const what = name === undefined ? "a command is missing" : `there is no command ${JSON.stringify(name)}`;
    throw new UsageError(`${what}; there are ${Object.keys(commands).join(", ")}`);
  }
  const given = parseArguments(args, command);
  if (given.help) return print(printHelp());
  const { run } = await command.load();
  return run(given, print);
}

function print(text: string): number {
  stdout.write(`${text}\n`);
  return 0;
}

/** Errors of the provider tell where and what to do; wrong values of options are wrong usage. */
function fail(error: unknown): number {
  const { message, code } = error as { message?: string; code?: string };
  stderr.write(`error: ${printLines(message ?? String(error))}\n`);
  if (error instanceof UsageError) stderr.write("See `pulumi-pginstance --help`.\n");
  return error instanceof UsageError || code === "invalid-inputs" || code === "invalid-version" ? 2 : 1;
}

// Whoever reads has enough, as `head` has.
stdout.on("error", () => exit());
main(argv.slice(2))
  .catch(fail)
  // A connection would be kept for the next command, and there is none. What was printed gets out first.
  .then((code) => stdout.write("", () => exit(code)));
