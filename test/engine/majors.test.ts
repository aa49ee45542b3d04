import { describe, expect, test } from "vitest";
import { Scenario } from "../support/scenario";
import { majors } from "../support/servers";

/** Every major once, and both ways with several. */
const overSsh = ["15", "17"];
const runs = majors.map((major) => ({ major, way: overSsh.includes(major) ? "ssh" : "local" }) as const);

describe.each(runs)("PostgreSQL $major ($way)", ({ major, way }) => {
  test("two refreshes of an untouched instance, and a second up, report no change", async () => {
    const it = await Scenario.open({ major, way });
    try {
      await it.declare(
        'settings: { shared_buffers: "1%", work_mem: "8MB", log_min_duration_statement: "1min", autovacuum: true, jit: "OFF" }, ' +
          'superuserPassword: "one", restartTriggers: { a: 1 }',
      );
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      const before = (await it.project.state()).resources.find((one) =>
        String(one.type).endsWith("Instance"),
      );
      expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      expect(await it.project.up("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      const after = (await it.project.state()).resources.find((one) => String(one.type).endsWith("Instance"));
      expect(Object.keys(after?.outputs ?? {})).toEqual(Object.keys(before?.outputs ?? {}));
      expect(await it.ask("SHOW server_version")).toMatch(new RegExp(`^${major}\\.`));
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      expect(await it.leftovers()).toEqual([]);
    } finally {
      await it.close();
    }
  });
});
