import { expect, test } from "vitest";
import { Scenario } from "../support/scenario";
import { freePort } from "../support/servers";
import { openWay } from "../support/way";

/** HOSTS=20 in the environment tries so many. */
const many = Number(process.env.HOSTS ?? 4);

test(`${many} hosts at once have an instance each, and one connection each`, {
  timeout: 30_000 + 15_000 * many,
}, async () => {
  const scenario = await Scenario.open();
  const ways = await Promise.all(Array.from({ length: many }, () => openWay("ssh")));
  try {
    const program = await Promise.all(
      ways.map(async ({ args }, at) => {
        const its = { ...args, port: await freePort(), dataDirectory: `${scenario.directory.path}/i${at}` };
        return `new Instance("i${at}", { ${scenario.place}, ...${JSON.stringify(its)}, deletionProtection: false,
          settings: { shared_buffers: "1MB", max_connections: 10 } });`;
      }),
    );
    await scenario.project.setProgram(
      `const { Instance } = require("pulumi-pginstance");${program.join("")}`,
    );
    const patient = scenario.project.with({}, 15_000 * many);
    for (const run of ["up", "refresh", "destroy"] as const) {
      const marks = await Promise.all(ways.map(({ host }) => host?.mark()));
      const began = performance.now();
      expect(await patient[run]()).toMatchObject({ exitCode: 0 });
      console.log(`${run} of ${many} hosts: ${((performance.now() - began) / 1000).toFixed(1)} s`);
      const made = await Promise.all(ways.map(({ host }, at) => host?.handshakes(marks[at])));
      expect(made).toEqual(ways.map(() => 1));
    }
    expect(await scenario.leftovers()).toEqual([]);
  } finally {
    for (const way of ways) await way.dispose();
    await scenario.close();
  }
});
