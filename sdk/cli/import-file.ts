import type { Importable } from "../../provider/instances";
import { provider, secretOutputs, type } from "../kind";

/** An instance under the name that its resource shall have. */
export interface Named {
  readonly resource: string;
  readonly instance: Importable;
}

/**
 * What `pulumi import --file` takes, with inputs and outputs: the engine then asks no provider, which could not answer.
 * https://www.pulumi.com/docs/iac/cli/commands/pulumi_import/
 */
export function printImportFile(instances: readonly Named[]): string {
  const resources = instances.map(({ resource, instance: { id, inputs, outputs } }) => ({
    type,
    name: resource,
    id,
    inputs: sealed({ ...inputs, ...own }),
    outputs: sealed({ ...outputs, ...own }),
  }));
  return `${JSON.stringify({ resources }, null, 2)}\n`;
}

const own = { __provider: provider };

/** The engine's own sign of a secret, sdk/go/common/resource/properties.go */
const secretSign = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

function sealed(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      secretOutputs.includes(name) ? { ...secretSign, plaintext: JSON.stringify(value) } : value,
    ]),
  );
}
