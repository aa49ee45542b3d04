import { cwd } from "node:process";
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { HostArgs, ListOptions, Ref } from "../../provider/instances";

/** What is asked for cannot be understood. */
export class UsageError extends Error {}

interface Option {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  /** As the help calls its value. */
  readonly value?: string;
  readonly help: string;
}

/** Every option there is. A command takes those of `everywhere`, and what it names beside them. */
export const options = {
  key: { type: "string", value: "FILE", help: "private key for SSH (else as ssh: agent, then ~/.ssh/id_*)" },
  "known-hosts": { type: "string", multiple: true, value: "FILE", help: "known host keys; more than once" },
  jump: {
    type: "string",
    multiple: true,
    value: "[USER@]HOST[:PORT]",
    help: "a host to pass; more than once",
  },
  "ssh-config": {
    type: "string",
    value: "FILE",
    help: "configuration of ssh for what is not said here (else none, but all of it with --openssh)",
  },
  openssh: {
    type: "boolean",
    help: "by the ssh of this machine, which finds key, known hosts and jumps in its configuration",
  },
  become: { type: "string", value: "METHOD", help: "to become the owner: none, runuser, sudo, doas or su" },
  owner: {
    type: "string",
    value: "USER",
    help: "owner of the instances (default: postgres, else the login)",
  },
  version: { type: "string", value: "MAJOR", help: "of this major version alone" },
  under: { type: "string", multiple: true, value: "DIR", help: "look below it, too; more than once" },
  json: { type: "boolean", help: "one JSON document in place of text" },
  help: { type: "boolean", short: "h", help: "print this" },
  "bin-directory": { type: "string", value: "DIR", help: "where PostgreSQL's programs are on the host" },
  superuser: { type: "string", value: "ROLE", help: "name of the superuser (default: postgres)" },
  only: {
    type: "string",
    multiple: true,
    value: "INSTANCE",
    help: "this one alone; more than once",
  },
  into: { type: "string", value: "DIR", help: "where the files are written (default: here)" },
  "exit-code": { type: "boolean", help: "fail on warnings, too" },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof options;

export const everywhere = [
  ...(["key", "known-hosts", "jump", "ssh-config", "openssh"] as const),
  ...(["become", "owner", "version", "under"] as const),
  ...(["json", "help"] as const),
] satisfies readonly OptionName[];

/** How an instance is called. */
export const instanceForms = "NAME, VERSION/NAME or DATA_DIRECTORY";

/** What one command was given. */
export interface Arguments {
  readonly host: HostArgs;
  /** As messages call it. */
  readonly where: string;
  /** What the command is about, where it is about something: an instance as somebody calls it. */
  readonly subject: string;
  /** As the functions of the instances API take them; these check them, too. */
  readonly look: Omit<ListOptions, "others"> & Partial<Pick<Ref, "binDirectory" | "superuser">>;
  /** Those that are meant, as somebody calls them; none: all. */
  readonly only: readonly string[];
  /** Where files are written. */
  readonly into: string;
  readonly json: boolean;
  readonly help: boolean;
  readonly exitCode: boolean;
}

/** What a command takes. */
export interface Syntax {
  /** Whether it is about something beside a host. */
  readonly hasSubject: boolean;
  readonly options: readonly OptionName[];
}

/** @throws UsageError for what no host needs to be asked about; values are checked where they are used */
export function parseArguments(args: readonly string[], { hasSubject, options: own }: Syntax): Arguments {
  const names: readonly OptionName[] = [...everywhere, ...own];
  const { values, positionals } = split(args, names);
  const list = (name: OptionName) => values[name] as string[] | undefined;
  const one = (name: OptionName) => values[name] as string | undefined;
  const help = values.help === true;
  const [first, second, ...rest] = positionals;
  const [place, subject = ""] = hasSubject && second === undefined ? [undefined, first] : [first, second];
  if (!help && rest.length + (hasSubject || second === undefined ? 0 : 1) > 0) {
    throw new UsageError(`too many words: ${positionals.map((word) => JSON.stringify(word)).join(", ")}`);
  }
  if (!help && hasSubject && subject === "") throw new UsageError(`${instanceForms} is missing`);
  const become = one("become");
  const look = {
    ...{ owner: one("owner"), version: one("version"), under: list("under") },
    ...{ binDirectory: one("bin-directory"), superuser: one("superuser") },
    become: become === undefined ? undefined : { method: become },
  };
  const isHere = place === undefined || place === "local";
  return {
    host: (isHere ? { local: {} } : remote(place, values)) as HostArgs,
    where: isHere ? "this machine" : place,
    subject,
    look: look as Arguments["look"],
    only: list("only") ?? [],
    into: one("into") ?? ".",
    json: values.json === true,
    help,
    exitCode: values["exit-code"] === true,
  };
}

type Values = Readonly<Record<string, unknown>>;

function split(args: readonly string[], names: readonly OptionName[]) {
  const known = Object.fromEntries(names.map((name) => [name, options[name]])) as ParseArgsConfig["options"];
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: known, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Nothing is tried again: somebody is watching. */
function remote(place: string, values: Values): Record<string, unknown> {
  const file = values["ssh-config"] as string | undefined;
  const way = { ...parseHop(place), ...(file !== undefined && { configFile: absolute(file) }), retryFor: 0 };
  if (values.openssh !== true) return { ssh: { ...way, ...meansOf(values) } };
  const other = (["key", "known-hosts", "jump"] as const).find((name) => values[name] !== undefined);
  if (other)
    throw new UsageError(`--${other} is not for --openssh: say it in ssh's configuration (--ssh-config)`);
  return { openssh: way };
}

function meansOf(values: Values): Record<string, unknown> {
  const files = values["known-hosts"] as string[] | undefined;
  const jumps = values.jump as string[] | undefined;
  const key = values.key as string | undefined;
  return {
    ...(key !== undefined && { privateKeyFile: absolute(key) }),
    ...(files && { knownHosts: files.map(absolute) }),
    ...(jumps && { jump: jumps.map(parseHop) }),
  };
}

/** `[user@]host[:port]`, an IPv6 address in brackets; what cannot be read so is left for `check` to refuse. */
export function parseHop(text: string): Record<string, unknown> {
  const [, user, address, name = text, port] =
    /^(?:(.*)@)?(?:\[([^\]]*)\]|([^:@[\]]*))(?::([^:]*))?$/.exec(text) ?? [];
  return {
    host: address ?? name,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: /^\d+$/.test(port) ? Number(port) : port }),
  };
}

/** A shell makes a path of `~` in its own words only. */
const absolute = (path: string): string => (/^~?\//.test(path) ? path : `${cwd()}/${path}`);
