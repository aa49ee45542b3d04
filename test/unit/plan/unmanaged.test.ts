import { describe, expect, test } from "vitest";
import { unmanagedLines } from "../../../provider/plan/unmanaged";
import { lines, seen, wish } from "./situations";

const somebodys = (text: string) => ({ label: null, text });
const said = (observed: Parameters<typeof seen>[0]) =>
  unmanagedLines(seen(observed), wish()).map(({ severity, text }) => `${severity}: ${text}`);

describe("what nobody declares", () => {
  test("is nothing of a new instance", () => {
    expect(said({})).toEqual([]);
  });

  test("are settings, with their places, and of many the first", () => {
    expect(said({ settings: lines({ work_mem: "9MB" }) })).toEqual([
      "info: plan: 1 setting that nobody declares: work_mem (postgresql.conf:3)",
    ]);
    const many = {
      geqo: "off",
      jit: "off",
      work_mem: "9MB",
      temp_buffers: "9MB",
      bonjour: "on",
      fsync: "off",
    };
    expect(said({ settings: lines(many) })[0]).toMatch(/^info: plan: 6 settings .*, and 1 more$/);
  });

  test("are records, without their options: one of them may be a password", () => {
    const hba = [
      { label: "own.all", text: "local all postgres peer map=pginstance" },
      somebodys("host all all 10.9.9.9/32 ldap ldapserver=ldap1 ldapbindpasswd=canary"),
      somebodys("host all all 0.0.0.0/0 trust"),
    ];
    expect(said({ access: { hba, ident: [somebodys("m jo app")] } })).toEqual([
      'info: plan: 3 access records that nobody declares: "host all all 10.9.9.9/32 ldap" (pg_hba.conf), ' +
        '"host all all 0.0.0.0/0 trust" (pg_hba.conf), "m jo app" (pg_ident.conf)',
      'warning: an access record that nobody declares lets in without a password: "host all all 0.0.0.0/0 trust" (pg_hba.conf)',
    ]);
  });
});
