import { describe, expect, test } from "vitest";
import { declarationOf, managedElsewhere, withoutSecrets } from "../../../provider/plan/importable";
import { plan } from "../../../provider/plan/plan";
import type { Observed } from "../../../provider/schema/observed";
import { checkSetting } from "../../../provider/schema/settings";
import { lines, seen, wish } from "./situations";

const declared = (observed: Observed) =>
  declarationOf(observed, { version: "17", name: "orders" }, (name, value) =>
    checkSetting("17", name, value),
  );

describe("what a program declares of an instance that others made", () => {
  test.each<[there: Record<string, string>, settings: Record<string, string> | undefined]>([
    [{}, undefined],
    [{ work_mem: "6MB" }, { work_mem: "6MB" }],
    [{ work_mem: "4096kB", autovacuum: "yes" }, undefined],
    [{ max_connections: "100", shared_buffers: "128MB", max_wal_size: "1024MB" }, undefined],
    [
      { max_connections: "300", shared_buffers: "4GB" },
      { max_connections: "300", shared_buffers: "4GB" },
    ],
    [{ datestyle: "iso, mdy", timezone: "Etc/UTC", lc_messages: "C", port: "5433" }, undefined],
    [{ data_directory: "/d", hba_file: "/h", ident_file: "/i", external_pid_file: "/p" }, undefined],
    [{ "auto_explain.log_min_duration": "1s" }, { "auto_explain.log_min_duration": "1s" }],
  ])("settings that somebody chose: %j -> %j", (there, settings) => {
    const found = declared(seen({ adopted: true, settings: lines(there) }));
    expect(found).toEqual({ inputs: settings ? { settings } : {}, notes: [] });
  });

  test("what may be a secret, and what cannot be declared, is named without its value", () => {
    const there = {
      ssl_passphrase_command: "canary",
      archive_command: "canary",
      restore_command: "canary",
      primary_conninfo: "canary",
      "app.password": "canary",
      "app.pin": "canary",
    };
    const { inputs, notes } = declared(seen({ adopted: true, settings: lines(there) }));
    expect(inputs).toEqual({});
    expect(notes).toHaveLength(Object.keys(there).length);
    expect(notes.join("\n")).not.toContain("canary");
    expect(notes[0]).toMatch(/^ssl_passphrase_command \(.*\) is not declared: it may be a secret$/);
  });
});

describe("what is said of an instance that is imported", () => {
  test("of its superuser's password, where it has one, that no program knows it", () => {
    const { inputs, notes } = declared(seen({ passwordVerifier: "SCRAM-SHA-256$4096:canary" }));
    expect(inputs).toEqual({});
    expect(notes).toEqual([
      "superuserPassword is not declared: the server has one, and keeps no more of it than a verifier. It stays as it is",
    ]);
  });

  test("which stack has it already, where one has", () => {
    expect(managedElsewhere({ id: "orders-0123456789", stack: "5f2a" })).toEqual([
      "a stack manages it, as orders-0123456789: take it out of that stack's program and state (`pulumi state delete`) first, or two stacks change one server",
    ]);
    expect(managedElsewhere({ id: "orders-0123456789" })).toEqual([]);
    expect(managedElsewhere(undefined)).toEqual([]);
  });
});

describe("what a program declares of an instance of ours", () => {
  const ours = seen({
    settings: lines({ work_mem: "6MB", cluster_name: "orders", port: "5432", log_statement: "all" }),
    originals: { work_mem: null, cluster_name: null, port: null },
    access: {
      hba: [
        { label: "own.all", text: "local all postgres peer map=pginstance" },
        { label: "hba.app", text: "host shop app 10.0.0.0/8 scram-sha-256" },
        { label: "auth.local.all", text: "local all all peer" },
        { label: "auth.host.all.ipv4", text: "host all all 127.0.0.1/32 scram-sha-256" },
        { label: null, text: "host all all 192.168.0.0/16 md5" },
      ],
      ident: [{ label: "ident.jo", text: "apps jo app" }],
    },
  });

  test("is what it manages: lines that it wrote, records that bear its labels", () => {
    expect(declared(ours).inputs).toEqual({
      settings: { work_mem: "6MB" },
      hba: {
        app: { type: "host", database: "shop", user: "app", address: "10.0.0.0/8", method: "scram-sha-256" },
      },
      ident: { jo: { map: "apps", systemUser: "jo", databaseUser: "app" } },
      auth: { local: "peer" },
    });
  });

  test("what may be a secret is to be declared by hand, before it is taken out", () => {
    const settings = lines({ archive_command: "canary" });
    const { inputs, notes } = declared({ ...ours, settings, originals: { archive_command: null } });
    expect(inputs.settings).toBeUndefined();
    expect(notes).toEqual([
      expect.stringMatching(
        /^archive_command \(.*\) is not declared: it may be a secret\. Declare it by hand/,
      ),
    ]);
  });

  test("and no setting is planned for it then", () => {
    const { settings = {} } = declared(ours).inputs;
    const steps = plan(ours, wish({ settings }));
    expect(steps.filter(({ kind }) => kind === "writeConfiguration")).toEqual([]);
  });
});

describe("what an import remembers of an instance", () => {
  const canary = { value: "canary", place: "postgresql.conf:1" };
  const full = seen({
    settings: { ...lines({ work_mem: "6MB" }), archive_command: canary, "app.key": canary },
    overrides: { archive_command: canary },
    originals: { work_mem: null, archive_command: "canary", "app.key": null },
    pending: { "app.key": { running: "canary", wanted: "canary" } },
  });

  test("has of what may be a secret that it is there, and no more", () => {
    const shown = withoutSecrets(full);
    expect(JSON.stringify(shown)).not.toContain("canary");
    expect(shown.settings).toMatchObject({
      work_mem: { value: "6MB" },
      archive_command: { value: "(not shown)", place: "postgresql.conf:1" },
    });
    expect(shown.originals).toEqual({ work_mem: null, archive_command: "(not shown)", "app.key": null });
  });

  test("is enough for a preview to say that it is taken out when nobody declares it", () => {
    const steps = plan(withoutSecrets(full), wish({ settings: { work_mem: "6MB" } }));
    const written = steps.flatMap((step) => (step.kind === "writeConfiguration" ? step.changes : []));
    expect(written.map(({ name }) => name)).toEqual(["app.key", "archive_command"]);
  });
});
