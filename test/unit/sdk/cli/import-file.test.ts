import { describe, expect, test } from "vitest";
import { printImportFile } from "../../../../sdk/cli/import-file";
import { printProgram, resourceNames } from "../../../../sdk/cli/program";

const instance = {
  id: "main-0123456789",
  declared: { host: { local: {} }, name: "main", version: "15", port: 5433, settings: { "a.b": 'x"y' } },
  inputs: { host: { local: {} }, name: "main", version: "15", port: 5433, __defaults: { stopMode: "fast" } },
  outputs: { version: "15", observed: { settings: {} } },
  notes: ["app.password (postgresql.conf:7) is not declared: it may be a secret"],
} as const;

describe("the import file", () => {
  test("has inputs and outputs with the provider, and what was observed as a secret", () => {
    const { resources } = JSON.parse(printImportFile([{ resource: "main", instance }]));
    const provider = 'exports.handler = () => require("pulumi-pginstance/provider").instance;';
    expect(resources).toEqual([
      {
        type: "pulumi-nodejs:dynamic/pginstance:Instance",
        name: "main",
        id: "main-0123456789",
        inputs: { ...instance.inputs, __provider: provider },
        outputs: {
          version: "15",
          observed: {
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            plaintext: '{"settings":{}}',
          },
          __provider: provider,
        },
      },
    ]);
  });
});

describe("the program", () => {
  test("declares each under its resource's name, with what was left out as a comment", () => {
    expect(
      printProgram([{ resource: "main-15", instance }]),
    ).toBe(`import { Instance } from "pulumi-pginstance";

// app.password (postgresql.conf:7) is not declared: it may be a secret
export const main15 = new Instance("main-15", {
  name: "main",
  version: "15",
  port: 5433,
  settings: {
    "a.b": "x\\"y",
  },
});
`);
  });

  test.each([
    ["main", "main"],
    ["my.db-1", "myDb1"],
    ["9lives", "_9lives"],
    ["default", "_default"],
  ])("%s is the constant %s", (resource, constant) => {
    expect(printProgram([{ resource, instance }])).toContain(
      `export const ${constant} = new Instance("${resource}", {`,
    );
  });

  test("names of resources are unique", () => {
    const listed = [
      { name: "main", version: "15" },
      { name: "main", version: "17" },
      { name: "main", version: "17" },
      { name: "orders", version: "17" },
    ];
    expect(resourceNames(listed)).toEqual(["main-15", "main-17", "main-17-2", "orders"]);
  });
});
