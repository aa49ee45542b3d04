import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import type { CompleteMajor } from "../../../scripts/setup/complete.mjs";
import { contentOf, fill, upgradable } from "../../support/upgrades";

const cases: readonly [from: CompleteMajor, to: CompleteMajor, mode: string][] = [
  ["15", "17", "copy"],
  ["15", "17", "link"],
  ["15", "18", "copy"],
  ["17", "18", "copy"],
  ["17", "18", "swap"],
];

describe("an upgrade", () => {
  it.each(cases)(
    "from %s to %s by %s keeps data, roles, settings and access",
    async (from, to, mode) => {
      const at = await upgradable(from, { dataChecksums: from !== "17", settings: { work_mem: "6MB" } });
      try {
        await fill(at);
        await at.sql(
          from === "15"
            ? "CREATE EXTENSION pg_stat_statements SCHEMA public VERSION '1.9'"
            : "CREATE EXTENSION amcheck SCHEMA public VERSION '1.3'",
        );
        const before = await contentOf(at.sql);
        const hba = await readFile(join(at.target.dataDirectory, "pg_hba.conf"), "utf8");
        const wanted = await at.raised(to, { upgrade: { mode }, settings: { work_mem: "7MB" } });
        const { outs } = await instance.update(at.id, at.outs, wanted);
        const now = await at.as(to);
        expect(await contentOf(now.sql)).toEqual(before);
        expect(outs).toMatchObject({ version: to, phase: "ready", dataDirectory: at.target.dataDirectory });
        const [settings] = await now.sql(
          `SELECT current_setting('work_mem') AS memory, current_setting('max_connections') AS connections,
                current_setting('data_checksums') AS checksums, current_setting('server_version_num')::int / 10000 AS major,
                current_setting('cluster_name') AS name`,
        );
        expect(settings).toEqual({
          memory: "7MB",
          connections: "30",
          checksums: from === "17" ? "off" : "on",
          major: Number(to),
          name: "main",
        });
        expect(await readFile(join(at.target.dataDirectory, "pg_hba.conf"), "utf8")).toBe(hba);
        expect(await readFile(join(at.target.dataDirectory, "readers"), "utf8")).toBe("reader\n");
        const outdated = await now.sql(
          "SELECT 1 FROM pg_extension e JOIN pg_available_extensions a ON a.name = extname WHERE extversion <> a.default_version",
        );
        expect(outdated).toEqual([]);
        const [statistics] = await now.sql(
          "SELECT count(*)::int AS count FROM pg_stats WHERE tablename = 'orders'",
        );
        expect(statistics).toEqual({ count: 3 });
        const old = `${at.target.dataDirectory}.old-${from}`;
        expect(existsSync(join(old, "global", "pg_control.old"))).toBe(true);
        expect(existsSync(join(old, "global", "pg_control"))).toBe(false);
        const state = outs as Properties;
        expect(await instance.diff(at.id, state, wanted)).toMatchObject({ changes: false });
        const read = await instance.read(at.id, state);
        expect(await instance.diff(at.id, read.props as Properties, wanted)).toMatchObject({
          changes: false,
        });
        await instance.delete(at.id, state);
        expect(existsSync(old)).toBe(false);
      } finally {
        await at.folder.dispose();
      }
    },
    180_000,
  );
});
