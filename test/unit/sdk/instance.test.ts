import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import { nothing } from "../../../provider/plan/nothing";
import { isScramVerifier } from "../../../provider/postgresql/scram";
import { check } from "../../../provider/schema/check";
import type { shape } from "../../../provider/schema/inputs";
import { declaredNames, type Made, printState } from "../../../provider/schema/state";
import {
  type Become,
  type HostArgs,
  Instance,
  type InstanceArgs,
  type OpensshArgs,
  type SshArgs,
  type SshHop,
  type SshSecrets,
  type Standby,
} from "../../../sdk";

interface Registered {
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What reached the engine's side, by the resource's name. */
const registered = new Map<string, Registered>();

/** What the class handed to the SDK: its options, and inputs that are still outputs. */
const handed = new Map<string, pulumi.ResourceTransformationArgs>();

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        registered.set(name, { type, inputs });
        return { id: `${name}-1a2b`, state: { ...check({}, inputs).inputs } };
      },
      call: () => ({}),
    },
    "shop",
    "dev",
    true,
  );
});

beforeEach(() => {
  registered.clear();
  handed.clear();
});

const watched = (options: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions => ({
  ...options,
  transformations: [
    (args) => {
      handed.set(args.name, args);
      return undefined;
    },
  ],
});

async function register(args: InstanceArgs, options?: pulumi.CustomResourceOptions, name = "orders") {
  const instance = new Instance(name, args, watched(options));
  await promiseOf(instance.urn);
  const { type = "", inputs = {} } = registered.get(name) ?? {};
  const options_ = handed.get(name)?.opts as pulumi.CustomResourceOptions;
  return { instance, type, inputs, options: options_, props: handed.get(name)?.props ?? {} };
}

function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });
}

const canary = "c4nary-s3cret";

describe("what the state keeps for ever", () => {
  test("is this type", async () => {
    const { type } = await register({ version: "17" });
    expect(type).toBe("pulumi-nodejs:dynamic/pginstance:Instance");
  });

  test("is this provider, whatever the program", async () => {
    const text = 'exports.handler = () => require("pulumi-pginstance/provider").instance;';
    const plain = await register({ version: "17" });
    const other = await register({ version: "14", superuserPassword: canary, port: 6000 }, {}, "other");
    expect(plain.inputs.__provider).toBe(text);
    expect(other.inputs.__provider).toBe(text);
  });

  test("is nothing that the program did not say, but the provider and its URN", async () => {
    const { inputs } = await register({ version: "17", port: 6000 });
    expect(Object.keys(inputs).sort()).toEqual(["__provider", "__urn", "port", "version"]);
  });
});

describe("the URN that the provider gets", () => {
  test("is the resource's own", async () => {
    const { instance, inputs } = await register({ version: "17" });
    expect(inputs.__urn).toBe(await promiseOf(instance.urn));
    expect(inputs.__urn).toBe("urn:pulumi:dev::shop::pulumi-nodejs:dynamic/pginstance:Instance::orders");
  });

  test("is its own within a component too", async () => {
    const parent = new pulumi.ComponentResource("shop:index:Database", "db");
    const { instance, inputs } = await register({ version: "17" }, { parent });
    expect(inputs.__urn).toBe(await promiseOf(instance.urn));
    expect(inputs.__urn).toBe(
      "urn:pulumi:dev::shop::shop:index:Database$pulumi-nodejs:dynamic/pginstance:Instance::orders",
    );
  });
});

