import { describe, expect, test } from "vitest";
import { checkSetting } from "../../../provider/schema/settings";

describe("a setting is taken", () => {
  test.each<[name: string, value: unknown]>([
    ["work_mem", "8MB"],
    ["work_mem", 8192],
    ["autovacuum", true],
    ["autovacuum", "off"],
    ["random_page_cost", 1.1],
    ["wal_level", "logical"],
    ["log_line_prefix", "%m [%p] %"],
    ["log_line_prefix", "5%"],
    ["archive_command", ""],
    ["DateStyle", "ISO, DMY"],
    ["max_connections", null],
    ["shared_buffers", "25%"],
    ["shared_buffers", "12.5%"],
    ["auto_explain.log_min_duration", "1s"],
    ["my_app.anything", true],
    ["my_app.share", "50%"],
    ["my_app.nothing", null],
  ])("%s = %j", (name, value) => {
    expect(checkSetting("17", name, value)).toBeUndefined();
  });
});

const manual = "https://www.postgresql.org/docs/17/runtime-config-";

describe("a setting is refused", () => {
  test.each<[name: string, value: unknown, reason: string]>([
    ["max_conections", 100, "PostgreSQL 17 has no such setting. Did you mean max_connections?"],
    ["banana", 1, "PostgreSQL 17 has no such setting."],
    ["constructor", 1, "PostgreSQL 17 has no such setting."],
    ["__proto__", 1, "PostgreSQL 17 has no such setting."],
    ["Work_Mem", "8MB", "is spelt work_mem"],
    ["datestyle", "ISO", "is spelt DateStyle"],
    ["sort_mem", "8MB", "is spelt work_mem"],
    [
      "work_mem",
      "banana",
      `"banana" is no amount of memory; 64kB to 2147483647kB, as in "8MB" (default 4MB). See ${manual}resource.html#GUC-WORK-MEM`,
    ],
    [
      "work_mem",
      "32kB",
      `"32kB" is outside 64kB to 2147483647kB (default 4MB). See ${manual}resource.html#GUC-WORK-MEM`,
    ],
    [
      "max_connections",
      0,
      `0 is outside 1 to 262143 (default 100). See ${manual}connection.html#GUC-MAX-CONNECTIONS`,
    ],
    ["max_connections", "10%", '"10%": only memory can be a share of the host\'s'],
    [
      "autovacuum",
      "perhaps",
      `"perhaps" is not on or off (default on). See ${manual}autovacuum.html#GUC-AUTOVACUUM`,
    ],
    [
      "wal_level",
      "full",
      `"full" is none of minimal, replica, logical (default replica). See ${manual}wal.html#GUC-WAL-LEVEL`,
    ],
    [
      "log_line_prefix",
      true,
      `true is no text; "on" would be (default %m [%p] ). See ${manual}logging.html#GUC-LOG-LINE-PREFIX`,
    ],
    ["block_size", 8192, "is fixed when the server is built or the instance made; it cannot be set"],
    ["archive_command", "a\nb", "holds a line break or NUL, which postgresql.conf cannot"],
    ["archive_command", "a\rb", "holds a line break or NUL, which postgresql.conf cannot"],
    ["my_app.key", "a\0b", "holds a line break or NUL, which postgresql.conf cannot"],
    ["work_mem", { MB: 8 }, "is no string, number, boolean or null"],
    ["lc_messages", "", 'is no locale; name one, as in "C", or leave it out'],
    ["port", 5433, "use the property port"],
    ["data_directory", "/srv", "use the property dataDirectory"],
    ["config_file", "/srv", "the provider writes postgresql.conf in the data directory"],
    ["hba_file", "/srv", "the provider writes pg_hba.conf in the data directory"],
    ["ident_file", "/srv", "the provider writes pg_ident.conf in the data directory"],
    ["external_pid_file", "/srv", "the provider reads postmaster.pid in the data directory"],
    ["primary_conninfo", "host=a", "use the property standby"],
    ["primary_slot_name", "a", "use the property standby"],
    ["recovery_target_time", "now", "a recovery target belongs to one recovery, not to an instance"],
  ])("%s = %j", (name, value, reason) => {
    expect(checkSetting("17", name, value)).toBe(reason);
  });

  test("when nobody could look after the server with it, and taken as it has to be", () => {
    const reason = "the server would not know the superuser by its name any more; leave it off";
    expect(checkSetting("14", "db_user_namespace", "yes")).toBe(reason);
    expect(checkSetting("14", "db_user_namespace", false)).toBeUndefined();
  });

  test("when its major does not have it, and taken by the one that does", () => {
    expect(checkSetting("17", "io_method", "sync")).toMatch(/^PostgreSQL 17 has no such setting\./);
    expect(checkSetting("18", "io_method", "sync")).toBeUndefined();
  });
});
