import { z } from "zod";
import { findEncoding, serverEncodings } from "../postgresql/locale";
import { isScramVerifier } from "../postgresql/scram";
import { upgradeModes } from "../postgresql/upgrade-programs";
import { majors } from "../postgresql/version";
import { hba, ident } from "./access";
import { become, host } from "./host";
import {
  because,
  boolean,
  choice,
  count,
  matching,
  object,
  port,
  said,
  seconds,
  secretBecause,
  secretObject,
} from "./parts";
import { standby } from "./standby";

/** The inputs of an Instance, property by property: what each may be. `sdk/instance.ts` says what each means. */

const absolutePath = matching(
  // Not the root itself; no `.` or `..` part; nothing a shell, a configuration file or a terminal would stumble over.
  /^(\/(?!\.{1,2}(\/|$))[^/\0\r\n]+)+$/,
  'is no absolute path without "." and ".." parts, as in "/srv/postgresql/main"',
);

const roleName = matching(
  /^(?!pg_)[A-Za-z_][A-Za-z0-9_$-]{0,62}$/,
  'is no name of a role, as in "replicator"',
);

/** ReplicationSlotValidateName() in src/backend/replication/slot.c */
const slotName = matching(
  /^[a-z0-9_]{1,63}$/,
  'is no name of a replication slot: 1 to 63 lower-case letters, digits and _, as in "standby1"',
);

/** A list of them, and quotes, are more than the setting's one directory; a socket's whole path may have 107 bytes. */
const socketDirectory = absolutePath
  .max(90, because("is longer than 90 characters: the path of a socket in it would not fit"))
  .regex(/^[^,"']*$/, because("holds a comma or a quote"));

const tablespaces = z
  .record(
    z.string(),
    absolutePath.regex(/^[^']*$/, because("holds a quote, which PostgreSQL refuses in a location")),
    because("is no map from names of tablespaces to absolute paths"),
  )
  .superRefine((map, { addIssue }) => {
    for (const name of Object.keys(map).filter((given) => !/^(?!pg_)[A-Za-z_][\w$-]{0,62}$/.test(given))) {
      addIssue({
        code: "custom",
        path: [name],
        message: "is no name of a tablespace: letters, digits, _, $ and -, not beginning with pg_",
      });
    }
  });

/** systemd reads a value to the end of its line. */
const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, because("is no name of an environment variable")),
  z.string().regex(/^\P{Cc}*$/u, because("holds a line break or another control character")),
  because("is no map from names of environment variables to texts"),
);

const userName = matching(
  /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/,
  'is no name of a user on a host, as in "postgres"',
);

/** A refresh may find any; what a program may ask is checked by `checkAccess`. */
const method = z.string(because("is no authentication method")).optional();

const verifier = z
  .string(secretBecause("is no text"))
  .refine(isScramVerifier, secretBecause("is no SCRAM-SHA-256 verifier; the class makes one of a password"));

export const settingValue = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  ...secretBecause("is no string, number, boolean or null"),
});

export const shape = {
  host,
  become,
  address: matching(/^[A-Za-z0-9.:_%-]{1,253}$/, 'is no host name or address, as in "db1.example.com"'),
  name: matching(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/,
    "is no name of an instance: 1 to 63 letters, digits, _ . or -, not beginning with . or -",
  ),
  version: choice(majors),
  port,
  state: choice(["started", "stopped"]),
  settings: z.record(z.string(), settingValue, secretBecause("is no map from setting names to values")),
  unmanagedSettings: choice(["keep", "remove"]),
  restartOnChanges: boolean,
  restartTriggers: z.json(secretBecause("is no value that JSON can hold")),
  auth: object({ local: method, host: method, hostssl: method }),
  hba,
  ident,
  unmanagedHba: choice(["keep", "remove"]),
  superuser: matching(
    /^(?!pg_)[A-Za-z_][A-Za-z0-9_$]{0,62}$/,
    "is no name of a superuser: letters, digits, _ and $",
  ),
  superuserPasswordVerifier: verifier,
  replicationRole: secretObject({ name: roleName, passwordVerifier: verifier.optional() }),
  replicationSlots: z.array(slotName, because('is no list of names of slots, as in ["standby1"]')),
  dataChecksums: boolean,
  locale: matching(/^[A-Za-z0-9_.@-]{1,100}$/, 'is no name of a locale, as in "C.UTF-8" or "de_DE.UTF-8"'),
  encoding: z
    .string(because("is no name of an encoding"))
    .refine((value) => findEncoding(value) !== undefined, {
      error: (issue) => said(issue.input, `is no server encoding; ${serverEncodings.join(", ")}`),
    }),
  dataDirectory: absolutePath,
  walDirectory: absolutePath,
  socketDirectory,
  tablespaces,
  binDirectory: absolutePath,
  owner: userName,
  serviceManager: choice(["systemd", "pg_ctl"]),
  service: object({
    enabled: boolean.optional(),
    unit: matching(
      /^[A-Za-z0-9:_.@-]{1,240}$/,
      'is no name of a systemd unit, as in "postgresql@17-main"',
    ).optional(),
    environment: environment.optional(),
  }),
  standby,
  adopt: boolean,
  deletionProtection: boolean,
  finalDump: matching(
    /^(skip|(\/(?!\.{1,2}(\/|$))[^/\0\r\n]+)+)$/,
    'is neither the absolute path of a directory on the host, as in "/var/backups/postgresql", nor "skip"',
  ),
  stopMode: choice(["smart", "fast", "immediate"]),
  timeouts: object({
    start: seconds(1, 604800).optional(),
    stop: seconds(1, 604800).optional(),
    promote: seconds(1, 604800).optional(),
    upgrade: seconds(1, 604800).optional(),
  }),
  upgrade: object({
    mode: choice(upgradeModes).optional(),
    jobs: count(1, 64).optional(),
    keepOld: boolean.optional(),
    dropsReplication: boolean.optional(),
  }),
} as const;

const everyProperty = z.object(shape);

/** Those without which there is no instance to plan: `check` gives them a default when the program does not. */
const settled = {
  host: true,
  address: true,
  name: true,
  version: true,
  port: true,
  state: true,
  restartOnChanges: true,
  superuser: true,
  deletionProtection: true,
  stopMode: true,
} as const satisfies { [K in PropertyName]?: true };

export type PropertyName = keyof typeof shape;
export type InstanceInputs = Partial<z.infer<typeof everyProperty>> &
  Pick<z.infer<typeof everyProperty>, keyof typeof settled>;

export const propertyNames = Object.keys(shape) as readonly PropertyName[];

export function isPropertyName(name: string): name is PropertyName {
  return Object.hasOwn(shape, name);
}

const declaration = everyProperty.partial().required(settled);

/** Inputs that `check` has been through, without the engine's own keys. */
export function parseInputs(checked: Readonly<Record<string, unknown>>): InstanceInputs {
  const own = Object.entries(checked).filter(([name, value]) => isPropertyName(name) && value !== null);
  return declaration.parse(Object.fromEntries(own));
}