describe("a password", () => {
  test.each<[string, pulumi.Input<string>]>([
    ["as text", canary],
    ["as a secret", pulumi.secret(canary)],
    ["as an output", pulumi.output(canary)],
  ])("given %s leaves the program as a verifier only, and that secret", async (_, superuserPassword) => {
    const { inputs, props } = await register({ version: "17", superuserPassword });
    expect(JSON.stringify(inputs)).not.toContain(canary);
    expect(inputs).not.toHaveProperty("superuserPassword");
    expect(props).not.toHaveProperty("superuserPassword");
    expect(await isSecret(props.superuserPasswordVerifier)).toBe(true);
    expect(isScramVerifier(await promiseOf(props.superuserPasswordVerifier))).toBe(true);
  });

  test("gives the same verifier in every run, and another for another resource", async () => {
    const verifierOf = async (name: string, args: Partial<InstanceArgs> = {}) => {
      const { props } = await register({ version: "17", superuserPassword: canary, ...args }, {}, name);
      return promiseOf(props.superuserPasswordVerifier);
    };
    const first = await verifierOf("orders");
    expect(await verifierOf("orders")).toBe(first);
    expect(await verifierOf("invoices")).not.toBe(first);
    expect(await verifierOf("renamed", { name: "orders" })).toBe(first);
    expect(await verifierOf("orders", { superuserPassword: "other" })).not.toBe(first);
  });

  test("may be a verifier already, which is secret as well", async () => {
    const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=`;
    const { props } = await register({ version: "17", superuserPasswordVerifier: verifier });
    expect(await isSecret(props.superuserPasswordVerifier)).toBe(true);
    expect(await promiseOf(props.superuserPasswordVerifier)).toBe(verifier);
  });

  test("is none, when none is given", async () => {
    expect((await register({ version: "17" })).inputs).not.toHaveProperty("superuserPasswordVerifier");
  });
});

const isSecret = (value: unknown): Promise<boolean> =>
  pulumi.Output.isInstance(value) ? pulumi.isSecret(value) : Promise.resolve(false);

describe("credentials of a host", () => {
  const ssh = {
    host: "db1",
    user: "deploy",
    privateKeyFile: "~/.ssh/deploy",
    passwordEnv: "DB1_PASSWORD",
    privateKey: `${canary}-key`,
    passphrase: `${canary}-phrase`,
    password: `${canary}-word`,
    jump: [{ host: "a" }, { host: "constructor" }],
    jumpCredentials: { a: { privateKey: `${canary}-a` }, constructor: { password: `${canary}-b` } },
  };
  const become = { method: "sudo" as const, password: `${canary}-sudo`, passwordEnv: "SUDO" };
  const secrets = [
    "become.password",
    "host.ssh.jumpCredentials.a.privateKey",
    "host.ssh.jumpCredentials.constructor.password",
    "host.ssh.passphrase",
    "host.ssh.password",
    "host.ssh.privateKey",
  ];
  /** An object with other wrapping around its parts. */
  const parts = (wrap: (value: unknown) => unknown, value: object) =>
    Object.fromEntries(Object.entries(value).map(([name, part]) => [name, wrap(part)]));

  test.each<[string, host: unknown, become: unknown]>([
    ["are plain", { ssh }, become],
    ["are secret already", { ssh: { ...ssh, password: pulumi.secret(ssh.password) } }, become],
    ["come as promises", { ssh: parts(Promise.resolve.bind(Promise), ssh) }, Promise.resolve(become)],
    ["come as outputs", { ssh: parts(pulumi.output, ssh) }, parts(pulumi.output, become)],
    ["come with an output of ssh", { ssh: pulumi.output(ssh) }, pulumi.output(become)],
    ["come with a promise of ssh", { ssh: Promise.resolve(ssh) }, become],
    ["come with an output of the host", pulumi.output({ ssh }), pulumi.output(Promise.resolve(become))],
    ["come with a promise of the host", Promise.resolve({ ssh }), become],
    [
      "are secret in a promise of the host",
      Promise.resolve({ ssh: { ...ssh, password: pulumi.secret(ssh.password) } }),
      become,
    ],
  ])("are secret, and nothing else is, when they %s", async (_, host, becoming) => {
    const args = { version: "17", host, become: becoming } as InstanceArgs;
    const { props } = await register(args);
    const found = await unwrap({ host: props.host, become: props.become });
    expect(found.plain).toEqual({ host: { ssh }, become });
    expect(found.secrets.sort()).toEqual(secrets);
  });

  test("are left to Pulumi where an output of the whole holds a secret: all of it is one then", async () => {
    const host = pulumi.output({ ssh: { ...ssh, password: pulumi.secret(ssh.password) } });
    const { props } = await register({ version: "17", host });
    expect(await isSecret(props.host)).toBe(true);
  });

  test("are no reason to touch what is not there, or is none", async () => {
    const { inputs } = await register({ version: "17", host: { local: {} }, become: {} });
    expect(inputs).toMatchObject({ host: { local: {} }, become: {} });
    const odd = await register(
      { version: "17", host: "db1", become: [canary] } as unknown as InstanceArgs,
      {},
      "odd",
    );
    expect(odd.inputs).toMatchObject({ host: "db1", become: [canary] });
    const none = await register({ version: "17", host: { ssh: { host: "db1" } } }, {}, "none");
    expect(none.inputs.host).toEqual({ ssh: { host: "db1" } });
  });

  test("do not change the arguments of the program", async () => {
    const args = Object.freeze({
      version: "17" as const,
      host: Object.freeze({ ssh: Object.freeze({ ...ssh }) }),
    });
    const before = JSON.stringify(args);
    await register(args);
    expect(JSON.stringify(args)).toBe(before);
  });
});

/** What is in inputs, however it is wrapped, and the paths of what is secret. */
async function unwrap(value: unknown, path = ""): Promise<{ plain: unknown; secrets: string[] }> {
  if (pulumi.Output.isInstance(value)) {
    const here = (await pulumi.isSecret(value)) ? [path] : [];
    const { plain, secrets } = await unwrap(await promiseOf(value), path);
    return { plain, secrets: [...here, ...secrets] };
  }
  if (value instanceof Promise) return unwrap(await value, path);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { plain: value, secrets: [] };
  const parts = await Promise.all(
    Object.entries(value).map(async ([name, part]) => {
      const found = await unwrap(part, path ? `${path}.${name}` : name);
      return { ...found, entry: [name, found.plain] as const };
    }),
  );
  return {
    plain: Object.fromEntries(parts.map(({ entry }) => entry)),
    secrets: parts.flatMap(({ secrets }) => secrets),
  };
}

describe("the engine's protection", () => {
  test.each<
    [title: string, args: Partial<InstanceArgs>, options: pulumi.CustomResourceOptions, protect: unknown]
  >([
    ["is on by itself", {}, {}, true],
    ["is on as deletionProtection is", { deletionProtection: true }, {}, true],
    ["is off as deletionProtection is", { deletionProtection: false }, {}, false],
    [
      "is left alone when deletionProtection is not known now",
      { deletionProtection: pulumi.output(true) },
      {},
      undefined,
    ],
    ["is what the program says, off", {}, { protect: false }, false],
    ["is what the program says, on", { deletionProtection: false }, { protect: true }, true],
  ])("%s", async (_, args, given, protect) => {
    const { options } = await register({ version: "17", ...args }, given);
    expect(options.protect).toBe(protect);
  });
});

describe("options", () => {
  test("hide what no reviewer needs to see", async () => {
    const { options } = await register({ version: "17" });
    expect(options.hideDiffs).toEqual(["__provider", "__urn", "__defaults", "__secretSettings", "observed"]);
    expect(options.additionalSecretOutputs).toEqual(["superuserPasswordVerifier", "observed"]);
  });

  test("of the program are added, not replaced", async () => {
    const { options } = await register(
      { version: "17" },
      { hideDiffs: ["settings"], additionalSecretOutputs: ["uri"], ignoreChanges: ["port"] },
    );
    expect(options.hideDiffs).toEqual([
      "__provider",
      "__urn",
      "__defaults",
      "__secretSettings",
      "observed",
      "settings",
    ]);
    expect(options.additionalSecretOutputs).toEqual(["superuserPasswordVerifier", "observed", "uri"]);
    expect(options.ignoreChanges).toEqual(["port"]);
  });

  test("and args stay as they were given", async () => {
    const args = Object.freeze({
      version: "17" as const,
      superuserPassword: canary,
      settings: Object.freeze({ work_mem: "8MB" }),
    });
    const given = Object.freeze({ hideDiffs: Object.freeze(["settings"]) as string[] });
    const before = JSON.stringify([args, given]);
    new Instance("frozen", args, given);
    expect(JSON.stringify([args, given])).toBe(before);
  });
});

describe("a standby", () => {
  test("of an Instance gets its connection string, and depends on it", async () => {
    const replicationRole = { name: "replicator", password: canary };
    const primary = new Instance("first", { version: "17", address: "db1", port: 6000, replicationRole });
    const { inputs, props, instance } = await register({ version: "17", standby: { primary, slot: "one" } });
    expect(inputs.standby).toEqual({ primary: "host=db1 port=6000 user=replicator", slot: "one" });
    expect(await isSecret(primary.primaryConninfo)).toBe(false);
    // Of a standby too, where the same role is.
    expect(await promiseOf(instance.primaryConninfo)).toBe("host=localhost port=5432 user=replicator");
    const given = Reflect.get(props.standby as object, "primary") as pulumi.Output<string>;
    expect(Reflect.get(given, "resources")().has(primary)).toBe(true);
  });

  test.each<[string, (standby: Standby) => InstanceArgs["standby"]]>([
    ["a plain object", (standby) => standby],
    ["an output", (standby) => pulumi.output(standby) as unknown as InstanceArgs["standby"]],
    ["a promise", async (standby) => standby],
  ])("given as %s keeps the password secret, and nothing else", async (_, given) => {
    const standby = given({ primary: "host=db1 user=replicator", password: canary });
    const { props } = await register({ version: "17", standby });
    const { plain, secrets } = await unwrap(props.standby);
    expect(plain).toEqual({ primary: "host=db1 user=replicator", password: canary });
    expect(secrets).toEqual(["password"]);
  });
});

describe("addresses for clients", () => {
  test.each([
    ["localhost", "postgresql://postgres@localhost:5432/postgres", "host=localhost port=5432"],
    [
      "db1.example.com",
      "postgresql://postgres@db1.example.com:5432/postgres",
      "host=db1.example.com port=5432",
    ],
    ["10.0.0.1", "postgresql://postgres@10.0.0.1:5432/postgres", "host=10.0.0.1 port=5432"],
    ["2001:db8::1", "postgresql://postgres@[2001:db8::1]:5432/postgres", "host=2001:db8::1 port=5432"],
  ])("of %s are known in the preview, without password", async (address, uri, conninfo) => {
    const { instance } = await register({ version: "17", address, superuserPassword: canary });
    expect(await promiseOf(instance.uri)).toBe(uri);
    expect(await promiseOf(instance.primaryConninfo)).toBe(conninfo);
  });

  test("are those of the ssh host by default, and are not known as long as that is not", async () => {
    const { instance } = await register({ version: "17", host: { ssh: { host: "fe80::1%eth0" } } });
    expect(await promiseOf(instance.uri)).toBe("postgresql://postgres@[fe80::1%25eth0]:5432/postgres");
    expect(await promiseOf(instance.primaryConninfo)).toBe("host=fe80::1%eth0 port=5432");
    const host = { ssh: { host: pulumi.unknown as unknown as string } };
    const later = await register({ version: "17", host }, {}, "later");
    expect(await Reflect.get(later.instance.uri, "isKnown")).toBe(false);
    expect(await Reflect.get(instance.uri, "isKnown")).toBe(true);
  });

  test("are those of the openssh host by default", async () => {
    const { instance } = await register({ version: "17", host: { openssh: { host: "orders-db" } } });
    expect(await promiseOf(instance.uri)).toBe("postgresql://postgres@orders-db:5432/postgres");
  });

  test("follow port and superuser", async () => {
    const { instance } = await register({ version: "17", port: 6000, superuser: "admin" });
    expect(await promiseOf(instance.uri)).toBe("postgresql://admin@localhost:6000/postgres");
    expect(await promiseOf(instance.primaryConninfo)).toBe("host=localhost port=6000");
  });
});

/** True only for two equal types; a missing name makes the line below an error of the compiler. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

describe("the class and the provider agree", () => {
  test("on the inputs that there are", () => {
    const same: Same<Exclude<keyof InstanceArgs, "superuserPassword">, keyof typeof shape> = true;
    expect(same).toBe(true);
  });

  test("on a host and the way to it", () => {
    type Host = z.infer<(typeof shape)["host"]>;
    type OfSchema = NonNullable<Host["ssh"]>;
    const same: [
      Same<keyof SshArgs, keyof OfSchema>,
      Same<keyof OpensshArgs, keyof NonNullable<Host["openssh"]>>,
      Same<keyof SshHop, keyof NonNullable<OfSchema["jump"]>[number]>,
      Same<keyof SshSecrets, keyof NonNullable<OfSchema["jumpCredentials"]>[string]>,
      Same<keyof Become, keyof z.infer<(typeof shape)["become"]>>,
      Host extends HostArgs ? true : false,
    ] = [true, true, true, true, true, true];
    expect(same).not.toContain(false);
  });

  test("on a standby", () => {
    const same: Same<keyof Standby, keyof z.infer<(typeof shape)["standby"]>> = true;
    expect(same).toBe(true);
  });

  test("on the outputs: each of the class is in the state", async () => {
    const made: Made = {
      schemaVersion: 1,
      phase: "ready",
      declared: [],
      observed: {
        ...nothing,
        existence: "present",
        locale: "C",
        encoding: "UTF8",
        dataChecksums: true,
        walDirectory: "/srv/pg_wal",
      },
      dataDirectory: "/srv/pg",
      binDirectory: "/usr/bin",
      owner: "postgres",
      systemIdentifier: "1",
      serverVersion: "17.10",
      role: "primary",
      logFile: "/srv/pg.pginstance/postgresql.log",
      unit: "pginstance-orders-1.service",
      hostKeys: {},
      pendingRestart: false,
      pendingRestartReasons: {},
      resolvedSettings: {},
      hostMemory: 1,
    };
    const { inputs } = check({}, { version: "17" });
    const state = printState(inputs, { ...made, declared: declaredNames(inputs) });
    const { instance } = await register({ version: "17" });
    for (const output of Object.keys(outputs)) {
      expect(Object.keys(state)).toContain(output);
      expect(pulumi.Output.isInstance(Reflect.get(instance, output))).toBe(true);
    }
  });
});

type ClassOutputs = Exclude<keyof Instance, keyof pulumi.CustomResource | "uri" | "primaryConninfo">;

/** The compiler keeps this list complete. */
const outputs: { readonly [K in ClassOutputs]: true } = {
  address: true,
  name: true,
  version: true,
  port: true,
  state: true,
  superuser: true,
  dataDirectory: true,
  binDirectory: true,
  owner: true,
  walDirectory: true,
  dataChecksums: true,
  locale: true,
  encoding: true,
  serverVersion: true,
  systemIdentifier: true,
  role: true,
  logFile: true,
  unit: true,
  hostKeys: true,
  pendingRestart: true,
  pendingRestartReasons: true,
  resolvedSettings: true,
  hostMemory: true,
  phase: true,
};
