import { describe, expect, test } from "vitest";
import { manualPage } from "../../../provider/postgresql/manual";
import { findSetting, type Setting } from "../../../provider/postgresql/settings";
import { majors } from "../../../provider/postgresql/version";

describe("the page of the manual", () => {
  test.each([
    ["14", "autovacuum", "runtime-config-autovacuum.html#GUC-AUTOVACUUM"],
    ["18", "autovacuum", "runtime-config-vacuum.html#GUC-AUTOVACUUM"],
    ["17", "DateStyle", "runtime-config-client.html#GUC-DATESTYLE"],
    ["17", "wal_level", "runtime-config-wal.html#GUC-WAL-LEVEL"],
  ] as const)("in %s of %s", (major, name, page) => {
    const setting = findSetting(major, name);
    expect(setting && manualPage(major, setting)).toBe(`https://www.postgresql.org/docs/${major}/${page}`);
  });

  test.each(majors)("is known of every setting of %s", async (major) => {
    const { default: settings } = await import(`../../../provider/postgresql/settings-catalog/${major}.json`);
    const lost = (settings as Setting[]).filter(
      (setting) => !manualPage(major, setting).includes("/runtime-config-"),
    );
    expect(lost).toEqual([]);
  });
});
