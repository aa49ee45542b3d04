import { expect, test } from "vitest";
import { Scenario } from "../support/scenario";

test.each(["local", "ssh"] as const)(
  "the packed package, installed by pnpm, makes, changes, refreshes and removes an instance (%s)",
  async (way) => {
    const it = await Scenario.open({ manager: "pnpm", way });
    try {
      await it.declare('settings: { work_mem: "8MB" }');
      expect((await it.project.preview()).stdout).toContain("plan: new instance 17/main");
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.project.up("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      await it.declare('settings: { work_mem: "16MB" }');
      expect(await it.project.up()).toMatchObject({ exitCode: 0 });
      expect(await it.ask("SHOW work_mem")).toBe("16MB");
      expect(await it.project.refresh("--expect-no-changes")).toMatchObject({ exitCode: 0 });
      expect(await it.project.destroy()).toMatchObject({ exitCode: 0 });
      expect(await it.leftovers()).toEqual([]);
    } finally {
      await it.close();
    }
  },
);
