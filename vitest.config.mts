import { defineConfig } from "vitest/config";

/** One project a kind of test; `npm run check` runs the first two, `npm test` all of them, the last one as root only. */
const kinds = {
  unit: { testTimeout: 5_000, hookTimeout: 10_000, fileParallelism: true },
  property: { testTimeout: 20_000, hookTimeout: 10_000, fileParallelism: true },
  integration: { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: true },
  engine: { testTimeout: 180_000, hookTimeout: 300_000, fileParallelism: true },
  hosts: { testTimeout: 120_000, hookTimeout: 300_000, fileParallelism: true },
};

export default defineConfig({
  test: {
    projects: Object.entries(kinds).map(([name, limits]) => ({
      test: { name, include: [`test/${name}/**/*.test.ts`], environment: "node", maxWorkers: 3, ...limits },
    })),
  },
});
