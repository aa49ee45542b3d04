import { describe, expect, test } from "vitest";
import { mayBeSecret } from "../../../provider/postgresql/secretive";
import { findSetting } from "../../../provider/postgresql/settings";
import { majors } from "../../../provider/postgresql/version";

describe("a setting that nobody is shown", () => {
  test.each([
    "archive_command",
    "restore_command",
    "archive_cleanup_command",
    "recovery_end_command",
    "ssl_passphrase_command",
    "primary_conninfo",
    "app.password",
    "app.pin",
    "pgsodium.getkey_script",
    "basebackup_to_shell.command",
    "PLPERL.on_init",
  ])("is %s: its text may be a secret", (name) => {
    expect(mayBeSecret(name)).toBe(true);
  });

  test.each([
    "work_mem",
    "password_encryption",
    "ssl_key_file",
    "ssl_passphrase_command_supports_reload",
    "auto_explain.log_min_duration",
    "plpgsql.check_asserts",
  ])("is not %s", (name) => {
    expect(mayBeSecret(name)).toBe(false);
  });

  test.each(majors)("is of PostgreSQL %s one that runs a command, or says how to connect", async (major) => {
    const catalog = await import(`../../../provider/postgresql/settings-catalog/${major}.json`);
    const names: string[] = catalog.default.map(({ name }: { name: string }) => name);
    const hidden = names.filter(
      (name) => mayBeSecret(name) && findSetting(major, name)?.vartype === "string",
    );
    expect(hidden).toEqual([
      "archive_cleanup_command",
      "archive_command",
      "primary_conninfo",
      "recovery_end_command",
      "restore_command",
      "ssl_passphrase_command",
    ]);
  });
});
